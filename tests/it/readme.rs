//! Every command of the README and of the page for Python users runs as it is written, in order.
//!
//! A block that begins with "```sh" is run. One that begins with "```sh needs a key" (a network, a model
//! folder, cargo, ..) is not.

use std::path::Path;
use std::process::Command;

use super::support::root;

/// A command and the line of the page that it is on.
struct Line {
    number: usize,
    command: String,
}

/// The commands of a page that run, and how many do not.
fn commands(page: &str) -> (Vec<Line>, usize) {
    let (mut commands, mut skipped) = (Vec::new(), 0);
    let mut block: Option<bool> = None;
    let mut open: Option<Line> = None;
    for (index, line) in page.lines().enumerate() {
        match block {
            None if line.starts_with("```sh") => block = Some(line == "```sh"),
            // Prose, or code of another language: its end looks like a beginning, but not of "sh".
            None => {}
            Some(_) if line.starts_with("```") => block = None,
            Some(run) => {
                let (text, more) = match line.strip_suffix('\\') {
                    Some(text) => (text, true),
                    None => (line, false),
                };
                let command = open.get_or_insert(Line { number: index + 1, command: String::new() });
                command.command.push_str(text);
                if !more && let Some(line) = open.take().filter(|line| !line.command.trim().is_empty()) {
                    if run { commands.push(line) } else { skipped += 1 }
                }
            }
        }
    }
    (commands, skipped)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to)
        } else {
            std::fs::copy(from, to).map(drop).unwrap()
        }
    }
}

/// Runs the commands of a page in a copy of the sample and the source code, by the command that
/// `EMBEDLAB_BINARY` names (a release build takes a minute, a debug build ten) or the one of this build.
fn run(page: &str, at_least: usize) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["examples", "src"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    let binary = std::env::var("EMBEDLAB_BINARY").unwrap_or(env!("CARGO_BIN_EXE_embedlab").to_owned());
    let binary = Path::new(&binary).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let jq = Command::new("jq").arg("--version").output().is_ok();
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let (commands, skipped) = commands(&text);
    assert!(commands.len() >= at_least, "{page}: only {} commands, {skipped} skipped", commands.len());
    let mut failed = Vec::new();
    for Line { number, command } in commands {
        let mut line = command.replace("cargo run --release -- ", "embedlab ");
        if !jq && let Some((before, _)) = line.split_once("| jq") {
            line = before.to_owned();
        }
        let output = Command::new("sh")
            .args(["-c", &line])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("EMBEDLAB_CACHE_DIR", folder.path().join("cache"))
            .env_remove("OPENAI_API_KEY")
            .env_remove("EMBEDLAB_JOBS")
            .output()
            .unwrap();
        if !output.status.success() {
            failed.push(format!("{page}:{number}: {command}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
#[cfg(unix)]
#[ignore = "minutes in a debug build: .ci/nightly runs it with the release build"]
fn every_command_of_the_readme_runs_in_order() {
    run("README.md", 20);
}

#[test]
#[cfg(unix)]
#[ignore = "minutes in a debug build: .ci/nightly runs it with the release build"]
fn every_command_of_the_page_for_python_users_runs_in_order() {
    run("docs/from_python.md", 25);
}

#[test]
fn a_block_that_needs_something_is_skipped_and_a_long_command_is_one() {
    let page = "```sh\na b \\\n    c\n\nd\n```\n```sh needs a key\ne\n```\n```python\nf\n```\n";
    let (commands, skipped) = commands(page);
    let shown: Vec<(usize, &str)> =
        commands.iter().map(|line| (line.number, line.command.as_str())).collect();
    assert_eq!((shown, skipped), (vec![(2, "a b     c"), (5, "d")], 1));
}
