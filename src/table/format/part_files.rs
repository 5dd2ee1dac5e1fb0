//! Which files are the parts of a folder or of a pattern, in which order, and what the folders around them say.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use super::Format;
use crate::address;
use crate::error::{Error, Result};
use crate::remote::{self, Found};

/// One file of several.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub path: PathBuf,
    /// What the folders around it say: `year=2024`.
    pub keys: Vec<(String, Option<String>)>,
    pub split: Option<String>,
}

/// Whether a path that is not a file is a pattern, such as `shards/*.parquet`.
pub(in crate::table) fn is_pattern(path: &Path) -> bool {
    if address::is_address(path) {
        return address::is_pattern(path);
    }
    path.to_str().is_some_and(|path| path.contains(['*', '?', '['])) && !path.exists()
}

/// Whether a folder or a pattern has parts.
pub(in crate::table) fn has_parts(path: &Path) -> bool {
    parts(path).is_ok_and(|parts| !parts.is_empty())
}

/// The parts of a folder or a pattern, in natural order: `part-2` before `part-10`.
fn parts(path: &Path) -> Result<Vec<Part>> {
    let mut parts = if address::is_address(path) {
        remote_parts(path)?
    } else if is_pattern(path) {
        matching(path)?
    } else if path.join("dataset_dict.json").is_file() {
        splits_on_disk(path)?
    } else {
        let within = path.join("data");
        let mut inside = Vec::new();
        if within.is_dir() {
            walk(&within, &[], &mut inside)?;
        }
        if inside.is_empty() {
            walk(path, &[], &mut inside)?;
        }
        inside
    };
    // Of several formats in one folder the data are in the first of these.
    let order = [
        Format::Parquet,
        Format::ArrowIpc,
        Format::JsonLines,
        Format::Csv,
        Format::Tsv,
        Format::Npy,
        Format::Safetensors,
        Format::Json,
    ];
    let formats: Vec<Option<Format>> = parts.iter().map(|part| Format::of_name(&part.path)).collect();
    if let Some(format) = order.into_iter().find(|format| formats.contains(&Some(*format))) {
        parts.retain(|part| Format::of_name(&part.path) == Some(format));
    }
    parts.sort_by(|a, b| natural_order(&a.path, &b.path));
    name_splits(&mut parts);
    Ok(parts)
}

/// The files themselves, and the parts of those that are folders or patterns.
pub(super) fn parts_of_several(files: &[PathBuf], format: Option<Format>) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for path in files {
        match format.map_or_else(|| Format::detect(path), Ok)? {
            Format::Parts => parts.extend(some_parts(path)?),
            _ => parts.push(Part { path: path.clone(), keys: hive_keys(path), split: None }),
        }
    }
    prepare(&parts);
    Ok(parts)
}

pub(super) fn some_parts(path: &Path) -> Result<Vec<Part>> {
    let parts = parts(path)?;
    if parts.is_empty() {
        let what = if is_pattern(path) { "no file has a name like this" } else { "no files with data" };
        return Err(Error::input(what)
            .with_code("file-not-found")
            .file(path)
            .advice("a folder of parts has them in it, in data/, or in folders such as year=2024/"));
    }
    prepare(&parts);
    Ok(parts)
}

/// Asks for what all parts of a store say of themselves at once.
fn prepare(parts: &[Part]) {
    let is_parquet = |part: &Part| Format::of_name(&part.path) == Some(Format::Parquet);
    remote::prepare(parts.iter().map(|part| (part.path.as_path(), is_parquet(part))));
}

/// Adds the data files of a folder and of the hive folders in it.
fn walk(folder: &Path, keys: &[(String, Option<String>)], parts: &mut Vec<Part>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|error| Error::io("cannot list", error).file(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_beside(&name) {
            continue;
        }
        if path.is_dir() {
            if let Some(key) = hive_key(&name) {
                walk(&path, &[keys, &[key]].concat(), parts)?;
            }
        } else if Format::of_name(&path).is_some() {
            parts.push(Part { path, keys: keys.to_vec(), split: None });
        }
    }
    Ok(())
}

/// Whether a name in a folder of parts is none of a part.
fn is_beside(name: &str) -> bool {
    name.starts_with(['.', '_']) || ["dataset_info.json", "dataset_infos.json", "state.json"].contains(&name)
}

/// What the name of a folder says: `year=2024`.
fn hive_key(name: &str) -> Option<(String, Option<String>)> {
    let (key, value) = name.split_once('=').filter(|(key, _)| !key.is_empty())?;
    Some((unescaped(key), (value != "__HIVE_DEFAULT_PARTITION__").then(|| unescaped(value))))
}

/// The parts below an address, as those of a folder or a pattern.
fn remote_parts(path: &Path) -> Result<Vec<Part>> {
    let Found::Below(objects) = remote::find(path)? else { return Ok(Vec::new()) };
    let part = |path: &Path, keys| Part { path: path.to_owned(), keys, split: None };
    if is_pattern(path) {
        let matcher = matcher(path)?;
        let named = objects.iter().map(|object| object.path()).filter(|path| matcher.is_match(path));
        return Ok(named.map(|path| part(path, hive_keys(path))).collect());
    }
    let base = format!("{}/", path.to_string_lossy().trim_end_matches('/'));
    let named: Vec<(&Path, &str)> = objects
        .iter()
        .filter_map(|object| Some((object.path(), object.path().to_str()?.strip_prefix(&base)?)))
        .collect();
    let has = |name: &str| named.iter().any(|(_, inside)| *inside == name);
    if has("dataset_dict.json") {
        let split = |(path, inside): &(&Path, &str)| {
            let (split, rest) =
                inside.split_once('/').filter(|(split, _)| has(&format!("{split}/state.json")))?;
            let found = part(path, within(path, rest)?);
            Some(Part { split: Some(split.to_owned()), ..found })
        };
        return Ok(named.iter().filter_map(split).collect());
    }
    let below = |folder: &str| -> Vec<Part> {
        let inside = named.iter().filter_map(|(path, inside)| Some((path, inside.strip_prefix(folder)?)));
        inside.filter_map(|(path, inside)| Some(part(path, within(path, inside)?))).collect()
    };
    let inside = below("data/");
    Ok(if inside.is_empty() { below("") } else { inside })
}

/// What the folders between a folder and a part in it say; `None` for what is no part of it.
fn within(path: &Path, inside: &str) -> Option<Vec<(String, Option<String>)>> {
    let (folders, name) =
        inside.rsplit_once('/').map_or((None, inside), |(folders, name)| (Some(folders), name));
    Format::of_name(path).filter(|_| !is_beside(name))?;
    folders
        .into_iter()
        .flat_map(|folders| folders.split('/'))
        .map(|folder| hive_key(folder).filter(|_| !is_beside(folder)))
        .collect()
}

/// `a%20b` as `a b`.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// The folders of `DatasetDict.save_to_disk`.
fn splits_on_disk(path: &Path) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let entries = std::fs::read_dir(path).map_err(|error| Error::io("cannot list", error).file(path))?;
    for entry in entries {
        let folder = entry.map_err(|error| Error::io("cannot list", error).file(path))?.path();
        if folder.join("state.json").is_file() {
            let split = folder.file_name().map(|name| name.to_string_lossy().into_owned());
            let before = parts.len();
            walk(&folder, &[], &mut parts)?;
            parts[before..].iter_mut().for_each(|part| part.split.clone_from(&split));
        }
    }
    Ok(parts)
}

fn matcher(pattern: &Path) -> Result<GlobMatcher> {
    let refused =
        |error: globset::Error| Error::argument("a pattern that cannot be read").file(pattern).source(error);
    let glob = GlobBuilder::new(&pattern.to_string_lossy()).literal_separator(true).build();
    Ok(glob.map_err(refused)?.compile_matcher())
}

/// The files that a pattern names.
fn matching(pattern: &Path) -> Result<Vec<Part>> {
    let text = pattern.to_string_lossy();
    let matcher = matcher(pattern)?;
    let mut base = PathBuf::new();
    for component in pattern.components() {
        if component.as_os_str().to_string_lossy().contains(['*', '?', '[']) {
            break;
        }
        base.push(component);
    }
    let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
    let depth = pattern.components().count() - pattern.components().take(base.components().count()).count();
    let depth = if text.contains("**") { 12 } else { depth + 1 };
    let mut parts = Vec::new();
    let mut folders = vec![(base, 0)];
    while let Some((folder, level)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let named = path.strip_prefix(".").unwrap_or(&path);
            if path.is_dir() && level < depth && !path.is_symlink() {
                folders.push((path.clone(), level + 1));
            } else if matcher.is_match(named) && path.is_file() {
                let keys = hive_keys(&path);
                parts.push(Part { path, keys, split: None });
            }
        }
    }
    Ok(parts)
}

fn hive_keys(path: &Path) -> Vec<(String, Option<String>)> {
    let folders = address::without_query(path).parent().into_iter().flat_map(Path::components);
    folders.filter_map(|folder| hive_key(&folder.as_os_str().to_string_lossy())).collect()
}

/// Names in order, and numbers in them by their size.
fn natural_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let ((number, rest), (other, others)) =
                    (left.split_at(digits(left)), right.split_at(digits(right)));
                let trimmed =
                    |number: &'_ [u8]| number.iter().position(|byte| *byte != b'0').unwrap_or(number.len());
                let (x, y) = (&number[trimmed(number)..], &other[trimmed(other)..]);
                match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                    Ordering::Equal => (left, right) = (rest, others),
                    unequal => return unequal,
                }
            }
            (Some(x), Some(y)) if x == y => (left, right) = (&left[1..], &right[1..]),
            // A folder comes before one whose name goes on.
            (x, y) => {
                let key = |byte: Option<&u8>| {
                    byte.map_or(0, |byte| if *byte == b'/' { 1 } else { 1 + u16::from(*byte) })
                };
                return key(x).cmp(&key(y)).then_with(|| a.cmp(&b));
            }
        }
    }
}

/// The split of each part, where the names tell splits as the Hugging Face hub writes them: `train-00000-of-00002`, or
/// `train` and `test`. Parts of Spark (`part-00000-..`) and of one data set (`data-00000-of-00002`) are not splits.
fn name_splits(parts: &mut [Part]) {
    static NUMBERED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(.+?)-\d{5,}-of-\d{5,}(-[0-9a-f]+)?$").ok());
    const SPLITS: [&str; 8] = ["train", "test", "validation", "valid", "val", "dev", "eval", "unsupervised"];
    let split = |part: &Part| -> Option<String> {
        let stem = part.path.file_stem()?.to_string_lossy().into_owned();
        let numbered = NUMBERED.as_ref().and_then(|numbered| numbered.captures(&stem));
        let name = match numbered {
            Some(found) => found[1].to_owned(),
            None if SPLITS.contains(&&*stem) => stem.clone(),
            None => return None,
        };
        Some(name).filter(|name| !["data", "part"].contains(&&**name))
    };
    if parts.iter().any(|part| part.split.is_some()) {
        return;
    }
    let splits: Vec<Option<String>> = parts.iter().map(split).collect();
    let several = splits.iter().any(|split| *split != splits[0]);
    if several && splits.iter().all(Option::is_some) {
        parts.iter_mut().zip(splits).for_each(|(part, split)| part.split = split);
    }
}
