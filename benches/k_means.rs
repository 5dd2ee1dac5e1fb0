//! k-means: `cargo bench --bench k_means [-- rows.npy]`.

mod measure;

use embedlab::cluster::KMeans;

fn main() {
    let rows = measure::rows(50_000, 1536);
    let shape = format!("{} x {}", rows.nrows(), rows.ncols());
    let cases: &[(usize, usize, usize)] = if rows.nrows() < 10_000 {
        &[(4, 10, 300), (20, 1, 300)]
    } else {
        &[(4, 10, 50), (20, 1, 50), (100, 1, 10)]
    };
    for &(k, n_init, max_iter) in cases {
        let name = format!("k-means k={k} n_init={n_init} max_iter={max_iter}");
        let fit =
            || KMeans::params(k).n_init(n_init).max_iter(max_iter).fit_rows(&rows).expect("rows that fit");
        let model = measure::measure(&name, &shape, fit);
        println!("    inertia {:.2} after {} iterations", model.inertia, model.n_iter);
    }
}
