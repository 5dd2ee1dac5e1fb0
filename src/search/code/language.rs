//! The languages, and what their grammars call things.

use std::path::Path;

use serde::Serialize;

/// A language whose functions can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Go.
    Go,
}

impl Language {
    /// The language of a file by its extension.
    pub fn of(path: &Path) -> Option<Language> {
        Some(match path.extension()?.to_str()? {
            "py" | "pyi" => Language::Python,
            "rs" => Language::Rust,
            "js" | "jsx" | "mjs" | "cjs" => Language::JavaScript,
            "ts" | "mts" | "cts" => Language::TypeScript,
            "tsx" => Language::Tsx,
            "go" => Language::Go,
            _ => return None,
        })
    }

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Rust => "rust",
            Language::JavaScript => "javascript",
            Language::TypeScript | Language::Tsx => "typescript",
            Language::Go => "go",
        }
    }

    pub(super) fn grammar(self) -> tree_sitter::Language {
        match self {
            Language::Python => tree_sitter_python::LANGUAGE.into(),
            Language::Rust => tree_sitter_rust::LANGUAGE.into(),
            Language::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Language::Go => tree_sitter_go::LANGUAGE.into(),
        }
    }

    /// Nodes that are a function with a name.
    pub(super) fn is_function(self, kind: &str) -> bool {
        match self {
            Language::Python => kind == "function_definition",
            Language::Rust => kind == "function_item",
            Language::Go => matches!(kind, "function_declaration" | "method_declaration"),
            Language::JavaScript | Language::TypeScript | Language::Tsx => matches!(
                kind,
                "function_declaration"
                    | "generator_function_declaration"
                    | "method_definition"
                    | "variable_declarator"
                    | "field_definition"
                    | "public_field_definition"
                    | "pair"
            ),
        }
    }

    /// Nodes whose name comes before those of the functions in them.
    pub(super) fn is_container(self, kind: &str) -> bool {
        match self {
            Language::Python => kind == "class_definition",
            Language::Rust => matches!(kind, "impl_item" | "trait_item" | "mod_item"),
            Language::Go => false,
            Language::JavaScript | Language::TypeScript | Language::Tsx => matches!(
                kind,
                "class_declaration" | "abstract_class_declaration" | "class" | "internal_module" | "module"
            ),
        }
    }

    /// What separates the names of a container and a function.
    pub(super) fn separator(self) -> &'static str {
        if self == Language::Rust { "::" } else { "." }
    }
}
