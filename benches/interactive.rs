//! How soon the interactive page of 200,000 rows is drawn in headless Chromium, and how often it is
//! drawn anew while the map is moved; WebGL is painted in software. `cargo bench --bench interactive`
//!
//! It needs `chromedriver`. The number of rows can be given: `-- 1000000`.

use embedlab::chart::{ColorColumn, Groups, InteractiveMap};
use ndarray::Array2;
use webdriver::{Browser, Step};

#[path = "../tests/it/pages/webdriver.rs"]
#[allow(dead_code)]
mod webdriver;

const ROUNDS: usize = 5;

/// Moves the map in each frame for four seconds; gives pictures a second, the share of those with all
/// points, and the interval that 95 of 100 pictures keep.
const PAN: &str = "new Promise((done) => {
    const drawn = [];
    for (const [kind, paint] of [[CanvasRenderingContext2D, 'putImageData'], [WebGL2RenderingContext, 'drawArrays']]) {
        const before = kind.prototype[paint];
        kind.prototype[paint] = function (...all) { before.apply(this, all); drawn.push([performance.now(), false]); };
    }
    const map = document.querySelector('#map');
    const start = performance.now();
    const step = () => {
        const t = performance.now() - start;
        if (drawn.length) drawn[drawn.length - 1][1] = document.body.dataset.drawn === 'all';
        if (t > 4000) {
            const between = drawn.slice(1).map(([at], i) => at - drawn[i][0]).sort((a, b) => a - b);
            const seconds = (drawn[drawn.length - 1][0] - drawn[0][0]) / 1000;
            done([(drawn.length - 1) / seconds, drawn.filter(([, all]) => all).length / drawn.length, between[Math.floor(between.length * 0.95)]]);
            return;
        }
        const [clientX, clientY] = [600 + 150 * Math.sin(t / 400), 400 + 100 * Math.cos(t / 400)];
        map.dispatchEvent(new PointerEvent('pointermove', { pointerId: 1, clientX, clientY, bubbles: true }));
        requestAnimationFrame(step);
    };
    step();
})";

fn main() -> embedlab::Result<()> {
    let rows = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(200_000);
    let browser = Browser::start(1280, 860);
    let folder = tempfile::tempdir().map_err(|error| embedlab::Error::io("cannot make a folder", error))?;
    let file = folder.path().join("map.html");
    write(rows, &file)?;
    let size = std::fs::metadata(&file).map(|file| file.len() >> 20).unwrap_or_default();
    println!("{rows} rows with texts of about 400 characters, a page of {size} MB");
    println!("{:>10}  {:>10}  {:>11}  {:>10}  painter", "drawn ms", "pictures/s", "95 % within", "with all");
    for _ in 0..ROUNDS {
        browser.open(&file);
        browser.until("performance.getEntriesByName('map-drawn').length && document.body.dataset.painter");
        let drawn = browser.value("performance.getEntriesByName('map-drawn')[0].startTime");
        browser.until("document.readyState === 'complete'");
        browser.point(&[Step::To(600, 400), Step::Down]);
        let found = browser.value(PAN);
        browser.point(&[Step::Up]);
        let number = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
        println!(
            "{:>10.0}  {:>10.1}  {:>8.0} ms  {:>8.0} %  {}",
            number(&drawn),
            number(&found[0]),
            number(&found[2]),
            100.0 * number(&found[1]),
            browser.value("document.body.dataset.painter").as_str().unwrap_or("none")
        );
    }
    Ok(())
}

/// Four clouds of points with stars that follow none of them, and texts of made-up words.
fn write(rows: usize, file: &std::path::Path) -> embedlab::Result<()> {
    let mut state = 42_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    let words =
        ["coffee", "dog", "treats", "the", "a", "great", "taste", "bought", "salty", "again", "chocolate"];
    let mut points = Array2::zeros((rows, 2));
    let (mut stars, mut lengths, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for mut point in points.rows_mut() {
        let cloud = (uniform() * 4.0) as usize;
        for axis in 0..2 {
            let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            point[axis] = ([[3, 2], [-2, 3], [1, -3], [-4, -1]][cloud][axis] as f64 + normal) as f32;
        }
        stars.push((uniform() * 5.0).floor() + 1.0);
        let count = 40 + (uniform() * 60.0) as usize;
        let text: Vec<&str> = (0..count).map(|_| words[(uniform() * words.len() as f64) as usize]).collect();
        texts.push(Some(text.join(" ")));
        lengths.push(count as f64);
    }
    InteractiveMap::new(points.view())
        .texts(&texts)
        .color(ColorColumn::groups("stars", Groups::stars(&stars)))
        .color(ColorColumn::numbers("words", lengths))
        .save(file)
}
