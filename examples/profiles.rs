//! Profiles of users and products, and what they say about reviews that were held out:
//! `cargo run --release --example profiles`.

use std::path::Path;

use embedlab::analysis::star_picture;
use embedlab::chart::Style;
use embedlab::recommend::{EvaluationOptions, ProfileOptions, Ratings, evaluate, profiles};
use embedlab::{Result, split, table};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `profiles.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let (users, products) = (reviews.labels("UserId")?, reviews.labels("ProductId")?);
    let stars = reviews.numbers("Score")?;

    // A profile is the mean vector of a user's, or a product's, reviews.
    for (what, groups) in [("users", &users), ("products", &products)] {
        let options = ProfileOptions { min_count: 2, ..Default::default() };
        let found = profiles(&reviews.vectors(), &groups.codes, groups.names.len(), &options)?;
        println!("{} {what}, {} of them with two reviews or more", groups.names.len(), found.n_known());
    }

    // Here the profiles are made of the training rows alone: one that holds the review it is asked about
    // knows the answer.
    let split = split::train_test_split(reviews.n_rows(), 0.2, 42)?;
    let ratings = Ratings { users: &users, items: &products, ratings: &stars };
    let found = evaluate(&reviews.vectors(), &ratings, &split, &EvaluationOptions::default())?;
    println!(
        "\n{} of {} held-out reviews have a user and a product that were seen before",
        found.pairs, found.n_test
    );
    println!("correlation with the stars of");
    for scorer in &found.scorers {
        let (value, interval) = (scorer.pearson.unwrap_or(f64::NAN), scorer.pearson_interval);
        let between =
            interval.map(|i| format!(", 95 % between {:.2} and {:.2}", i.low, i.high)).unwrap_or_default();
        println!("  {:12} {value:5.2}{between}", scorer.name);
    }
    for label in &found.by_label {
        println!(
            "{} stars: {:3} reviews, median percentile {:.2}",
            label.label, label.n, label.median_percentile
        );
    }
    if let Some(caution) = &found.caution {
        println!("caution: {caution}");
    }

    let style = Style::new("Similarity of user and product, by stars")
        .subtitle(format!("{} held-out reviews", found.pairs));
    star_picture(&found, "stars", style)?.save(output.join("profiles.png"))?;
    println!("drew profiles.png in {}", output.display());
    Ok(())
}
