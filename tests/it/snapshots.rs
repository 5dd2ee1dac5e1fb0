//! What every command says: its help, its JSON with rounded values, its words on a terminal, on the sample and on files
//! that leave little to say. What changes is seen in `snapshots/`, and is taken with
//! `INSTA_UPDATE=always cargo test --test it snapshots`.

use std::fmt::Write;
use std::path::Path;

use insta::{Settings, assert_snapshot};
use serde_json::Value;

use crate::support::{LABELS, SAMPLE, embedlab, write};

/// The commands that say something about a file; `FILE` and `FOLDER` are filled in.
const COMMANDS: &[(&str, &str)] = &[
    ("inspect", "inspect FILE"),
    ("check", "check FILE"),
    ("convert", "convert FILE FOLDER/out.csv"),
    ("similarities", "similarities FILE"),
    ("cluster", "cluster FILE --k 3 --n-init 2"),
    ("cluster_dbscan", "cluster FILE --method dbscan"),
    ("classify", "classify FILE --label Score --trees 5"),
    ("regress", "regress FILE --label Score --model ridge"),
    ("train", "train FILE --label Score --model ridge -o FOLDER/model.safetensors"),
    ("map", "map FILE --method pca"),
    ("search", "search FILE --row 0 -k 3"),
    ("profile", "profile FILE --by UserId"),
    ("recommend", "recommend FILE"),
    ("tokens", "tokens FILE --text Text --no-cache"),
    ("cost", "cost FILE --text Text --no-cache"),
    ("compare", "compare FILE FILE --sample 80"),
    ("compress", "compress FILE --n-queries 40 --dims 2"),
    ("report", "report FILE --k 3 --layout pca -o FOLDER/report.html"),
];

/// Commands that need more than a file.
const ON_THE_SAMPLE: &[(&str, &str)] = &[
    ("zero_shot", "zero-shot FILE --labels LABELS --set kinds --label Kind"),
    ("code_index", "code index src/split"),
];

/// Files that leave little to say, as CSV.
fn degenerate() -> [(&'static str, String); 4] {
    let row = |row: usize, vector: &str| {
        format!("u{},p{},{},text {row},\"{vector}\"\n", row % 2, row % 3, row % 5 + 1)
    };
    let file = |rows: &mut dyn Iterator<Item = String>| {
        "UserId,ProductId,Score,Text,embedding\n".to_owned() + &rows.collect::<String>()
    };
    [
        ("one_row", file(&mut [row(0, "[1, 2, 3]")].into_iter())),
        ("three_rows", file(&mut (0..3).map(|at| row(at, &format!("[{at}, 2, 1]"))))),
        ("equal_rows", file(&mut (0..30).map(|at| row(at, "[1, 2, 3]")))),
        ("a_row_of_nan", file(&mut (0..30).map(|at| row(at, if at == 7 { "[NaN, 2]" } else { "[1, 2]" })))),
    ]
}

fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// What a command says and its exit code, without times and folders of this run.
fn said(command: &str, file: &str, folder: &Path, more: &[&str]) -> String {
    let folder = folder.to_string_lossy();
    let arguments = command
        .split(' ')
        .map(|argument| argument.replace("FILE", file).replace("FOLDER", &folder).replace("LABELS", LABELS));
    let run = embedlab().args(arguments).args(more).env("COLUMNS", "100").output().unwrap();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(&*folder, "FOLDER");
        text.lines().map(|line| without_times(line.trim_end()) + "\n").collect::<String>()
    };
    let mut said =
        format!("$ embedlab {command} {}\nexit code {}\n", more.join(" "), run.status.code().unwrap_or(-1));
    for (stream, bytes) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        if !bytes.is_empty() {
            write!(said, "--- {stream}\n{}", text(bytes)).unwrap();
        }
    }
    said
}

/// `in 0.35 s` and `took 12 ms` become `in TIME`.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |word: &str| word.trim_start_matches('(').parse::<f64>().is_ok();
    let unit = |word: &str| ["s", "ms", "seconds"].contains(&word.trim_end_matches(['.', ',', ')', ';']));
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if at + 1 < words.len() && number(words[at]) && unit(words[at + 1]) {
            kept.push("TIME".to_owned());
            at += 1;
        } else {
            kept.push(words[at].to_owned());
        }
        at += 1;
    }
    kept.join(" ")
}

/// A value of which little is left but its shape: numbers in two digits, long lists cut, times and paths taken out.
fn rounded(key: &str, value: &Value) -> Value {
    match value {
        Value::Number(_) if key.contains("seconds") => "TIME".into(),
        Value::Number(number) if number.is_f64() => {
            let rough: f64 = format!("{:.1e}", number.as_f64().unwrap()).parse().unwrap();
            // Noise around zero has no digits that last.
            if rough.abs() < 1e-9 { 0.0.into() } else { rough.into() }
        }
        Value::Array(items) if items.len() > 3 => {
            let first = items[..2].iter().map(|item| rounded(key, item));
            first.chain([format!("and {} more", items.len() - 2).into()]).collect()
        }
        Value::Array(items) => items.iter().map(|item| rounded(key, item)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), rounded(key, value))).collect()
        }
        other => other.clone(),
    }
}

fn json_of(command: &str, folder: &Path) -> String {
    let said = said(command, SAMPLE, folder, &["--json", "-q"]);
    let Some((head, json)) = said.split_once("--- stdout\n") else { return said };
    let json = json.split("--- stderr").next().unwrap();
    let value: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {said}"));
    format!("{head}{}\n", serde_json::to_string_pretty(&rounded("", &value)).unwrap())
}

/// The subcommands that a help lists.
fn subcommands(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(String::from)
        .collect()
}

fn help(path: &[String], flag: &str) -> String {
    let run = embedlab().args(path).arg(flag).env("COLUMNS", "100").assert().success().get_output().clone();
    String::from_utf8(run.stdout).unwrap()
}

fn all_helps(path: &[String], found: &mut Vec<Vec<String>>) {
    found.push(path.to_vec());
    for name in subcommands(&help(path, "-h")) {
        all_helps(&[path, &[name]].concat(), found);
    }
}

#[test]
fn the_help_of_every_command_and_of_sql() {
    let mut commands = Vec::new();
    all_helps(&[], &mut commands);
    // The list of commands is another one with the feature `sql`, whose own help is here too.
    if cfg!(feature = "sql") {
        commands.retain(|path| path == &["sql"]);
    } else {
        assert!(commands.len() > 20, "{commands:?}");
    }
    settings().bind(|| {
        for path in commands {
            let name = [&["help".to_owned()], &path[..]].concat().join("_");
            let text = format!("{}\n\n######## -h\n\n{}", help(&path, "--help"), help(&path, "-h"));
            assert_snapshot!(name, text);
        }
    });
}

#[test]
fn the_json_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    settings().bind(|| {
        for (name, command) in COMMANDS.iter().chain(ON_THE_SAMPLE) {
            assert_snapshot!(format!("json_{name}"), json_of(command, folder.path()));
        }
    });
}

#[test]
fn the_words_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    settings().bind(|| {
        for (name, command) in COMMANDS.iter().chain(ON_THE_SAMPLE) {
            assert_snapshot!(format!("words_{name}"), said(command, SAMPLE, folder.path(), &[]));
        }
    });
}

#[test]
fn the_words_on_files_that_leave_little_to_say() {
    let folder = tempfile::tempdir().unwrap();
    settings().bind(|| {
        for (name, rows) in degenerate() {
            write(folder.path(), &format!("{name}.csv"), rows);
            let file = format!("FOLDER/{name}.csv");
            let said = COMMANDS
                .iter()
                .map(|(_, command)| {
                    let command = command.replace("FILE", &file);
                    said(&command, "", folder.path(), &[])
                })
                .collect::<Vec<_>>();
            assert_snapshot!(format!("degenerate_{name}"), said.join("\n"));
        }
    });
}
