//! May the model be changed? Two models' vectors of the same rows: `cargo run --release --example compare`.
//!
//! The sample has the vectors of one model; the other is here the same model cut to 64 dimensions, and LSA, which knows
//! words only.

use std::path::Path;

use embedlab::chart::{Bars, Style};
use embedlab::compare::{
    PairedScore, Sides, Space, cka, distance_correlation, information_imbalance, neighbor_overlap,
    paired_scores,
};
use embedlab::compress::{Method, Reduction};
use embedlab::embed::{Embedder, Lsa, LsaOptions};
use embedlab::rows::Metric;
use embedlab::{Result, table};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `comparison.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let (rows, kinds) = (reviews.vectors(), reviews.labels("Kind")?);
    let short = Reduction::fit(rows, Method::Pca, 64, 42)?.transform(rows, 64)?;
    let texts: Vec<String> = reviews.text("combined")?.into_iter().map(Option::unwrap_or_default).collect();
    let words = Lsa::fit(&texts, &LsaOptions { dims: 64, ..Default::default() })?.embed(&texts)?;
    let space = Space::of(rows, 10, 42)?;
    let (mut names, mut overlaps) = (Vec::new(), Vec::new());
    for (name, other) in [("64 dimensions by PCA", short), ("LSA: words only", words)] {
        let of_other = Space::of(other.view(), 10, 42)?;
        let overlap = neighbor_overlap(&space.cosine, &of_other.cosine, 10);
        let overlap = overlap.iter().sum::<f64>() / overlap.len() as f64;
        let alike = cka(&rows, &other)?;
        println!("{name}: a row keeps {overlap:.2} of its 10 nearest rows");
        println!("  CKA {:.3}, debiased {:.3}", alike.plain.unwrap_or(0.0), alike.debiased.unwrap_or(0.0));
        if let Some(found) = information_imbalance(rows, other.view(), Metric::Cosine, 42)? {
            println!("  imbalance: {:.3} to it, {:.3} back", found.a_to_b, found.b_to_a);
        }
        if let Some(found) = distance_correlation(rows, other.view(), Metric::Cosine, 42)? {
            println!("  rank correlation of distances {found:.3}");
        }
        let sides = Sides { a: (rows, &space), b: (other.view(), &of_other) };
        let (scores, _) = paired_scores(&sides, Some(&kinds), 10, 42)?;
        for score in scores.iter().filter(|score| score.name.starts_with("accuracy")) {
            let PairedScore { name, a: Some(a), b: Some(b), low: Some(low), high: Some(high), .. } = score
            else {
                continue;
            };
            println!("  {name}: {a:.3} before, {b:.3} after (difference, 95 %: {low:.3} to {high:.3})");
        }
        names.push(name.to_owned());
        overlaps.push(overlap);
    }
    let style =
        Style::new("Nearest rows that stay").subtitle("660 food reviews, 10 nearest rows").size(760, 240);
    Bars::new(&names, &overlaps).whole(1.0).draw(&style)?.save(output.join("comparison.png"))?;
    println!("drew comparison.png in {}", output.display());
    Ok(())
}
