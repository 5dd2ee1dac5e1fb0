//! How long a scatter plot takes from points to PNG bytes. `cargo bench --bench scatter`

use std::time::Instant;

use embedlab::chart::{Groups, Scatter, Style};
use ndarray::Array2;

const ROUNDS: usize = 15;

fn main() -> embedlab::Result<()> {
    println!("{:>9}  {:>10}  {:>21}  {:>9}", "points", "median ms", "least..most", "PNG bytes");
    for n in [1_000, 10_000, 100_000, 1_000_000] {
        let (points, stars) = clouds(n);
        let style = Style::new("Scatter").subtitle(format!("n = {n}"));
        let mut times = Vec::with_capacity(ROUNDS);
        let mut size = 0;
        for _ in 0..ROUNDS {
            let groups = Groups::stars(&stars);
            let start = Instant::now();
            size = Scatter::new(points.view()).groups(groups).means(true).draw(&style)?.png()?.len();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let spread = format!("{:.1}..{:.1}", times[0], times[ROUNDS - 1]);
        println!("{n:>9}  {:>10.1}  {spread:>21}  {size:>9}", times[ROUNDS / 2]);
    }
    Ok(())
}

/// Four clouds of points with stars that follow none of them.
fn clouds(n: usize) -> (Array2<f32>, Vec<f64>) {
    let mut state = 42_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    let mut points = Array2::zeros((n, 2));
    let mut stars = Vec::with_capacity(n);
    for mut point in points.rows_mut() {
        let cloud = (uniform() * 4.0) as usize;
        for axis in 0..2 {
            let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            point[axis] = ([[3, 2], [-2, 3], [1, -3], [-4, -1]][cloud][axis] as f64 + normal) as f32;
        }
        stars.push((uniform() * 5.0).floor() + 1.0);
    }
    (points, stars)
}
