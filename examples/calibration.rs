//! From which cosine on two reviews are of one product: `cargo run --release --example calibration`.

use std::path::Path;

use embedlab::Result;
use embedlab::analysis::{Analysis, Calibrate, CalibrationOptions, Context};
use embedlab::chart::Style;
use embedlab::data::Data;
use embedlab::view::{Look, terminal};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `calibration.png`, `reliability.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = Data::open(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let mut options = CalibrationOptions::default();
    options.source.same = Some("Product".into());
    let found = Calibrate::run(&reviews, &options, &Context::with_seed(42))?;
    println!("{}", terminal(&Calibrate::view(&found, Look::Text)?, 100));
    let draw = |flag: &str, title: &str, file: &str| {
        Calibrate::picture(&found, flag, &reviews, 42, Style::new(title))?.save(output.join(file))
    };
    draw("picture", "Two reviews of one product, and of two", "calibration.png")?;
    draw("reliability", "How probable it is that two reviews are of one product", "reliability.png")?;
    println!("drew calibration.png and reliability.png in {}", output.display());
    Ok(())
}
