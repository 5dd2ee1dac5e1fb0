//! PCA to 50 dimensions: `cargo bench --bench pca [-- rows.npy]`.

mod measure;

use embedlab::rows::Pca;

fn main() {
    let rows = measure::rows(50_000, 1536);
    let shape = format!("{} x {}", rows.nrows(), rows.ncols());
    measure::measure("PCA to 50: fit and transform", &shape, || {
        let pca = Pca::fit(&rows, 50).expect("enough rows");
        pca.transform(&rows).expect("equal dimensions")
    });
}
