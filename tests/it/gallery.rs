//! What the pictures in `output/` look like: their structure (size, colours, how much of each and where) is
//! compared, not their bytes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::support::root;

const WRITE: &str = "look at it, then run GALLERY=write cargo test --test it gallery";

/// How far the middle of a colour may move, in shares of the width and of the height.
const MOVE: f64 = 0.06;

/// The structure of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Structure {
    width: u32,
    height: u32,
    /// PNG: each colour that covers at least a thousandth, in 16 steps of each channel.
    /// SVG: each kind of element, and the circles of each colour.
    parts: BTreeMap<String, Part>,
}

/// How much there is of a part, and its middle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Part {
    /// PNG: the share of the pixels. SVG: the number of elements.
    amount: f64,
    /// In shares of the width and of the height; SVG: of circles only.
    middle: Option<[f64; 2]>,
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// A picture as bytes of red, green and blue.
struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
}

impl Pixels {
    fn read(path: &Path) -> Pixels {
        let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(frame.bit_depth, png::BitDepth::Eight);
        let samples = frame.color_type.samples();
        let rgb = bytes[..frame.buffer_size()]
            .chunks_exact(samples)
            .map(|pixel| [pixel[0], pixel[1 % samples], pixel[2 % samples]]);
        Pixels { width: frame.width as usize, height: frame.height as usize, rgb: rgb.collect() }
    }

    fn structure(&self) -> Structure {
        let mut tally: HashMap<[u8; 3], [f64; 3]> = HashMap::new();
        for (at, pixel) in self.rgb.iter().enumerate() {
            let sums = tally.entry(pixel.map(|channel| channel >> 4)).or_default();
            sums[0] += 1.0;
            sums[1] += (at % self.width) as f64 / self.width as f64;
            sums[2] += (at / self.width) as f64 / self.height as f64;
        }
        let parts = tally.into_iter().filter_map(|([red, green, blue], [count, x, y])| {
            let amount = count / self.rgb.len() as f64;
            let middle = Some([rounded(x / count), rounded(y / count)]);
            (amount >= 0.001)
                .then(|| (format!("{red:x}{green:x}{blue:x}"), Part { amount: rounded(amount), middle }))
        });
        Structure { width: self.width as u32, height: self.height as u32, parts: parts.collect() }
    }
}

fn structure(path: &Path) -> Structure {
    match path.extension().is_some_and(|extension| extension == "svg") {
        true => svg_structure(&std::fs::read_to_string(path).unwrap()),
        false => Pixels::read(path).structure(),
    }
}

fn svg_structure(text: &str) -> Structure {
    fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
        let start = element.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        element[start..].split('"').next().unwrap()
    }
    let number = |element: &str, name: &str| -> f64 { attribute(element, name).parse().unwrap() };
    let mut parts = BTreeMap::new();
    for kind in ["circle", "rect", "text", "line", "path", "image"] {
        let n = text.matches(&format!("<{kind} ")).count();
        if n > 0 {
            parts.insert(kind.to_owned(), Part { amount: n as f64, middle: None });
        }
    }
    let inner: Vec<f64> = attribute(text, "viewBox").split(' ').map(|side| side.parse().unwrap()).collect();
    let mut circles: BTreeMap<&str, [f64; 3]> = BTreeMap::new();
    for (start, _) in text.match_indices("<circle ") {
        let circle = text[start..].split('>').next().unwrap();
        let sums = circles.entry(attribute(circle, "fill")).or_default();
        sums[0] += 1.0;
        sums[1] += number(circle, "cx") / inner[2];
        sums[2] += number(circle, "cy") / inner[3];
    }
    let of_circles = circles.into_iter().map(|(fill, [n, x, y])| {
        (format!("circle {fill}"), Part { amount: n, middle: Some([rounded(x / n), rounded(y / n)]) })
    });
    parts.extend(of_circles);
    Structure { width: number(text, "width") as u32, height: number(text, "height") as u32, parts }
}

/// Why two structures are not the same, if they are not: another size, a colour that came or went, one that covers
/// half or twice as much, or one whose middle has moved.
fn difference(now: &Structure, right: &Structure) -> Option<String> {
    if (now.width, now.height) != (right.width, right.height) {
        return Some(format!(
            "{} x {} where {} x {} was drawn",
            now.width, now.height, right.width, right.height
        ));
    }
    let of = |structure: &Structure, part: &str| structure.parts.get(part).map_or(0.0, |part| part.amount);
    for part in now.parts.keys().chain(right.parts.keys()) {
        let (new, old) = (of(now, part), of(right, part));
        let (less, more) = (new.min(old), new.max(old));
        // A colour near the limit of a thousandth may come and go.
        let weighs = more >= 0.003;
        if weighs && less * 2.0 < more {
            return Some(format!("{part}: {new} where {old} was drawn"));
        }
    }
    for (name, new) in &now.parts {
        let old = right.parts.get(name).and_then(|part| part.middle);
        if let (Some([x, y]), Some([old_x, old_y])) = (new.middle, old)
            && ((x - old_x).abs() > MOVE || (y - old_y).abs() > MOVE)
        {
            return Some(format!("{name}: in the middle at {x}, {y} where it was at {old_x}, {old_y}"));
        }
    }
    None
}

fn fixture() -> PathBuf {
    root().join("tests/fixtures/gallery.json")
}

/// The pictures of a folder, by name.
pub fn pictures(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".png") || name.ends_with(".svg"))
        .collect();
    names.sort();
    names
}

/// The names of the pictures that were looked at.
pub fn known() -> Vec<String> {
    structures().into_keys().collect()
}

fn structures() -> BTreeMap<String, Structure> {
    serde_json::from_slice(&std::fs::read(fixture()).unwrap()).unwrap()
}

/// Compares a picture that was just drawn with the one that was looked at.
#[track_caller]
pub fn assert_same(drawn: &Path, name: &str) {
    match structures().get(name) {
        Some(right) => assert_eq!(difference(&structure(drawn), right), None, "{name}; {WRITE}"),
        None => panic!("{name} is new; {WRITE}"),
    }
}

/// Puts the pictures of a folder into `output/`, in place of those that are there, and their structures into the
/// fixture.
pub fn accept(folder: &Path) {
    let output = root().join("output");
    for old in pictures(&output) {
        std::fs::remove_file(output.join(old)).unwrap();
    }
    let mut structures = BTreeMap::new();
    for name in pictures(folder) {
        std::fs::copy(folder.join(&name), output.join(&name)).unwrap();
        structures.insert(name.clone(), structure(&folder.join(&name)));
    }
    std::fs::write(fixture(), serde_json::to_string_pretty(&structures).unwrap() + "\n").unwrap();
}

#[test]
fn another_size_colour_or_amount_is_seen() {
    for (name, right) in structures() {
        assert_eq!(difference(&right, &right), None, "{name}");
        let mut other = right.clone();
        other.width += 1;
        assert!(difference(&other, &right).is_some(), "{name}");
        let mut other = right.clone();
        other.parts.insert("f0f".to_owned(), Part { amount: 0.02, middle: None });
        assert!(difference(&other, &right).is_some(), "{name}");
        let mut other = right.clone();
        let most = other.parts.values_mut().max_by(|a, b| a.amount.total_cmp(&b.amount)).unwrap();
        most.amount /= 3.0;
        assert!(difference(&other, &right).is_some(), "{name}");
    }
}

#[test]
fn a_map_that_is_mirrored_or_whose_labels_are_exchanged_is_seen() {
    for name in ["map.png", "map_3d.png", "clusters.png"] {
        let right = Pixels::read(&root().join("output").join(name));
        let mirrored = |at: usize| {
            let (x, y) = (at % right.width, at / right.width);
            right.rgb[y * right.width + right.width - 1 - x]
        };
        let Pixels { width, height, .. } = right;
        let rgb = (0..right.rgb.len()).map(mirrored).collect();
        let other = Pixels { width, height, rgb };
        assert!(difference(&other.structure(), &right.structure()).is_some(), "{name}, mirrored");
        // Each class wears the colour of another, and all the same amounts of them are there.
        let rgb = right.rgb.iter().map(|[red, green, blue]| [*blue, *red, *green]).collect();
        let other = Pixels { width, height, rgb };
        assert!(difference(&other.structure(), &right.structure()).is_some(), "{name}, other colours");
    }
}

#[test]
fn two_labels_that_are_exchanged_are_seen() {
    let right = structures()["map.png"].clone();
    let is_grey = |name: &str| name.bytes().all(|step| step == name.as_bytes()[0]);
    let colors: Vec<&String> = right.parts.keys().filter(|name| !is_grey(name)).collect();
    let seen = |a: &str, b: &str| {
        let mut other = right.clone();
        other.parts.insert(a.to_owned(), right.parts[b]);
        other.parts.insert(b.to_owned(), right.parts[a]);
        difference(&other, &right).is_some()
    };
    let pairs = colors.iter().flat_map(|a| colors.iter().map(move |b| (*a, *b))).filter(|(a, b)| a < b);
    let (found, missed): (Vec<_>, Vec<_>) = pairs.partition(|(a, b)| seen(a, b));
    assert!(found.len() >= 9 * missed.len().max(1), "not seen: {missed:?}");
}
