//! The functions of one file.

use std::rc::Rc;

use serde::Serialize;
use tree_sitter::{Node, Parser, TreeCursor};

use super::Language;

/// The most characters of a function that are kept as its text.
const MOST_CHARACTERS: usize = 20_000;

/// Functions in so many functions, classes and modules are told of; what is deeper is part of the text of those around it.
const MOST_NESTED: usize = 16;

/// A function or method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Its file, from the root of the tree.
    pub path: String,
    /// Its name with those of the classes, modules and functions around it: `Client.send`.
    pub name: String,
    /// The line where it begins (decorators, attributes and comments before it left out), from 1.
    pub line: usize,
    /// The line where it ends.
    pub end_line: usize,
    /// Whether it is at the top level of the file.
    pub top_level: bool,
    /// Its language.
    pub language: &'static str,
    /// Its documentation: docstring or the comments before it; empty when there is none.
    pub doc: String,
    /// Its source with decorators and attributes; cut after 20,000 characters.
    pub code: String,
}

impl Function {
    /// The text to embed: where it is, what it is called, its documentation and its source.
    pub fn text(&self) -> String {
        let doc = if self.code.contains(&self.doc) { "" } else { &self.doc };
        let space = if doc.is_empty() { "" } else { "\n" };
        format!("{}: {}{space}{doc}\n{}", self.path, self.name, self.code)
    }
}

/// The functions of a source text, in the order in which they begin, and whether the text parsed as a
/// whole.
///
/// ```
/// use embedlab::search::code::{Language, functions};
/// let text = "class Cup:\n    def fill(self):\n        \"\"\"Pour tea.\"\"\"\n";
/// let (found, whole) = functions(text, Language::Python, "cup.py");
/// assert!(whole);
/// assert_eq!((found[0].name.as_str(), found[0].line, found[0].doc.as_str()), ("Cup.fill", 2, "Pour tea."));
/// ```
pub fn functions(text: &str, language: Language, path: &str) -> (Vec<Function>, bool) {
    let mut parser = Parser::new();
    if parser.set_language(&language.grammar()).is_err() {
        return (Vec::new(), false);
    }
    let Some(tree) = parser.parse(text, None) else { return (Vec::new(), false) };
    let root = tree.root_node();
    let mut found = Vec::new();
    let mut cursor = root.walk();
    // Nodes still to be looked at, the next at the end.
    let mut open = below(root, String::new(), 0, None, &mut cursor);
    open.iter_mut().for_each(|place| place.outer.top_level = true);
    open.reverse();
    while let Some(Place { node, mut around, mut nesting, outer }) = open.pop() {
        let kind = node.kind();
        if language.is_function(kind) {
            if let Some(name) = function_name(node, language, text) {
                let name = joined(&around, &name, language);
                found.push(function(node, &outer, language, path, name.clone(), text));
                around = name;
                nesting += 1;
            }
        } else if language.is_container(kind)
            && let Some(name) = container_name(node, text)
        {
            around = joined(&around, &name, language);
            nesting += 1;
        }
        if nesting < MOST_NESTED {
            let outer = WRAPPERS.contains(&kind).then_some(outer);
            let children = below(node, around, nesting, outer, &mut cursor);
            open.extend(children.into_iter().rev());
        }
    }
    (found, !root.has_error())
}

/// A node, and what stands around it: asking the tree for parents and siblings takes longer the more of them there are.
struct Place<'t> {
    node: Node<'t>,
    /// The names of the functions, classes and modules around it.
    around: String,
    /// How many there are.
    nesting: usize,
    outer: Outer<'t>,
}

/// A node with the decorators or the `export` around it: one of the children of a node.
#[derive(Clone)]
struct Outer<'t> {
    siblings: Rc<[Node<'t>]>,
    at: usize,
    /// Whether it stands directly in the file.
    top_level: bool,
}

/// Nodes that belong to the function in them.
const WRAPPERS: [&str; 4] =
    ["decorated_definition", "export_statement", "lexical_declaration", "variable_declaration"];

/// The named children of a node; those of a wrapper begin where it does.
fn below<'t>(
    node: Node<'t>,
    around: String,
    nesting: usize,
    wrapper: Option<Outer<'t>>,
    cursor: &mut TreeCursor<'t>,
) -> Vec<Place<'t>> {
    let siblings: Rc<[Node<'t>]> = node.children(cursor).collect();
    let named = siblings.iter().enumerate().filter(|(_, child)| child.is_named());
    let place = |(at, child): (usize, &Node<'t>)| {
        let own = || Outer { siblings: siblings.clone(), at, top_level: false };
        Place { node: *child, around: around.clone(), nesting, outer: wrapper.clone().unwrap_or_else(own) }
    };
    named.map(place).collect()
}

fn joined(around: &str, name: &str, language: Language) -> String {
    if around.is_empty() { name.to_owned() } else { format!("{around}{}{name}", language.separator()) }
}

fn source<'a>(node: Node<'_>, text: &'a str) -> &'a str {
    text.get(node.byte_range()).unwrap_or_default()
}

fn field<'a>(node: Node<'_>, name: &str, text: &'a str) -> Option<&'a str> {
    node.child_by_field_name(name).map(|node| source(node, text)).filter(|name| !name.is_empty())
}

fn function_name(node: Node<'_>, language: Language, text: &str) -> Option<String> {
    match node.kind() {
        // `const pour = () => ..`, `pour = function () ..`, `{ pour: () => .. }`
        "variable_declarator" | "field_definition" | "public_field_definition" | "pair" => {
            let value = node.child_by_field_name("value")?;
            let is_function = matches!(
                value.kind(),
                "arrow_function" | "function_expression" | "function" | "generator_function"
            );
            let name = ["name", "property", "key"].iter().find_map(|name| field(node, name, text))?;
            (is_function && name.len() < 200).then(|| name.to_owned())
        }
        "method_declaration" if language == Language::Go => {
            let name = field(node, "name", text)?;
            let receiver = field(node, "receiver", text).unwrap_or_default();
            // (c *Cup[T]) is of Cup
            let kind = receiver.trim_matches(['(', ')']).split_whitespace().last().unwrap_or_default();
            let kind = kind.trim_start_matches('*').split('[').next().unwrap_or_default();
            Some(if kind.is_empty() { name.to_owned() } else { format!("{kind}.{name}") })
        }
        _ => field(node, "name", text).map(str::to_owned),
    }
}

fn container_name(node: Node<'_>, text: &str) -> Option<String> {
    let name = field(node, "name", text).or_else(|| field(node, "type", text))?;
    // impl<T> Cup<T> is of Cup
    Some(name.split('<').next().unwrap_or(name).trim().to_owned())
}

fn function(
    node: Node<'_>,
    place: &Outer<'_>,
    language: Language,
    path: &str,
    name: String,
    text: &str,
) -> Function {
    // Decorators and `export` stand around a function, attributes before it.
    let outer = place.siblings[place.at];
    let mut start = outer.start_byte();
    let mut comments: Vec<&str> = Vec::new();
    let mut line = outer.start_position().row;
    for sibling in place.siblings[..place.at].iter().rev() {
        let ends_above = sibling.end_position().row + 1 >= line;
        match sibling.kind() {
            "attribute_item" if ends_above => start = sibling.start_byte(),
            "comment" | "line_comment" | "block_comment" if ends_above => {
                comments.push(source(*sibling, text));
            }
            _ => break,
        }
        line = sibling.start_position().row;
    }
    let doc = match language {
        Language::Python => docstring(node, text),
        _ => comments.iter().rev().map(|comment| bare(comment)).collect::<Vec<_>>().join("\n"),
    };
    let code = text.get(start..outer.end_byte()).unwrap_or_default();
    Function {
        path: path.to_owned(),
        name,
        line: node.start_position().row + 1,
        end_line: node.end_position().row + 1,
        top_level: place.top_level,
        language: language.name(),
        doc: doc.trim().to_owned(),
        code: code.chars().take(MOST_CHARACTERS).collect(),
    }
}

/// The string that comes first in a Python function.
fn docstring(node: Node<'_>, text: &str) -> String {
    let first = node.child_by_field_name("body").and_then(|body| body.named_child(0));
    let string = first
        .filter(|first| first.kind() == "expression_statement")
        .and_then(|first| first.named_child(0))
        .filter(|string| string.kind() == "string");
    let Some(string) = string else { return String::new() };
    let text = source(string, text).trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let quotes = if text.starts_with("\"\"\"") || text.starts_with("'''") { 3 } else { 1 };
    text.get(quotes..text.len().saturating_sub(quotes)).unwrap_or_default().to_owned()
}

/// A comment without its marks.
fn bare(comment: &str) -> String {
    let inner = comment.trim_start_matches("/**").trim_start_matches("/*").trim_end_matches("*/");
    inner
        .lines()
        .map(|line| line.trim().trim_start_matches(['/', '*', '!', '#']).trim())
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}
