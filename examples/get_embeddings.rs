//! Tokens, prices and vectors of the sample reviews: `cargo run --release --example get_embeddings`.
//!
//! A lexical model needs neither key nor network. With a model's folder in MODEL it is asked too, and with
//! a key in OPENAI_API_KEY a server (OpenAI, or the one at OPENAI_BASE_URL), for three reviews each.

use std::path::Path;

use embedlab::chart::{Histogram, Style};
use embedlab::embed::{
    ApiKey, Client, ClientOptions, EmbedOptions, Embedder, Encoding, Lsa, LsaOptions, Models, Remote,
    estimate,
};
use embedlab::rows::Metric;
use embedlab::search::search;
use embedlab::table::Template;
use embedlab::{Result, table};
use ndarray::Array2;

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `tokens.png`.
pub fn draw(output: &Path) -> Result<()> {
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
    println!("{} by {}", shape(&vectors), lsa.model());
    let query = lsa.embed(&["good dog food".to_owned()])?;
    for hit in search(vectors.view(), query.row(0), 3, Metric::Cosine, None)? {
        println!("{:.3} {}", 1.0 - hit.distance, texts[hit.row].chars().take(70).collect::<String>());
    }

    // By a model on disk, and by a server.
    let few = &texts[..3];
    #[cfg(feature = "local-models")]
    if let Some(folder) = std::env::var_os("MODEL") {
        let model = embedlab::embed::LocalModel::open(folder)?;
        println!("{} by {}", shape(&model.embed(few)?), model.model());
    }
    if let Some(key) = ApiKey::from_env("OPENAI_API_KEY")? {
        let mut options = ClientOptions { key: Some(key), ..Default::default() };
        options.base_url = std::env::var("OPENAI_BASE_URL").unwrap_or(options.base_url);
        let model =
            Remote::new(Client::new(options)?, EmbedOptions::new("text-embedding-3-small", &models), None);
        println!("{} by {}", shape(&model.embed(few)?), model.model());
    }

    let mut tokens = Vec::new();
    for count in Encoding::Cl100kBase.counts(&texts) {
        tokens.push(count? as f32);
    }
    let picture =
        Histogram::new(&tokens, "tokens (cl100k_base)").draw(&Style::new("How long reviews are"))?;
    picture.save(output.join("tokens.png"))?;
    println!("drew tokens.png in {}", output.display());
    Ok(())
}

fn shape(vectors: &Array2<f32>) -> String {
    format!("{} vectors of {} numbers", vectors.nrows(), vectors.ncols())
}
