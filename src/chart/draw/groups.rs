//! Which group each row belongs to, and what the groups are called.

use super::palette::Theme;
use super::palette::{Color, Palette};
use super::style::Ink;
use crate::error::{Error, Result};

/// The group of each row, with a name for each group.
///
/// Names come in the order of the legend; with more than twenty groups the largest twenty keep
/// their names and the rest is shown as "other".
///
/// ```
/// use embedlab::chart::Groups;
/// let clusters = Groups::new(&[0, 1, 1], ["cluster 0", "cluster 1"])?;
/// assert_eq!(clusters.counts(), [1, 2]);
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// [`NONE`] for a row without a group.
    of: Vec<u32>,
    names: Vec<String>,
    palette: Palette,
}

pub(in crate::chart) const NONE: u32 = u32::MAX;
const MOST_NAMED: usize = 20;

impl Groups {
    /// Row `i` belongs to group `of[i]`, which is called `names[of[i]]`.
    ///
    /// # Errors
    /// A group without a name.
    pub fn new(of: &[usize], names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        Self::from_iter(of.iter().map(|&group| Some(group)), names)
    }

    /// As [`Groups::new`], with `None` for rows without a group: noise of a density clustering, a
    /// missing label. They are drawn grey.
    ///
    /// # Errors
    /// A group without a name.
    pub fn with_gaps(
        of: &[Option<usize>],
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self> {
        Self::from_iter(of.iter().copied(), names)
    }

    fn from_iter(
        of: impl Iterator<Item = Option<usize>>,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let of = of
            .enumerate()
            .map(|(row, group)| match group {
                None => Ok(NONE),
                Some(group) if group < names.len().min(NONE as usize) => Ok(group as u32),
                Some(group) => Err(Error::argument("a group without a name")
                    .row(row)
                    .seen(format!("group {group} of {} names", names.len()))
                    .advice("give a name for each group")),
            })
            .collect::<Result<_>>()?;
        Ok(Groups { of, names, palette: Palette::Categories })
    }

    /// Groups rows by their stars, 1 to 5, in the star colours; any other score is in no group.
    pub fn stars(scores: &[f64]) -> Self {
        let of = scores
            .iter()
            .map(|&score| if (1.0..=5.0).contains(&score) { score.round() as u32 - 1 } else { NONE })
            .collect();
        let names = ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"].map(String::from).to_vec();
        Groups { of, names, palette: Palette::Stars }
    }

    /// Chooses other colours.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// How many rows each group has, in the order of the names.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        for &group in self.of.iter().filter(|&&group| group != NONE) {
            counts[group as usize] += 1;
        }
        counts
    }

    /// The group of each row; [`NONE`] for none.
    pub(in crate::chart) fn of(&self) -> &[u32] {
        &self.of
    }

    pub(in crate::chart) fn palette_is(&self, palette: Palette) -> bool {
        self.palette == palette
    }

    pub(in crate::chart) fn names(&self) -> &[String] {
        &self.names
    }

    /// What is shown of these groups when at most `most` lines fit.
    pub(in crate::chart) fn shown(&self, most: usize, theme: Theme, ink: &Ink) -> Shown {
        let counts = self.counts();
        let most = most.clamp(1, MOST_NAMED);
        let mut by_size: Vec<usize> = (0..self.names.len()).collect();
        let mut named = vec![true; self.names.len()];
        if by_size.len() > most {
            by_size.sort_by_key(|&group| (std::cmp::Reverse(counts[group]), group));
            by_size[most..].iter().for_each(|&group| named[group] = false);
        }
        let total = named.iter().filter(|&&named| named).count();
        let mut entries: Vec<Entry> = Vec::with_capacity(total + 2);
        let mut entry_of = vec![0; self.names.len()];
        for group in (0..self.names.len()).filter(|&group| named[group]) {
            entry_of[group] = entries.len();
            // Stars and steps keep the colour of their place; categories of the many take the next one.
            let (index, of) = match self.palette {
                Palette::Categories => (entries.len(), total),
                Palette::Ordered | Palette::Stars => (group, self.names.len()),
            };
            let color = self.palette.color(index, of, theme);
            entries.push(Entry {
                name: self.names[group].clone(),
                count: counts[group],
                color,
                is_group: true,
            });
        }
        let rest: usize = (0..counts.len()).filter(|&group| !named[group]).map(|group| counts[group]).sum();
        if total < self.names.len() {
            let other = entries.len();
            (0..counts.len()).filter(|&group| !named[group]).for_each(|group| entry_of[group] = other);
            let name = format!("other ({})", self.names.len() - total);
            entries.push(Entry { name, count: rest, color: ink.rest, is_group: false });
        }
        let without = self.of.iter().filter(|&&group| group == NONE).count();
        let none = entries.len();
        if without > 0 {
            entries.push(Entry { name: "none".to_owned(), count: without, color: ink.rest, is_group: false });
        }
        let of = self
            .of
            .iter()
            .map(|&group| if group == NONE { none } else { entry_of[group as usize] } as u16)
            .collect();
        Shown { entries, of }
    }
}

/// Groups as a picture shows them.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::chart) struct Shown {
    /// At most twenty groups, then "other" and "none" where there are such rows.
    pub entries: Vec<Entry>,
    /// The entry of each row.
    pub of: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::chart) struct Entry {
    pub name: String,
    pub count: usize,
    pub color: Color,
    /// Whether it is one group, and not "other" or "none".
    pub is_group: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Style;

    fn shown(groups: &Groups) -> Shown {
        groups.shown(MOST_NAMED, Theme::Light, Style::new("").ink())
    }

    #[test]
    fn the_largest_twenty_keep_their_names() {
        let of: Vec<usize> = (0..30).flat_map(|group| vec![group; group + 1]).collect();
        let groups = Groups::new(&of, (0..30).map(|group| format!("g{group}"))).unwrap();
        let shown = shown(&groups);
        assert_eq!(shown.entries.len(), 21);
        assert_eq!(shown.entries[0].name, "g10");
        assert_eq!((shown.entries[20].name.as_str(), shown.entries[20].count), ("other (10)", 55));
        assert_eq!(shown.of[0], 20);
        assert_eq!(shown.entries.iter().map(|entry| entry.count).sum::<usize>(), of.len());
    }

    #[test]
    fn a_score_outside_of_the_stars_is_no_group() {
        let groups = Groups::stars(&[1.0, 5.0, 0.0, f64::NAN, 6.0]);
        let shown = shown(&groups);
        assert_eq!(shown.of, [0, 4, 5, 5, 5]);
        assert_eq!(shown.entries[4].color, Color(0x26, 0x45, 0x8c));
        assert_eq!(shown.entries[5].name, "none");
    }

    #[test]
    fn a_group_without_a_name_is_refused() {
        let error = Groups::new(&[0, 2], ["a", "b"]).unwrap_err().to_string();
        assert!(error.contains("row 1") && error.contains("group 2 of 2 names"), "{error}");
    }
}
