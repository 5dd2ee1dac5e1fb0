//! Maps of the sample reviews in two and three dimensions, and how far to trust them:
//! `cargo run --release --example maps`.

use std::path::Path;

use embedlab::chart::{Groups, Scatter, Scatter3, Style};
use embedlab::map::{PlaceParams, Tsne, trust};
use embedlab::{Result, table};
use ndarray::s;

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `map.png`, `map_3d.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let kinds = reviews.labels("Kind")?;
    let of: Vec<Option<usize>> = kinds.codes.iter().map(|code| code.map(|code| code as usize)).collect();
    let groups = Groups::with_gaps(&of, kinds.names.clone())?;

    for dims in [2, 3] {
        let map = Tsne::params().n_components(dims).perplexity(15.0).seed(42).fit_rows(reviews.vectors())?;
        let trust = trust(reviews.vectors(), map.points.view(), 42)?;
        println!(
            "{dims}-D: KL {:.3}, trustworthiness {:.3}, {:.0} % of the {} nearest neighbours kept",
            map.divergence.value,
            trust.trustworthiness,
            100.0 * trust.neighbors_kept,
            trust.k
        );
        let subtitle = format!("{} reviews, t-SNE in {dims} dimensions", reviews.n_rows());
        let caption = format!(
            "{:.0} % of the {} nearest neighbours kept, trustworthiness {:.3}",
            100.0 * trust.neighbors_kept,
            trust.k,
            trust.trustworthiness
        );
        let style = Style::new("Kinds of food").subtitle(subtitle).caption(caption).size(960, 600);
        let name = if dims == 2 { "map.png" } else { "map_3d.png" };
        let (points, groups) = (map.points.view(), groups.clone());
        let picture = match dims {
            2 => Scatter::new(points).groups(groups).draw(&style)?,
            _ => Scatter3::new(points).groups(groups).draw(&style)?,
        };
        picture.save(output.join(name))?;
        println!("drew {name} in {}", output.display());

        if dims == 2 {
            let new = reviews.vectors().slice(s![..3, ..]).mapv(|x| x * 0.99);
            let placed = PlaceParams::default().place(reviews.vectors(), map.points.view(), new.view())?;
            println!(
                "three reviews, placed again: {placed:.1}, where they were: {:.1}",
                map.points.slice(s![..3, ..])
            );
        }
    }
    Ok(())
}
