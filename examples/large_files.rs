//! A file that is passed over in blocks: what it will take, clusters in two passes, and rows that came later:
//! `cargo run --release --example large_files`.

use embedlab::analysis::{Analysis, Cluster, Context, Plan};
use embedlab::cluster::{ClusterOptions, Passes};
use embedlab::data::{Budget, Data, OpenOptions};
use embedlab::rows::RowSource;
use embedlab::table;
use embedlab::{Error, Result};

fn main() -> Result<()> {
    // Any Parquet file, folder of parts or pattern; this one is small, so that it is quick.
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/food_reviews.parquet");
    let memory = Budget::bytes(512 << 20);
    let options = ClusterOptions {
        k: Some(8.into()),
        passes: Some(Passes::Two),
        fit_rows: Some(400),
        ..ClusterOptions::default()
    };

    // Before anything is read: rows, passes, bytes, memory.
    let extent = table::extent(std::slice::from_ref(&file), &Default::default())?;
    let cost = Cluster::cost(&options, extent.rows, extent.dims, memory)?;
    let plan = Plan::new("cluster", &extent, extent.rows, &cost, memory);
    println!("{} rows in {} passes, {} bytes read", plan.rows, plan.passes, plan.bytes_read);

    // The vectors are read in blocks at each pass, and never all at once.
    let open = OpenOptions { stream: true, memory, ..OpenOptions::default() };
    let rows = Data::open(&file, &open)?;
    let found = Cluster::run(&rows, &options, &Context::with_seed(42))?;
    if let Some(sample) = &found.sample {
        println!("fitted on {} of {} rows; sizes of all: {:?}", sample.rows, rows.n_rows(), found.sizes);
    }

    // One more pass gives any rows the nearest centroids, with their distances.
    let model = found.model.ok_or_else(|| Error::argument("k-means has a model"))?;
    let assigned = model.assign_rows(&rows)?;
    let farthest = assigned.distances.iter().copied().fold(0.0, f32::max);
    println!("the farthest row is {farthest:.3} from its centroid");
    Ok(())
}
