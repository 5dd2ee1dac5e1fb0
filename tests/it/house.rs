//! Imports go one way: a room imports rooms below it, and no two files import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::root;

/// The rooms of `src/` from the ground up: each may import those before it.
const ROOMS: &[&str] = &[
    "text",
    "error",
    "carried",
    "address",
    "guard",
    "number",
    "memory",
    "progress",
    "web",
    "output",
    "remote",
    "store",
    "metric",
    "rows",
    "targets",
    "split",
    "table",
    "search",
    "embed",
    "data",
    "chart",
    "cluster",
    "sql",
    "forest",
    "model",
    "zero_shot",
    "recommend",
    "map",
    "quality",
    "compare",
    "compress",
    "benchmark",
    "bias",
    "pairs",
    "calibration",
    "transform",
    "distributed",
    "view",
    "analysis",
    "notebook",
    "guide",
    "cli",
    "main",
];

/// A module of `src/`: `[]` is the root of the library, `["cli"]` that of the command.
type Module = Vec<String>;

/// Its code without comments and tests, and what it gives on from other modules by `pub use`.
struct File {
    code: String,
    gives: BTreeMap<String, Vec<String>>,
}

/// The code of a file, without its comments and without the module of its tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn collect(folder: &Path, module: &Module, files: &mut BTreeMap<Module, File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let inner = || [&module[..], std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            collect(&path, &inner(), files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" {
            let module = if ["mod", "lib"].contains(&&name[..]) { module.clone() } else { inner() };
            let code = code(&path);
            let public = |line: &str| line.starts_with("pub ") || line.starts_with("pub(");
            let gives = statements(&code).into_iter().filter(|(before, _)| public(before));
            let gives = gives.flat_map(|(_, tree)| expanded(&tree)).collect();
            files.insert(module, File { code, gives });
        }
    }
}

/// The `use` statements: what stands before `use` on its line, and the tree after it.
fn statements(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rfind('\n').map_or(0, |end| end + 1);
        let (before, after) = (rest[line..at].trim().to_owned(), &rest[at + 4..]);
        let visible =
            before.is_empty() || before == "pub" || (before.starts_with("pub(") && before.ends_with(')'));
        if let (true, Some((tree, _))) = (visible, after.split_once(';')) {
            let before = if before.is_empty() { before } else { before + " " };
            found.push((before, tree.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        rest = after;
    }
    found
}

/// The paths of a `use` tree, each under the name that it brings.
fn expanded(tree: &str) -> Vec<(String, Vec<String>)> {
    let tree = tree.trim().trim_end_matches(',');
    if let Some((start, rest)) = tree.split_once('{') {
        let start: Vec<String> =
            start.split("::").map(str::trim).filter(|s| !s.is_empty()).map(String::from).collect();
        let inner = rest.rsplit_once('}').unwrap().0;
        let (mut depth, mut parts) = (0, vec![String::new()]);
        for letter in inner.chars() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            match letter {
                ',' if depth == 0 => parts.push(String::new()),
                _ => parts.last_mut().unwrap().push(letter),
            }
        }
        let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
        return parts
            .flat_map(|part| expanded(&part))
            .map(|(name, path)| (name, [start.clone(), path].concat()))
            .collect();
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree.rsplit("::").next().unwrap()));
    vec![(name.trim().to_owned(), path.split("::").map(|part| part.trim().to_owned()).collect())]
}

/// All paths of a file that begin in this package: those of its `use` lines and those within its code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let used = statements(code).into_iter().flat_map(|(_, tree)| expanded(&tree)).map(|(_, path)| path);
    let word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let within = code.split(|letter| !word(letter)).filter(|path| path.contains("::"));
    let within = within.map(|path| path.split("::").map(String::from).collect());
    used.chain(within).filter(|path| ["crate", "super", "self", "embedlab"].contains(&&path[0][..])).collect()
}

/// The module in which a path ends: down through modules, and through what they give on (names that are given on in a
/// ring end after some steps).
fn target(files: &BTreeMap<Module, File>, from: &Module, path: &[String], steps: usize) -> Option<Module> {
    let mut module = match &path[0][..] {
        "crate" | "embedlab" => Vec::new(),
        "self" | "super" => from.clone(),
        _ => return None,
    };
    let mut rest = &path[usize::from(path[0] != "super")..];
    while rest.first().is_some_and(|part| part == "super") {
        module.pop();
        rest = &rest[1..];
    }
    while let Some((part, later)) = rest.split_first() {
        let inner = [&module[..], std::slice::from_ref(part)].concat();
        if files.contains_key(&inner) {
            (module, rest) = (inner, later);
            continue;
        }
        let given = files.get(&module)?.gives.get(part)?;
        // `pub use a::B` without `crate`: `a` is a module of this one.
        let given = match &given[0][..] {
            "crate" | "self" | "super" => given.clone(),
            _ => [&["self".to_owned()], &given[..]].concat(),
        };
        return match steps {
            0 => Some(module),
            _ => target(files, &module, &given, steps - 1).or(Some(module)),
        };
    }
    Some(module)
}

fn name(module: &Module) -> String {
    module.join("/")
}

/// Which module imports which: (from, to).
fn imports() -> BTreeSet<(Module, Module)> {
    let mut files = BTreeMap::new();
    collect(&root().join("src"), &Vec::new(), &mut files);
    assert!(files.len() > 150, "{}", files.len());
    let mut found = BTreeSet::new();
    for (from, file) in &files {
        for path in paths(&file.code) {
            let to = (1..=path.len()).rev().find_map(|end| target(&files, from, &path[..end], 8));
            if let Some(to) = to.filter(|to| to != from && !to.is_empty() && !from.is_empty()) {
                found.insert((from.clone(), to));
            }
        }
    }
    found
}

#[test]
fn no_import_runs_up_between_rooms() {
    let place = |module: &Module| {
        let place = ROOMS.iter().position(|room| *room == module[0]);
        place.unwrap_or_else(|| panic!("{} is not among the rooms", module[0]))
    };
    let up = imports().into_iter().filter(|(from, to)| place(from) < place(to));
    let up: Vec<(String, String)> = up.map(|(from, to)| (name(&from), name(&to))).collect();
    assert!(up.is_empty(), "{up:#?}");
}

#[test]
fn no_two_files_import_each_other() {
    let imports = imports();
    // A folder's own file and the parts that it is made of are one thing.
    let apart = |a: &Module, b: &Module| !a.starts_with(b) && !b.starts_with(a);
    let circles = imports
        .iter()
        .filter(|(from, to)| from < to && apart(from, to) && imports.contains(&(to.clone(), from.clone())));
    let circles: Vec<(String, String)> = circles.map(|(from, to)| (name(from), name(to))).collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn use_trees_are_expanded() {
    let found =
        statements("use crate::a::{self, b::{C, d as E},\n  F};\npub(crate) use g::H;\nlet use_it = 1;");
    let paths: Vec<(String, String)> = found
        .iter()
        .flat_map(|(before, tree)| {
            expanded(tree).into_iter().map(move |(name, path)| (name, before.clone() + &path.join("::")))
        })
        .collect();
    let right = [
        ("self", "crate::a::self"),
        ("C", "crate::a::b::C"),
        ("E", "crate::a::b::d"),
        ("F", "crate::a::F"),
        ("H", "pub(crate) g::H"),
    ];
    assert_eq!(paths, right.map(|(name, path)| (name.to_owned(), path.to_owned())));
}
