//! Vectors customized for kinds of food: `cargo run --release --example customizing`.

use std::path::Path;

use embedlab::Result;
use embedlab::analysis::{Analysis, Context, Customize, CustomizeOptions};
use embedlab::chart::Style;
use embedlab::data::Data;
use embedlab::view::{Look, terminal};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `customizing.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = Data::open(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let mut options = CustomizeOptions::default();
    options.source.same = Some("Kind".into());
    options.source.n_pairs = 600;
    options.matrix.learning_rates = vec![0.5];
    options.matrix.epochs = 6;
    let found = Customize::run(&reviews, &options, &Context::with_seed(42))?;
    println!("{}", terminal(&Customize::view(&found, Look::Text)?, 100));
    let style = Style::new("Pairs of reviews about one kind of food, and about two");
    Customize::picture(&found, "picture", &reviews, 42, style)?.save(output.join("customizing.png"))?;
    println!("drew customizing.png in {}", output.display());
    Ok(())
}
