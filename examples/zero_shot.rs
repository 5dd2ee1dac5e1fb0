//! Labels without training, and whether words or sentences describe them better:
//! `cargo run --release --example zero_shot`.

use std::path::Path;

use embedlab::chart::{HeatMap, PrecisionRecallCurves, Style};
use embedlab::table::Table;
use embedlab::zero_shot::{LabelVectors, Truth, evaluate, map_truth, zero_shot};
use embedlab::{Result, table};

/// The label vectors of one set of the labels file; a label may have several texts.
fn labels(file: &Table, set: &str) -> Result<LabelVectors> {
    let sets = file.text("set")?;
    let rows: Vec<usize> = (0..file.n_rows()).filter(|row| sets[*row].as_deref() == Some(set)).collect();
    let chosen = file.take(&rows)?;
    let names: Vec<String> = chosen.text("label")?.into_iter().flatten().collect();
    LabelVectors::new(&names, Some(chosen.text("text")?), chosen.into_vectors())
}

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `zero_shot.png`, `zero_shot_kinds.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let file = table::read(&root.join("examples/data/labels.parquet"), &Default::default())?;

    // Three stars are neither: such rows are left out, and counted.
    let stars = reviews.labels("Score")?;
    let sides = [("1", "negative"), ("2", "negative"), ("4", "positive"), ("5", "positive")];
    let sides = sides.map(|(star, side)| (star.to_owned(), side.to_owned()));
    for set in ["sentiment-short", "sentiment-long"] {
        let labels = labels(&file, set)?;
        let truth: Truth = map_truth(&stars, &sides, labels.names())?;
        let found = evaluate(&zero_shot(&reviews.vectors(), &labels)?, &truth, &labels, &Default::default())?;
        println!(
            "{set}: accuracy {:.2}, balanced {:.2}, on {} rows; always the same answer: {:.2}, balanced 0.50",
            found.accuracy, found.balanced_accuracy, found.n, found.baseline_accuracy
        );
        if let Some(chosen) = &found.threshold {
            println!(
                "  with the best threshold of the training part, {:.3}: balanced {:.2} on the test part, {:.2} at 0",
                chosen.best, chosen.test.balanced_accuracy, chosen.test_at_zero.balanced_accuracy
            );
        }
        if let Some((name, curve)) = found.positive_curve() {
            let style = Style::new("Zero-shot sentiment")
                .subtitle(format!("{} reviews, labels as sentences", found.n));
            PrecisionRecallCurves::one(name, curve).draw(&style)?.save(output.join("zero_shot.png"))?;
        }
    }

    let labels = labels(&file, "kinds")?;
    let truth = map_truth(&reviews.labels("Kind")?, &[], labels.names())?;
    let found = evaluate(&zero_shot(&reviews.vectors(), &labels)?, &truth, &labels, &Default::default())?;
    println!(
        "kinds: accuracy {:.2}; always the largest kind: {:.2}\n\n{}",
        found.accuracy, found.baseline_accuracy, found.report
    );
    let style = Style::new("Kinds of food without training").size(960, 720);
    HeatMap::new(&found.confusion, labels.names()).draw(&style)?.save(output.join("zero_shot_kinds.png"))?;
    println!("drew zero_shot.png and zero_shot_kinds.png in {}", output.display());
    Ok(())
}
