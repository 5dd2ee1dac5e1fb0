//! What the page's script reads, as JSON with numbers in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::InteractiveMap;
use super::column::{ColorColumn, Values};
use crate::chart::draw::palette::Color;
use crate::chart::draw::palette::Theme;
use crate::chart::draw::ramp::{self, Ramp, STEPS};
use crate::chart::draw::style::Style;

/// Texts in one element of the page: small enough to be parsed between two frames.
pub(super) const TEXTS_PER_BLOCK: usize = 2_000;

/// A name in the legend; the rest would make a page of texts out of a column of texts.
const LONGEST_NAME: usize = 200;

#[derive(Serialize)]
pub(super) struct Data<'a> {
    rows: usize,
    dimensions: usize,
    /// f32, row by row.
    points: String,
    columns: Vec<ColumnData<'a>>,
    color_by: usize,
    has_texts: bool,
    texts_per_block: usize,
    ramp: Themed<Vec<String>>,
    rest: Themed<String>,
    accent: Themed<String>,
}

#[derive(Serialize)]
struct Themed<T> {
    light: T,
    dark: T,
}

impl<T> Themed<T> {
    fn of(make: impl Fn(Theme) -> T) -> Self {
        Themed { light: make(Theme::Light), dark: make(Theme::Dark) }
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ColumnData<'a> {
    Categories {
        name: &'a str,
        names: Vec<String>,
        /// The number that each name is in the file; null where they are texts.
        numbers: Option<&'a [f64]>,
        /// Positions in `names`, of `width` bytes each; all bits set for none.
        data: String,
        width: usize,
        entries: Vec<Entry>,
        /// The entry of each name.
        entry_of: Vec<u16>,
        /// The entry of rows without a name.
        none: usize,
    },
    Numbers {
        name: &'a str,
        /// f64; NaN for no number.
        data: String,
        /// The ends of the ramp.
        low: f64,
        high: f64,
        least: f64,
        most: f64,
        missing: usize,
        /// Milliseconds that a unit of the numbers is, where they are points in time; 0 where not.
        unit: f64,
    },
}

/// A line of the legend.
#[derive(Serialize)]
struct Entry {
    name: String,
    count: usize,
    light: String,
    dark: String,
}

impl<'a> Data<'a> {
    pub fn of(map: &'a InteractiveMap<'_>, color_by: usize) -> Self {
        let (rows, dimensions) = map.points.dim();
        let ink = |theme| Style::new("").theme(theme).ink();
        let steps = |theme| (0..STEPS).map(|step| hex(ramp::color(step, theme))).collect();
        Data {
            rows,
            dimensions,
            points: base64(map.points.iter().map(|value| value.to_le_bytes())),
            columns: map.columns.iter().map(column_data).collect(),
            color_by,
            has_texts: map.texts.is_some(),
            texts_per_block: TEXTS_PER_BLOCK,
            ramp: Themed::of(steps),
            rest: Themed::of(|theme| hex(ink(theme).rest)),
            accent: Themed::of(|theme| hex(ink(theme).accent)),
        }
    }
}

fn column_data(column: &ColorColumn) -> ColumnData<'_> {
    let name = column.name();
    match &column.values {
        Values::Groups(groups) => {
            let [light, dark] = [Theme::Light, Theme::Dark]
                .map(|theme| groups.shown(usize::MAX, theme, Style::new("").theme(theme).ink()));
            let entries: Vec<Entry> = light
                .entries
                .into_iter()
                .zip(dark.entries)
                .map(|(light, dark)| Entry {
                    name: cut(&light.name, LONGEST_NAME),
                    count: light.count,
                    light: hex(light.color),
                    dark: hex(dark.color),
                })
                .collect();
            let none = entries.len().saturating_sub(1);
            let names: Vec<String> = groups.names().iter().map(|name| cut(name, LONGEST_NAME)).collect();
            let mut entry_of = vec![0; names.len()];
            for (&group, &entry) in groups.of().iter().zip(&light.of) {
                if let Some(of) = entry_of.get_mut(group as usize) {
                    *of = entry;
                }
            }
            // Without a group all bits are set, and stay so when they are cut.
            let (data, width) = match names.len() {
                0..0xff => (base64(groups.of().iter().map(|&group| [group as u8])), 1),
                0xff..0xffff => (base64(groups.of().iter().map(|&group| (group as u16).to_le_bytes())), 2),
                _ => (base64(groups.of().iter().map(|group| group.to_le_bytes())), 4),
            };
            ColumnData::Categories {
                name,
                names,
                numbers: column.numbers.as_deref(),
                data,
                width,
                entries,
                entry_of,
                none,
            }
        }
        Values::Numbers(numbers) => {
            let number = |value: f64| if value.is_finite() { value } else { f64::NAN };
            let Ramp { low, high, least, most, missing } = Ramp::of(numbers);
            let data = base64(numbers.iter().map(|&value| number(value).to_le_bytes()));
            let unit = unit_of_time(name, least, most);
            ColumnData::Numbers { name, data, low, high, least, most, missing, unit }
        }
    }
}

/// Whole seconds or milliseconds since 1970 in a column that is called a time, of the years 1990 to 2100.
fn unit_of_time(name: &str, least: f64, most: f64) -> f64 {
    const YEARS: (f64, f64) = (631_152_000.0, 4_102_444_800.0);
    let name = name.to_lowercase();
    let called = ["time", "date", "created", "updated", "_at"].iter().any(|word| name.contains(word));
    let within = |unit: f64| least / unit >= YEARS.0 && most / unit <= YEARS.1;
    match called {
        true if within(1.0) => 1000.0,
        true if within(1000.0) => 1.0,
        _ => 0.0,
    }
}

fn base64<const N: usize>(values: impl Iterator<Item = [u8; N]>) -> String {
    BASE64.encode(values.flatten().collect::<Vec<u8>>())
}

fn hex(Color(red, green, blue): Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The first characters of a text, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
