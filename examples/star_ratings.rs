//! Stars from embeddings, as numbers and as classes: `cargo run --release --example star_ratings`.

use std::path::Path;

use embedlab::chart::{PrecisionRecallCurves, Predicted, Style};
use embedlab::model::{Classes, ModelOptions, SampleInfo, classify, regress};
use embedlab::{Result, split, table};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `regression.png`, `classification.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let texts = reviews.text("combined")?;
    let split = split::train_test_split(reviews.n_rows(), 0.2, 42)?;
    let options = ModelOptions::default();
    let info = SampleInfo { texts: Some(&texts), ..Default::default() };

    let stars: Vec<f64> = reviews.numbers("Score")?.into_iter().flatten().collect();
    let found = regress(reviews.vectors(), &stars, &split, &info, &options)?;
    println!("as a number: MAE {:.2}; always the median: {:.2}", found.scores.mae, found.baseline.mae);
    let picture = Predicted::new(&found.truth, &found.predicted).unit("stars");
    picture.draw(&Style::new("Stars predicted from the embedding"))?.save(output.join("regression.png"))?;

    let classes = Classes::try_from(reviews.labels("Score")?)?;
    let found = classify(reviews.vectors(), &classes, &split, &info, &options)?;
    println!("{}", found.report);
    println!("always the most frequent class: {:.2}", found.baseline.accuracy);
    let picture = PrecisionRecallCurves::new(&found.curves);
    picture.draw(&Style::new("Stars as classes"))?.save(output.join("classification.png"))?;
    println!("drew regression.png and classification.png in {}", output.display());
    Ok(())
}
