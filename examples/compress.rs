//! Fewer dimensions, fewer bits: what is left of the nearest rows. `cargo run --release --example compress`.

use std::path::Path;

use embedlab::chart::{Lines, Style};
use embedlab::compress::{CurveOptions, Method, Precision, curve};
use embedlab::{Result, table};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `compression.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let kinds = reviews.labels("Kind")?;
    let options = CurveOptions { methods: vec![Method::Truncate, Method::Pca], ..Default::default() };
    let found = curve(reviews.vectors(), None, Some(&kinds.codes), &options, &|_, _| ())?;

    println!("recall of the {} nearest rows, {} queries", found.k, found.queries);
    let smallest = found
        .points
        .iter()
        .filter(|point| !point.rescore && point.recall.mean >= 0.99)
        .min_by_key(|point| point.bytes);
    if let Some(point) = smallest {
        println!(
            "99 % stay with {} to {} dimensions as {}: {} bytes a row in place of {}",
            point.method.name(),
            point.dims,
            point.precision.name(),
            point.bytes,
            4 * reviews.dims()
        );
    }
    if let Some(tenth) = &found.tenth_less {
        println!("a tenth of the dimensions less, by SVD: recall {:.3}", tenth.point.recall.mean);
        if let Some(accuracy) = &tenth.accuracy {
            println!(
                "  the kind of food by the nearest rows: {:.3}, {:.3} with all (difference, 95 %: {:.3} to {:.3})",
                accuracy.first, accuracy.second, accuracy.interval.low, accuracy.interval.high
            );
        }
    }
    let mut lines = Lines::new("bytes a row", "recall").log_x(true);
    for precision in
        [Precision::F32, Precision::Int8, Precision::Rabitq4, Precision::Rabitq1, Precision::Binary]
    {
        let of_pca = found.points.iter().filter(|point| {
            (point.method, point.precision, point.rescore) == (Method::Pca, precision, false)
        });
        lines = lines
            .line(precision.name(), of_pca.map(|point| (point.bytes as f64, point.recall.mean)).collect());
    }
    let style = Style::new("Nearest rows that are still found")
        .subtitle("660 food reviews, PCA to 384, 192, 96, 48 and 24 dimensions");
    lines.draw(&style)?.save(output.join("compression.png"))?;
    println!("drew compression.png in {}", output.display());
    Ok(())
}
