//! How good the sample's embeddings are, as a score card: `cargo run --release --example score_card`.

use std::path::Path;

use embedlab::Result;
use embedlab::analysis::{Analysis, Context, Evaluate, EvaluateOptions};
use embedlab::chart::Style;
use embedlab::data::{Data, OpenOptions, Role, Roles};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `intrinsic_dimension.png`, `spectrum.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // What do the vectors say about the kind of food?
    let roles = Roles::default().with(Role::Label, "Kind");
    let options = OpenOptions { roles, ..Default::default() };
    let reviews = Data::open(&root.join("examples/data/food_reviews.parquet"), &options)?;
    let card = Evaluate::run(&reviews, &EvaluateOptions::default(), &Context::with_seed(42))?;

    for finding in &card.findings {
        println!("{:?} {} {:.3}: {}", finding.level, finding.id, finding.value, finding.message);
    }
    println!("\nintrinsic dimension by scale");
    for scale in &card.intrinsic_dimension.gride {
        println!("  neighbours {:2} and {:2}: {:.1} ± {:.1}", scale.n1, scale.n2, scale.id, scale.error);
    }
    if let Some(labels) = &card.labels {
        println!("\n{} by logistic regression, in five folds", labels.column);
        if let Some(probe) = labels.logistic {
            println!("  accuracy {:.3}, 95 % between {:.3} and {:.3}", probe.accuracy, probe.low, probe.high);
        }
        println!("  the most frequent kind alone: {:.3}", labels.majority);
        println!("  neighbours with the same kind: {:.3}", labels.agreement.unwrap_or_default());
    }

    for (flag, title) in [("dimension", "Intrinsic dimension by scale"), ("spectrum", "Spectrum")] {
        let name = if flag == "dimension" { "intrinsic_dimension.png" } else { "spectrum.png" };
        Evaluate::picture(&card, flag, &reviews, 42, Style::new(title))?.save(output.join(name))?;
        println!("drew {name} in {}", output.display());
    }
    Ok(())
}
