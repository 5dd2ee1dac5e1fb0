//! Tokens, prices and vectors of the sample reviews, without a key: `cargo run --release --example get_embeddings`.
//!
//! With a key in OPENAI_API_KEY, `embedlab embed FILE --model text-embedding-3-small -o OUT` asks OpenAI.

use std::path::Path;

use embedlab::chart::{Histogram, Style};
use embedlab::embed::{EmbedOptions, Embedder, Encoding, Lsa, LsaOptions, Models, Template, estimate};
use embedlab::rows::Metric;
use embedlab::search::search;
use embedlab::{Result, table};

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let (titles, bodies) = (reviews.text("Summary")?, reviews.text("Text")?);
    let template = Template::parse("Title: {Summary}; Content: {Text}")?;
    let texts: Vec<String> = titles
        .iter()
        .zip(&bodies)
        .map(|(title, body)| template.fill(&[title.as_deref(), body.as_deref()]))
        .collect();

    // What it would cost, before anything is paid.
    let models = Models::default();
    for name in ["text-embedding-ada-002", "text-embedding-3-small", "text-embedding-3-large"] {
        let take = estimate(&texts, &EmbedOptions::new(name, &models), None)?;
        let usd = models.get(name).and_then(|model| model.usd(take.tokens)).unwrap_or_default();
        println!("{name}: {} different texts, {} tokens, ${usd:.4}", take.texts, take.tokens);
    }

    // The vectors of a lexical model, which needs no server.
    let lsa = Lsa::fit(&texts, &LsaOptions::default())?;
    let vectors = lsa.embed(&texts)?;
    println!("{} vectors of {} numbers by {}", vectors.nrows(), vectors.ncols(), lsa.model());
    let query = lsa.embed(&["good dog food".to_owned()])?;
    for hit in search(vectors.view(), query.row(0), 3, Metric::Cosine, None)? {
        println!("{:.3} {}", 1.0 - hit.distance, texts[hit.row].chars().take(70).collect::<String>());
    }

    let mut tokens = Vec::new();
    for count in Encoding::Cl100kBase.counts(&texts) {
        tokens.push(count? as f32);
    }
    let picture =
        Histogram::new(&tokens, "tokens (cl100k_base)").draw(&Style::new("How long reviews are"))?;
    picture.save(root.join("output/tokens.png"))?;
    println!("drew output/tokens.png");
    Ok(())
}
