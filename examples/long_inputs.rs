//! A text that is longer than a model takes: cut off, or cut up and averaged: `cargo run --release --example long_inputs`.

use std::path::Path;

use embedlab::chart::{Bars, Style};
use embedlab::embed::{Borders, Embedder, Encoding, Lsa, LsaOptions, Piece, pieces, truncate, weighted_mean};
use embedlab::{Result, table};
use ndarray::Array1;

/// Tokens that the model is said to take.
const LIMIT: usize = 1000;

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))?;
    Ok(())
}

/// Draws `long_inputs.png` into a folder. Gives the cosine of each way with the whole text, cut off first.
pub fn draw(output: &Path) -> Result<Vec<f64>> {
    let guide = "AGI ".repeat(5000);
    let cut = pieces(&guide, Encoding::Cl100kBase, 8191, Borders::Token)?;
    println!("'AGI ' * 5000: {:?} tokens", cut.iter().map(|piece| piece.tokens).collect::<Vec<_>>());

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let texts: Vec<String> = reviews.text("combined")?.into_iter().flatten().collect();
    let lsa = Lsa::fit(&texts, &LsaOptions::default())?;
    // A hundred reviews as one text of paragraphs; this model has no limit, so the whole can be compared.
    let long = texts[..100].join("\n\n");
    let whole = lsa.embed(std::slice::from_ref(&long))?.row(0).to_owned();
    println!("a text of {} tokens, {LIMIT} at a time", Encoding::Cl100kBase.count(&long)?);

    let mean = |pieces: &[Piece<'_>]| -> Result<Array1<f32>> {
        let texts: Vec<String> = pieces.iter().map(|piece| piece.text.to_owned()).collect();
        let tokens: Vec<usize> = pieces.iter().map(|piece| piece.tokens).collect();
        Ok(weighted_mean(lsa.embed(&texts)?.view(), &tokens))
    };
    let cut = |borders| pieces(&long, Encoding::Cl100kBase, LIMIT, borders);
    let ways = [
        ("cut off", vec![truncate(&long, Encoding::Cl100kBase, LIMIT)?]),
        ("averaged, cut at tokens", cut(Borders::Token)?),
        ("averaged, cut at sentences", cut(Borders::Sentence)?),
        ("averaged, cut at paragraphs", cut(Borders::Paragraph)?),
    ];
    let mut names = Vec::new();
    let mut cosines = Vec::new();
    for (name, pieces) in &ways {
        let vector = mean(pieces)?;
        let cosine: f64 = vector.iter().zip(&whole).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        println!("{name}: {} pieces, cosine {cosine:.3} with the whole text", pieces.len());
        names.push((*name).to_owned());
        cosines.push(cosine);
    }
    let picture = Bars::new(&names, &cosines)
        .draw(&Style::new("A long text: cosine with the vector of the whole").size(960, 320))?;
    picture.save(output.join("long_inputs.png"))?;
    println!("drew long_inputs.png in {}", output.display());
    Ok(cosines)
}
