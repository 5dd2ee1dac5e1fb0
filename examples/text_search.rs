//! Reviews found by their meaning: `cargo run --release --example text_search`.

use std::path::Path;

use embedlab::chart::{Bars, Style};
use embedlab::rows::Metric;
use embedlab::search::{Filter, search};
use embedlab::{Result, table};

const K: usize = 10;

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `text_search.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let queries = table::read(&root.join("examples/data/queries.parquet"), &Default::default())?;
    let (summaries, kinds) = (reviews.text("Summary")?, reviews.text("Kind")?);
    let (asked, wanted) = (queries.text("query")?, queries.text("kind")?);

    let (mut names, mut shares) = (Vec::new(), Vec::new());
    for (row, query) in queries.vectors().rows().into_iter().enumerate() {
        let hits = search(reviews.vectors(), query, K, Metric::Cosine, None)?;
        let asked = asked[row].clone().unwrap_or_default();
        println!("{asked}");
        for hit in hits.iter().take(3) {
            println!("  {:.3} {}", 1.0 - hit.distance, summaries[hit.row].as_deref().unwrap_or_default());
        }
        // Where the query is about one kind of food, the answers can be checked.
        if let Some(kind) = &wanted[row] {
            let right = hits.iter().filter(|hit| kinds[hit.row].as_ref() == Some(kind)).count();
            names.push(asked);
            shares.push(right as f64 / K as f64);
        }
    }

    // The same among some of the rows: complaints that are not about pets.
    let filter = Filter::parse("Score <= 2 AND Kind NOT LIKE '%treats%'")?.keep(reviews.columns())?;
    let hits = search(reviews.vectors(), queries.vectors().row(0), 3, Metric::Cosine, Some(&filter))?;
    println!(
        "{}, among {} complaints",
        asked[0].as_deref().unwrap_or_default(),
        filter.iter().filter(|kept| **kept).count()
    );
    for hit in hits {
        println!("  {:.3} {}", 1.0 - hit.distance, summaries[hit.row].as_deref().unwrap_or_default());
    }

    let style = Style::new("Share of the first ten answers that are about the right food")
        .subtitle("queries about one kind of food; by chance it would be one in twelve");
    Bars::new(&names, &shares).draw(&style)?.save(output.join("text_search.png"))?;
    println!("drew text_search.png in {}", output.display());
    Ok(())
}
