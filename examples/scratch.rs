use embedlab::cluster::KMeans;
use std::time::Instant;
fn load(p: &str) -> ndarray::Array2<f32> {
    let b = std::fs::read(p).unwrap();
    let hl = u16::from_le_bytes([b[8], b[9]]) as usize;
    let h = String::from_utf8_lossy(&b[10..10 + hl]).to_string();
    let sh = h.split("'shape': (").nth(1).unwrap().split(')').next().unwrap().to_string();
    let v: Vec<usize> = sh.split(',').filter_map(|x| x.trim().parse().ok()).collect();
    let data: Vec<f32> = b[10 + hl..].as_chunks::<4>().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
    ndarray::Array2::from_shape_vec((v[0], v[1]), data).unwrap()
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let x = load(&a[1]);
    match a[2].as_str() {
        "kmeans" => {
            let (k, n_init, it) = (a[3].parse().unwrap(), a[4].parse().unwrap(), a[5].parse().unwrap());
            for s in 0..3u64 {
                let t = Instant::now();
                let m = KMeans::params(k).n_init(n_init).max_iter(it).seed(42 + s).fit_rows(&x).unwrap();
                println!(
                    "k={k} n_init={n_init} {:.3} s inertia {:.2} iter {}",
                    t.elapsed().as_secs_f64(),
                    m.inertia,
                    m.n_iter
                );
            }
        }
        "pca" => {
            for _ in 0..2 {
                let t = Instant::now();
                let p = embedlab::rows::Pca::fit(&x, 50).unwrap();
                let f = t.elapsed().as_secs_f64();
                let y = p.transform(&x).unwrap();
                println!(
                    "pca fit {f:.3} all {:.3} {:?} {}",
                    t.elapsed().as_secs_f64(),
                    &p.explained_variance[..3],
                    y[[0, 0]]
                );
            }
        }
        "search" => {
            use embedlab::rows::{Metric, top_k};
            let q = x.select(ndarray::Axis(0), &(0..100).map(|i| i * 397 % x.nrows()).collect::<Vec<_>>());
            for metric in [Metric::Dot, Metric::Cosine, Metric::L2, Metric::Dot] {
                let t = Instant::now();
                let r = top_k(&x, q.view(), 10, metric).unwrap();
                let e = t.elapsed().as_secs_f64();
                let t = Instant::now();
                let r1 = top_k(&x, q.slice(ndarray::s![..1, ..]), 10, metric).unwrap();
                let e1 = t.elapsed().as_secs_f64();
                println!(
                    "{metric:?} 100 queries {:.4}  one {:.2} ms  {:.1} GB/s {} {}",
                    e,
                    e1 * 1e3,
                    x.len() as f64 * 4.0 / e1 / 1e9,
                    r[0][0].row,
                    r1[0][0].row
                );
            }
        }
        "one" => {
            use embedlab::rows::{Metric, top_k};
            let q = x.slice(ndarray::s![7..8, ..]).to_owned();
            for metric in [Metric::Dot, Metric::Cosine] {
                for _ in 0..20 {
                    let t = Instant::now();
                    let r1 = top_k(&x, q.view(), 10, metric).unwrap();
                    let e1 = t.elapsed().as_secs_f64();
                    println!(
                        "{metric:?} one {:.2} ms  {:.1} GB/s {}",
                        e1 * 1e3,
                        x.len() as f64 * 4.0 / e1 / 1e9,
                        r1[0][0].row
                    );
                }
            }
        }
        _ => {}
    }
}
