//! Copies and near copies, and how many test rows a model has already seen: `cargo run --release --example duplicates`.

use std::path::Path;

use embedlab::chart::{Histogram, Style};
use embedlab::quality::{DuplicateOptions, Graph, Keep, find_duplicates, known_from, similarity_groups};
use embedlab::rows::Metric;
use embedlab::{Result, split, table};
use ndarray::{Axis, concatenate, s};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `duplicates.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let rows = reviews.vectors();

    // The sample has no copies, so some are made: twenty as they are, twenty with a change in the last digits.
    let mut changed = rows.slice(s![20..40, ..]).to_owned();
    changed.iter_mut().enumerate().for_each(|(at, x)| *x += (at % 7) as f32 * 1e-3);
    let dirty = concatenate![Axis(0), rows, rows.slice(s![..20, ..]), changed];
    let found = find_duplicates(dirty.view(), None, &DuplicateOptions::default())?;
    let kept = found.kept(dirty.nrows(), Keep::First);
    println!("{} rows, {} of them copies added here", dirty.nrows(), dirty.nrows() - rows.nrows());
    println!("  {} groups with the same numbers", found.exact_vector.len());
    println!("  {} groups with a cosine of at least 0.95", found.near.len());
    println!("  {} rows are left when one of each group is kept", kept.iter().filter(|kept| **kept).count());

    // Leaks: which test rows does the training part hold already, almost or exactly?
    let parts = split::train_test_split(dirty.nrows(), 0.2, 42)?;
    let part = |rows: &[usize]| dirty.select(Axis(0), rows);
    let (train, test) = (part(&parts.train), part(&parts.test));
    let known = known_from(test.view(), None, train.view(), None, Some(0.95))?;
    println!("\n{} of {} test rows are in the training part as well", known.len(), test.nrows());

    // Rows that are alike stay on one side when the split knows the groups that they make.
    let groups = similarity_groups(dirty.view(), 0.95)?;
    let parts = split::group_split(&groups, 0.2, 42)?;
    let known = known_from(part(&parts.test).view(), None, part(&parts.train).view(), None, Some(0.95))?;
    println!("{} after a split by similarity", known.len());

    let graph = Graph::of(dirty.view(), 1, Metric::Cosine)?;
    let cosines: Vec<f32> = graph.distances_at(0).map(|distance| (1.0 - distance) as f32).collect();
    let style = Style::new("Cosine with the nearest other row")
        .subtitle("660 reviews and 40 copies of them: the copies stand apart, on the right");
    let picture = Histogram::new(&cosines, "cosine").bins(50).draw(&style)?;
    picture.save(output.join("duplicates.png"))?;
    println!("drew duplicates.png in {}", output.display());
    Ok(())
}
