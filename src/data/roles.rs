//! Which column plays which role.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

use crate::error::Result;
use crate::table::Table;

/// What a column is to an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The texts that were embedded.
    Text,
    /// The label of each row: classes to compare with or to predict.
    Label,
    /// A number to predict or to average; found by the same names as a label.
    Rating,
    /// Who rated.
    User,
    /// What was rated.
    Item,
}

/// The names that are recognised, the likeliest first.
impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [Role::Text, Role::Label, Role::Rating, Role::User, Role::Item];

    /// The option that names the column: `text` for `--text`.
    pub fn flag(self) -> &'static str {
        match self {
            Role::Text => "text",
            Role::Label => "label",
            Role::Rating => "rating",
            Role::User => "user",
            Role::Item => "item",
        }
    }

    /// What to call such a column in a sentence.
    pub fn name(self) -> &'static str {
        self.flag()
    }

    /// Names that are recognised when no column is named, the likeliest first.
    pub fn usual_names(self) -> &'static [&'static str] {
        match self {
            Role::Text => &[
                "combined",
                "text",
                "content",
                "review",
                "body",
                "description",
                "document",
                "sentence",
                "title",
                "summary",
            ],
            Role::Label | Role::Rating => &[
                "score",
                "label",
                "labels",
                "stars",
                "rating",
                "class",
                "category",
                "sentiment",
                "classification",
            ],
            Role::User => &["userid", "user", "reviewerid", "reviewer", "customerid", "customer"],
            Role::Item => &["productid", "itemid", "asin", "product", "item", "movieid"],
        }
    }

    /// The option's help.
    pub fn help(self) -> String {
        let (what, also) = match self {
            Role::Text => ("Text column", ", or the longest texts"),
            Role::Label => ("Label column", ""),
            Role::Rating => ("Rating column", ""),
            Role::User => ("User column", ""),
            Role::Item => ("Item column", ""),
        };
        let names = self.usual_names();
        format!("{what} [default: {}{also}]", names[..names.len().min(4)].join(", "))
    }

    /// The column of a table that plays this role by its name.
    pub fn find(self, table: &Table) -> Option<String> {
        let names = table.column_names();
        match self {
            Role::Text => text_column(table),
            Role::Label => usual_label(&names)
                .filter(|name| table.labels(name).is_ok_and(|labels| (2..=50).contains(&labels.names.len()))),
            Role::Rating => usual_label(&names)
                .filter(|name| table.column(name).is_ok_and(|column| column.data_type().is_numeric())),
            Role::User | Role::Item => {
                let bare = |name: &str| {
                    name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
                };
                let usual = self.usual_names().iter();
                let found = usual.flat_map(|usual| names.iter().find(|name| bare(name) == *usual)).next();
                found.map(|name| (*name).to_owned())
            }
        }
    }
}

fn usual_label(names: &[&str]) -> Option<String> {
    let usual = Role::Label.usual_names().iter();
    let found = usual.flat_map(|usual| names.iter().find(|name| name.to_lowercase() == *usual)).next();
    found.map(|name| (*name).to_owned())
}

/// A text column with a usual name, or the one with the longest texts, of 20 characters or more on average.
fn text_column(table: &Table) -> Option<String> {
    let is_text = |column: &ArrayRef| match column.data_type() {
        DataType::Dictionary(_, values) => values.is_string(),
        kind => kind.is_string(),
    };
    let columns = table.column_names().into_iter().zip(table.columns().columns());
    let columns: Vec<(&str, &ArrayRef)> = columns.filter(|(_, column)| is_text(column)).collect();
    let names = || columns.iter().map(|(name, _)| *name);
    let starts = |usual: &&str| names().find(|name| name.to_lowercase().starts_with(*usual));
    let usual = Role::Text.usual_names().iter().find_map(starts);
    let longest = || {
        let lengths = columns.iter().map(|(name, column)| (mean_length(column), *name));
        lengths.filter(|(length, _)| *length >= 20.0).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
    };
    usual.or_else(longest).map(str::to_owned)
}

fn mean_length(column: &ArrayRef) -> f64 {
    let Ok(text) = arrow::compute::cast(column, &DataType::LargeUtf8) else { return 0.0 };
    let text = text.as_string::<i64>();
    text.iter().flatten().map(str::len).sum::<usize>() as f64 / text.len().max(1) as f64
}

/// The column of each role: named by the user, or found by the usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    columns: [Option<String>; Role::ALL.len()],
    named: [bool; Role::ALL.len()],
}

impl Roles {
    /// Names the column of a role.
    pub fn with(mut self, role: Role, column: impl Into<String>) -> Roles {
        self.columns[role as usize] = Some(column.into());
        self.named[role as usize] = true;
        self
    }

    /// The column of a role.
    pub fn of(&self, role: Role) -> Option<&str> {
        self.columns[role as usize].as_deref()
    }

    /// Whether the user named the column of a role.
    pub fn is_named(&self, role: Role) -> bool {
        self.named[role as usize]
    }

    /// Checks that the named columns exist.
    ///
    /// # Errors
    /// When one does not; the message offers the nearest name.
    pub fn check(&self, table: &Table) -> Result<()> {
        self.columns.iter().flatten().try_for_each(|name| table.column(name).map(|_| ()))
    }

    /// The roles with those found that are not named.
    pub(super) fn found_in(mut self, table: &Table) -> Roles {
        for role in Role::ALL {
            if self.of(role).is_none() {
                self.columns[role as usize] = role.find(table);
            }
        }
        self
    }
}
