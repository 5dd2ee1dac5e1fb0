//! What a model associates with names, flowers and arts: `cargo run --release --example associations`.

use std::path::Path;

use embedlab::Result;
use embedlab::analysis::{Analysis, Bias, BiasOptions, Context};
use embedlab::chart::Style;
use embedlab::data::Data;
use embedlab::view::{Look, terminal};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `associations.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = Data::open(&root.join("examples/data/association_words.parquet"), &Default::default())?;
    let options = BiasOptions { permutations: 9_999, ..Default::default() };
    let found = Bias::run(&words, &options, &Context::with_seed(42))?;
    println!("{}", terminal(&Bias::view(&found, Look::Text)?, 120));
    let style = Style::new("Association tests of all-MiniLM-L6-v2");
    Bias::picture(&found, "picture", &words, 42, style)?.save(output.join("associations.png"))?;
    println!("drew associations.png in {}", output.display());
    Ok(())
}
