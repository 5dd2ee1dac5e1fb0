//! Clusters of the sample reviews, named and drawn: `cargo run --release --example clustering`.

use std::path::Path;

use embedlab::analysis::cluster_picture;
use embedlab::chart::Style;
use embedlab::cluster::{ClusterColumns, ClusterOptions, analyse};
use embedlab::map::RowMap;
use embedlab::{Result, table};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `clusters.png`, `clusters.svg`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;

    let columns = ClusterColumns::from_table(&reviews, Some("combined"), Some("Score"))?;
    let options = ClusterOptions { k: Some(8.into()), ..Default::default() };
    let found = analyse(&reviews.vectors(), &columns, &options, 42)?;

    println!(
        "inertia {:.1}, silhouette {:.3}\n",
        found.inertia.unwrap_or_default(),
        found.silhouette.unwrap_or_default()
    );
    for cluster in &found.clusters {
        let stars = cluster.mean_label.unwrap_or_default();
        println!("{} {:4} rows, {stars:.2} stars: {}", cluster.id, cluster.size, cluster.terms.join(", "));
    }

    let map = RowMap::by_pca(reviews.vectors(), 2, 42)?;
    let picture = cluster_picture(&map, &found, Style::new("Clusters of food reviews").size(960, 600))?;
    for name in ["clusters.png", "clusters.svg"] {
        picture.save(output.join(name))?;
        println!("drew {name} in {}", output.display());
    }
    Ok(())
}
