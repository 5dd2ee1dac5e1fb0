//! Sections as HTML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::block::{Block, Callout, Figure, Image};
use super::grid::Grid;
use super::page::{Page, Section};
use crate::web::script::embedded;
use crate::web::{self, theme_switch};

const STYLE: &str = include_str!("page.css");

/// Nothing is loaded, nothing runs, nothing is sent; pictures and style are in the file.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'";

impl Page {
    /// The page as one HTML file.
    pub fn render(&self) -> String {
        page(self)
    }
}

fn page(page: &Page) -> String {
    let anchors = anchors(&page.sections);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                @if !page.provenance.version.is_empty() {
                    meta name="generator" content=(page.provenance.version);
                }
                title { (page.title) }
                style { (PreEscaped(web::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.masthead {
                    (theme_switch())
                    h1 dir="auto" { (page.title) }
                    @if !page.subtitle.is_empty() { p.subtitle dir="auto" { (page.subtitle) } }
                }
                div.layout {
                    @if page.sections.len() > 1 {
                        nav.contents aria-label="Contents" {
                            ol {
                                @for (section, anchor) in page.sections.iter().zip(&anchors) {
                                    li { a href={ "#" (anchor) } { (section.title) } }
                                }
                            }
                        }
                    }
                    main id="content" {
                        @for (section, anchor) in page.sections.iter().zip(&anchors) {
                            section id=(anchor) {
                                h2 dir="auto" { (section.title) }
                                @for block in &section.blocks { (self::block(block)) }
                            }
                        }
                    }
                }
                (footer(page))
            }
        }
    }
    .into_string()
}

fn footer(page: &Page) -> Markup {
    let made = &page.provenance;
    html! {
        footer {
            dl {
                @if !made.command.is_empty() { div { dt { "Command" } dd { code { (made.command) } } } }
                @if !made.version.is_empty() { div { dt { "Version" } dd { (made.version) } } }
                @if let Some(seed) = made.seed { div { dt { "Seed" } dd { (seed) } } }
            }
            p { "This page is one file. It loads nothing, runs nothing and sends nothing." }
        }
    }
}

pub(crate) fn block(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Paragraph { text } => {
                @for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
                    p dir="auto" { (paragraph) }
                }
            }
            Block::Callout { callout, text } => {
                @let (class, word) = match callout {
                    Callout::Note => ("note", "Note"),
                    Callout::Warning => ("warning", "Warning"),
                };
                div.callout.(class) role="note" { strong { (word) } p dir="auto" { (text) } }
            }
            Block::KeyFigures { figures } => {
                dl.figures {
                    @for figure in figures {
                        div {
                            dt { (figure.label) }
                            dd.value { (figure.value) }
                            @if !figure.note.is_empty() { dd.remark { (figure.note) } }
                        }
                    }
                }
            }
            Block::Table(table) => (table_markup(table)),
            Block::Figure(figure) => (figure_markup(figure)),
            Block::Quotes { quotes } => {
                ul.quotes {
                    @for quote in quotes {
                        li {
                            blockquote dir="auto" { (quote.text) }
                            @if !quote.meta.is_empty() { p.meta { (quote.meta) } }
                        }
                    }
                }
            }
            Block::Details { summary, blocks } => {
                details {
                    summary { (summary) }
                    div.opened { @for block in blocks { (self::block(block)) } }
                }
            }
            Block::Data { id, value } => {
                script type="application/json" id=(anchor(id)) { (PreEscaped(embedded(value))) }
            }
        }
    }
}

pub(super) fn table_markup(table: &Grid) -> Markup {
    let columns = table.columns();
    let numeric: Vec<bool> = (0..columns).map(|column| table.is_numeric(column)).collect();
    html! {
        // A region that takes the focus, so that a wide table can be scrolled with the keyboard.
        div.table tabindex="0" role="region" aria-label=(if table.caption.is_empty() { "Table" } else { &table.caption }) {
            table {
                @if !table.caption.is_empty() { caption { (table.caption) } }
                @if !table.headers.is_empty() {
                    thead {
                        tr {
                            @for (column, &numeric) in numeric.iter().enumerate() {
                                th scope="col" class=[numeric.then_some("number")] {
                                    (table.headers.get(column).map_or("", String::as_str))
                                }
                            }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (column, &numeric) in numeric.iter().enumerate() {
                                td class=[numeric.then_some("number")] dir=[(!numeric).then_some("auto")] {
                                    @if let Some(cell) = row.get(column) { (cell.shown()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figure_markup(figure: &Figure) -> Markup {
    let (width, height) = figure.size;
    let image = |image: &Image, class: Option<&str>| {
        // A little larger than it was drawn, where the column has the room.
        let widest = format!("max-width:{}px", u64::from(width) * 6 / 5);
        html! {
            img class=[class] src=(address(image)) width=(width) height=(height) style=(widest) alt=(figure.alt);
        }
    };
    html! {
        figure {
            div.picture {
                @match &figure.dark {
                    Some(dark) => { (image(&figure.light, Some("in-light"))) (image(dark, Some("in-dark"))) }
                    None => (image(&figure.light, None)),
                }
            }
            @if !figure.caption.is_empty() { figcaption dir="auto" { (figure.caption) } }
        }
    }
}

fn address(image: &Image) -> String {
    let (kind, bytes) = match image {
        Image::Svg(text) => ("svg+xml", text.as_bytes()),
        Image::Png(bytes) => ("png", bytes.as_slice()),
    };
    let mut address = format!("data:image/{kind};base64,");
    BASE64.encode_string(bytes, &mut address);
    address
}

/// The anchors of the sections, each one different.
fn anchors(sections: &[Section]) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::with_capacity(sections.len());
    for section in sections {
        let base = anchor(&section.id);
        let mut candidate = base.clone();
        let mut copy = 1;
        while anchors.contains(&candidate) {
            copy += 1;
            candidate = format!("{base}-{copy}");
        }
        anchors.push(candidate);
    }
    anchors
}

fn anchor(id: &str) -> String {
    let anchor: String = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .collect();
    if anchor.is_empty() { "section".to_owned() } else { anchor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_of_the_same_name_have_anchors_of_their_own() {
        let sections = ["a", "a", "b c", ""].map(|id| Section::new(id, "")).to_vec();
        assert_eq!(anchors(&sections), ["a", "a-2", "b-c", "section"]);
    }
}
