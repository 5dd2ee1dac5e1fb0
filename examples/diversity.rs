//! How different reviews are: all, those of each kind of food, and the answers of a search.
//! `cargo run --release --example diversity`.

use std::path::Path;

use embedlab::chart::{Bars, Style};
use embedlab::quality::{diversity, diversity_of_groups};
use embedlab::search::{NeighborOptions, Query, neighbors};
use embedlab::{Result, table};
use ndarray::Axis;

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `diversity.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let queries = table::read(&root.join("examples/data/queries.parquet"), &Default::default())?;

    let all = diversity(reviews.vectors(), 42)?;
    println!(
        "{} reviews: mean cosine {:.3}, and as many different ones as {:.0} that have nothing in common",
        all.rows,
        all.mean_similarity.unwrap_or_default(),
        all.vendi.unwrap_or_default()
    );

    let kinds = reviews.labels("Kind")?;
    let mut groups = diversity_of_groups(reviews.vectors(), &kinds.codes, &kinds.names)?;
    groups.sort_by(|a, b| a.mean_similarity.unwrap_or(0.0).total_cmp(&b.mean_similarity.unwrap_or(0.0)));
    for group in &groups {
        println!(
            "{:22} {:3} reviews, mean cosine {:.3} ({:.3} to {:.3}), Vendi score {:4.1}, most like {}{}",
            group.group,
            group.rows,
            group.mean_similarity.unwrap_or_default(),
            group.low.unwrap_or_default(),
            group.high.unwrap_or_default(),
            group.vendi.unwrap_or_default(),
            group.nearest.as_deref().unwrap_or("none"),
            if group.redundant { ": they hold the same" } else { "" }
        );
    }

    // Do ten answers say ten things? Plain search, and with maximal marginal relevance.
    for (name, mmr) in [("the ten nearest", None), ("with MMR at 0.5", Some(0.5))] {
        let options = NeighborOptions { k: 10, mmr, ..Default::default() };
        let mut scores = Vec::new();
        for query in queries.vectors().rows() {
            let found = neighbors(reviews.vectors(), &Query::Vector(query, None), None, &options)?;
            let rows: Vec<usize> = found.neighbors.iter().map(|hit| hit.row).collect();
            let answers = reviews.vectors().select(Axis(0), &rows);
            scores.extend(diversity(answers.view(), 42)?.vendi);
        }
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        println!("{name}: {mean:.2} different answers of 10, mean of {} queries", scores.len());
    }

    let names: Vec<String> = groups.iter().map(|group| group.group.clone()).collect();
    let cosines: Vec<f64> = groups.iter().filter_map(|group| group.mean_similarity).collect();
    let style = Style::new("How alike the reviews of one kind of food are").subtitle(format!(
        "mean cosine of all pairs; {:.2} among all reviews",
        all.mean_similarity.unwrap_or_default()
    ));
    Bars::new(&names, &cosines).draw(&style)?.save(output.join("diversity.png"))?;
    println!("drew diversity.png in {}", output.display());
    Ok(())
}
