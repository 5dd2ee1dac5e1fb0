//! The pictures in `output/` are those that the examples draw: when an example has run, the structure of its pictures
//! is compared (size, colours, how much of each), not their bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::support::root;

const WRITE: &str = "look at it, then run GALLERY=write cargo test --test it gallery";

/// The structure of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Structure {
    width: u32,
    height: u32,
    /// PNG: the share of each colour that covers at least a thousandth, in 16 steps of each channel.
    /// SVG: how many elements of each kind.
    parts: BTreeMap<String, f64>,
}

fn fixture() -> PathBuf {
    root().join("tests/fixtures/gallery.json")
}

fn structure(path: &Path) -> Structure {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "svg") {
        return svg_structure(&String::from_utf8(bytes).unwrap());
    }
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(frame.bit_depth, png::BitDepth::Eight);
    let samples = frame.color_type.samples();
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    let mut tally = std::collections::HashMap::new();
    for pixel in pixels[..frame.buffer_size()].chunks_exact(samples) {
        *tally.entry([pixel[0] >> 4, pixel[1 % samples] >> 4, pixel[2 % samples] >> 4]).or_insert(0_u32) += 1;
    }
    let all = f64::from(frame.width) * f64::from(frame.height);
    for ([red, green, blue], count) in tally {
        let share = f64::from(count) / all;
        if share >= 0.001 {
            counts.insert(format!("{red:x}{green:x}{blue:x}"), (share * 1e4).round() / 1e4);
        }
    }
    Structure { width: frame.width, height: frame.height, parts: counts }
}

fn svg_structure(text: &str) -> Structure {
    let size = |name: &str| -> u32 {
        let start = text.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        text[start..].split('"').next().unwrap().parse().unwrap()
    };
    let mut parts = BTreeMap::new();
    for kind in ["circle", "rect", "text", "line", "path", "image"] {
        let n = text.matches(&format!("<{kind} ")).count();
        if n > 0 {
            parts.insert(kind.to_owned(), n as f64);
        }
    }
    Structure { width: size("width"), height: size("height"), parts }
}

/// Why two structures are not the same, if they are not: another size, a colour that came or went, or one
/// that covers half or twice as much.
fn difference(now: &Structure, right: &Structure) -> Option<String> {
    if (now.width, now.height) != (right.width, right.height) {
        return Some(format!(
            "{} x {} where {} x {} was drawn",
            now.width, now.height, right.width, right.height
        ));
    }
    let of = |structure: &Structure, part: &str| structure.parts.get(part).copied().unwrap_or(0.0);
    for part in now.parts.keys().chain(right.parts.keys()) {
        let (new, old) = (of(now, part), of(right, part));
        let (less, more) = (new.min(old), new.max(old));
        // A colour near the limit of a thousandth may come and go.
        let weighs = more >= 0.003;
        if weighs && less * 2.0 < more {
            return Some(format!("{part}: {new} where {old} was drawn"));
        }
    }
    None
}

fn known() -> BTreeMap<String, Structure> {
    serde_json::from_slice(&std::fs::read(fixture()).unwrap()).unwrap()
}

fn pictures() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(root().join("output"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".png") || name.ends_with(".svg"))
        .collect();
    names.sort();
    names
}

/// Compares a picture that was just drawn with its structure in the fixture.
pub fn assert_same(name: &str) {
    let now = structure(&root().join("output").join(name));
    if std::env::var_os("GALLERY").is_some_and(|what| what == "write") {
        return;
    }
    match known().get(name) {
        Some(right) => assert_eq!(difference(&now, right), None, "{name}; {WRITE}"),
        None => panic!("{name} is new; {WRITE}"),
    }
}

#[test]
fn the_gallery_holds_the_pictures_that_were_looked_at_and_no_others() {
    if std::env::var_os("GALLERY").is_some_and(|what| what == "write") {
        let drawn: BTreeMap<String, Structure> = pictures()
            .into_iter()
            .map(|name| (name.clone(), structure(&root().join("output").join(name))))
            .collect();
        std::fs::write(fixture(), serde_json::to_string_pretty(&drawn).unwrap() + "\n").unwrap();
        return;
    }
    assert_eq!(pictures(), known().into_keys().collect::<Vec<_>>(), "a picture came or went; {WRITE}");
}

#[test]
fn another_size_colour_or_count_is_seen() {
    for (name, right) in known() {
        let mut other = right.clone();
        other.width += 1;
        assert!(difference(&other, &right).is_some(), "{name}");
        let mut other = right.clone();
        other.parts.insert("f0f".to_owned(), 0.02);
        assert!(difference(&other, &right).is_some(), "{name}");
        let mut other = right.clone();
        if let Some(most) = other.parts.values_mut().max_by(|a, b| a.total_cmp(b)) {
            *most /= 3.0;
        }
        assert!(difference(&other, &right).is_some(), "{name}");
    }
}
