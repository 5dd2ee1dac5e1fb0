//! Rows that do not belong: reviews of one kind of food with three of other kinds among them, found by three methods.
//! `cargo run --release --example outliers`.

use std::path::Path;

use embedlab::chart::{Bars, Style};
use embedlab::metric::roc;
use embedlab::quality::{
    Graph, IsolationForestOptions, LOF_THRESHOLD, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD, isolation_forest,
    knn_outliers, local_outlier_factor,
};
use embedlab::rows::Metric;
use embedlab::{Result, table};
use ndarray::Axis;

/// Strangers among the reviews of one kind.
const PLANTED: usize = 3;

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `outliers.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let (kinds, summaries) = (reviews.labels("Kind")?, reviews.text("Summary")?);

    // The whole file: which reviews are unlike all others?
    let graph = Graph::of(reviews.vectors(), OUTLIER_NEIGHBORS, Metric::Cosine)?;
    let found = knn_outliers(&graph, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD)?;
    println!("{} of {} reviews stand out; the oddest:", found.count(), reviews.n_rows());
    for row in found.order().into_iter().take(5) {
        println!("  {:.3} {}", found.scores[row], summaries[row].as_deref().unwrap_or_default());
    }

    // A test with known answers: each kind by itself, with every 100th review of the others planted in it.
    let names = ["nearest rows", "local outlier factor", "isolation forest"].map(String::from);
    let mut sums = [0.0; 3];
    for kind in 0..kinds.names.len() as u32 {
        let of_kind = |row: &usize| kinds.codes[*row] == Some(kind);
        let own: Vec<usize> = (0..reviews.n_rows()).filter(of_kind).collect();
        let others = (kind as usize..reviews.n_rows()).step_by(100).filter(|row| !of_kind(row));
        let mixed: Vec<usize> = own.iter().copied().chain(others.take(PLANTED)).collect();
        let planted: Vec<bool> = (0..mixed.len()).map(|at| at >= own.len()).collect();
        let rows = reviews.vectors().select(Axis(0), &mixed);
        let graph = Graph::of(rows.view(), OUTLIER_NEIGHBORS, Metric::Cosine)?;
        let methods = [
            knn_outliers(&graph, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD)?,
            local_outlier_factor(&graph, OUTLIER_NEIGHBORS, LOF_THRESHOLD)?,
            isolation_forest(rows.view(), &IsolationForestOptions::default())?,
        ];
        for (sum, found) in sums.iter_mut().zip(methods) {
            *sum += roc(&planted, &found.values)?.area.unwrap_or(0.5);
        }
    }
    let areas = sums.map(|sum| sum / kinds.names.len() as f64);
    println!("\nmean area under the ROC curve, {PLANTED} strangers among about 55 reviews of one kind:");
    names.iter().zip(areas).for_each(|(name, area)| println!("  {area:.3} {name}"));

    let style = Style::new("Strangers among the reviews of one kind of food")
        .subtitle("area under the ROC curve, mean of twelve kinds; 0.5 is chance");
    Bars::new(&names, &areas).draw(&style.size(760, 300))?.save(output.join("outliers.png"))?;
    println!("drew outliers.png in {}", output.display());
    Ok(())
}
