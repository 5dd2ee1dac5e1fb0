//! The page around the map.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use super::InteractiveMap;
use super::data::{Data, TEXTS_PER_BLOCK, cut};
use crate::number::grouped;
use crate::web::script::escaped;
use crate::web::{self, theme_switch};

const STYLE: &str = include_str!("page/page.css");

/// One function, so that nothing of it can be reached from outside.
const SCRIPT: &str = concat!(
    "'use strict';\n(() => {\n",
    include_str!("page/data.js"),
    include_str!("page/camera.js"),
    include_str!("page/draw.js"),
    include_str!("page/legend.js"),
    include_str!("page/rows.js"),
    include_str!("page/main.js"),
    "})();\n"
);

pub(super) fn write(map: &InteractiveMap<'_>, color_by: usize, out: &mut impl Write) -> io::Result<()> {
    let data = serde_json::to_string(&Data::of(map, color_by))?;
    out.write_all(head(map).into_string().as_bytes())?;
    out.write_all(body(map).into_string().as_bytes())?;
    write!(out, "<script type=\"application/json\" id=\"map-data\">{}</script>", escaped(&data))?;
    writeln!(out, "<script>{SCRIPT}</script>")?;
    let texts = map.texts.as_deref().unwrap_or_default();
    for (block, texts) in texts.chunks(TEXTS_PER_BLOCK).enumerate() {
        let texts: Vec<Option<String>> =
            texts.iter().map(|text| text.as_ref().map(|text| cut(text, map.longest_text))).collect();
        let json = escaped(&serde_json::to_string(&texts)?);
        writeln!(out, "<script type=\"application/json\" id=\"texts-{block}\">{json}</script>")?;
    }
    // Something behind the last texts says that they are whole.
    out.write_all(b"<i hidden></i></body></html>\n")
}

/// No script but ours, known by its hash; no connection, no picture, no form.
fn policy() -> String {
    let hash = BASE64.encode(digest(&SHA256, SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; base-uri 'none'; \
         form-action 'none'"
    )
}

/// The text with the pictures of its control characters, which HTML would drop.
fn shown(text: &str) -> String {
    let picture = |c: char| match c {
        '\0'..='\u{1f}' if !c.is_whitespace() => char::from_u32(0x2400 + c as u32).unwrap_or(c),
        '\u{7f}' => '\u{2421}',
        c => c,
    };
    text.chars().map(picture).collect()
}

fn head(map: &InteractiveMap<'_>) -> Markup {
    html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="referrer" content="no-referrer";
            meta name="color-scheme" content="light dark";
            meta name="generator" content={ "embedlab " (env!("CARGO_PKG_VERSION")) };
            title { (shown(&map.title)) }
            style { (PreEscaped(web::STYLE)) (PreEscaped(STYLE)) }
        }
    }
}

fn body(map: &InteractiveMap<'_>) -> Markup {
    let rows = grouped(map.points.nrows() as u64);
    let solid = map.points.ncols() == 3;
    html! {
        (PreEscaped("<body>"))
        a.skip href="#panel" { "Skip to the panel" }
        header {
            div {
                h1 dir="auto" { (shown(&map.title)) }
                @if !map.subtitle.is_empty() { p.subtitle dir="auto" { (shown(&map.subtitle)) } }
            }
            (theme_switch())
        }
        main {
            div.stage #stage data-tool="pan" {
                div.map #map tabindex="0" role="application" aria-describedby="keys"
                    aria-label={ "Map of " (rows) " rows" } {
                    canvas #webgl hidden {}
                    canvas #pixels hidden {}
                }
                svg #marks aria-hidden="true" { polygon #lasso {} circle #ring visibility="hidden" {} }
                div.tools role="toolbar" aria-label="Map" {
                    button #tool-pan type="button" aria-pressed="true" { @if solid { "Turn" } @else { "Pan" } }
                    button #tool-lasso type="button" aria-pressed="false" { "Lasso" }
                    button #zoom-in type="button" aria-label="Zoom in" { "+" }
                    button #zoom-out type="button" aria-label="Zoom out" { "−" }
                    button #fit type="button" { "Fit" }
                    label.size { "Dots" input #size type="range" min="0.5" max="3" step="0.1" value="1" autocomplete="off"; }
                }
                div #tip hidden {}
                noscript { p.message { "This map is drawn by a script, and scripts are turned off here." } }
            }
            aside.panel #panel aria-label="Colours, search and selection" tabindex="-1" {
                section #row aria-live="polite" hidden {
                    div.heading { h2 #row-title {} button #close-row type="button" { "Close" } }
                    div #row-body {}
                }
                (colors(map))
                @if map.texts.is_some() { (search()) }
                (selection())
                (trust(map))
                (keys(solid))
            }
        }
    }
}

fn colors(map: &InteractiveMap<'_>) -> Markup {
    html! {
        section aria-label="Colours" {
            @if map.columns.is_empty() { select #color hidden {} }
            @else { label.field { "Colour by" select #color autocomplete="off" {} } }
            div #legend {}
            p.quiet #visible role="status" {}
        }
    }
}

fn search() -> Markup {
    html! {
        section #search-part {
            label.field { "Search the texts" input #search type="search" autocomplete="off" spellcheck="false"; }
            p.quiet #found role="status" {}
            ol.rows #found-rows {}
            div.buttons { button #take-found type="button" disabled { "Select these" } }
        }
    }
}

fn selection() -> Markup {
    html! {
        section {
            h2 { "Selection" }
            p.quiet #selected-count role="status" {}
            ol.rows #selected-rows {}
            div.buttons {
                button #take-view type="button" { "Select all in view" }
                button #as-csv type="button" disabled { "Save CSV" }
                button #as-json type="button" disabled { "Save JSON" }
                button #clear type="button" disabled { "Clear" }
            }
        }
    }
}

/// The first sentence for all readers, the other figures for those who open them.
fn trust(map: &InteractiveMap<'_>) -> Markup {
    html! {
        @if let Some((first, others)) = map.trust.split_first() {
            section {
                h2 { "How far to trust this map" }
                p.quiet dir="auto" { (shown(first)) }
                @if !others.is_empty() {
                    details { summary { "Details" } ul { @for line in others { li dir="auto" { (shown(line)) } } } }
                }
            }
        }
    }
}

fn keys(solid: bool) -> Markup {
    html! {
        details {
            summary { "Keys and gestures" }
            ul #keys {
                @if solid {
                    li { "Drag or the arrow keys turn the map; with " kbd { "Ctrl" } " (drag) or " kbd { "Shift" } " (arrows) they move it." }
                } @else {
                    li { "Drag or the arrow keys move the map." }
                }
                li { "The wheel, two fingers, " kbd { "+" } " and " kbd { "−" } " zoom; " kbd { "0" } " shows all." }
                li { "A click, or " kbd { "Enter" } " for the dot nearest to the middle, shows a row." }
                li { kbd { "Shift" } " and drag, or the lasso (" kbd { "L" } "), selects; " kbd { "Esc" } " clears." }
                li { "While a large map moves on a slow machine, a sample of its dots is drawn." }
            }
        }
    }
}
