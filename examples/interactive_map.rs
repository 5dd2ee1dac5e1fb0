//! The sample reviews as a page to explore: `cargo run --release --example interactive_map [FILE]`.
//!
//! Without a file it is `interactive_map.html` in the folder for temporary files.

use std::path::{Path, PathBuf};

use embedlab::chart::{ColorColumn, InteractiveMap};
use embedlab::map::neighbors_kept;
use embedlab::rows::Pca;
use embedlab::{Result, table};

fn main() -> Result<()> {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    write(&file.unwrap_or_else(|| std::env::temp_dir().join("interactive_map.html")))
}

/// Writes the page.
pub fn write(file: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;

    let pca = Pca::fit(&reviews.vectors(), 2)?;
    let points = pca.transform(&reviews.vectors())?;
    let kept = neighbors_kept(reviews.vectors(), points.view(), 10, 42)?;
    let texts = reviews.text("combined")?;

    let mut map = InteractiveMap::new(points.view())
        .title("Fine food reviews")
        .subtitle(format!(
            "{} rows of {} numbers, two principal components",
            reviews.n_rows(),
            reviews.dims()
        ))
        .texts(&texts)
        .trust([
            format!(
                "Two components hold {:.1} % of the variance.",
                100.0 * pca.explained_variance_ratio.iter().sum::<f64>()
            ),
            format!(
                "Of the {} nearest neighbours of a row, {:.0} % are among its nearest dots.",
                kept.k,
                100.0 * kept.share
            ),
        ]);
    for column in ColorColumn::all_of_table(&reviews) {
        map = map.color(column);
    }
    map.color_by("Score").save(file)?;
    println!("wrote {}; open it in a browser", file.display());
    Ok(())
}
