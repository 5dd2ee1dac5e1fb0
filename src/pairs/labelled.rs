//! Labelled pairs, divided into training and test pairs.

use std::collections::{HashMap, HashSet};

use ndarray::ArrayView2;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::quality::{Components, DistinctRows};

/// Attempts to draw a pair before there is taken to be none.
const ATTEMPTS: usize = 100;

/// Pairs of rows with what is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs {
    /// The two rows of each pair.
    pub rows: Vec<(usize, usize)>,
    /// Whether they are the same thing.
    pub same: Vec<bool>,
    /// Whether the pair is held out for the test.
    pub test: Vec<bool>,
    /// The unit of each row: copies are one unit, which stands on one side only.
    pub units: Vec<u32>,
    /// Pairs that were left out because their rows are on different sides.
    pub dropped: usize,
}

/// A number for each row: rows with the same vector or the same text have the same one.
///
/// # Errors
/// When the rows cannot be read.
pub fn copies(rows: ArrayView2<'_, f32>, texts: Option<&[Option<String>]>) -> Result<Vec<u32>> {
    let mut components = Components::new(rows.nrows());
    for group in DistinctRows::of(&rows)?.groups() {
        group[1..].iter().for_each(|row| components.join(group[0] as usize, *row as usize));
    }
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (row, text) in texts.into_iter().flatten().enumerate() {
        if let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            components.join(*first.entry(text).or_insert(row), row);
        }
    }
    Ok(components.numbers())
}

impl Pairs {
    /// Pairs with their labels, of which about `test_size` are held out. Pairs that hang together stay together, so that
    /// no unit is on both sides; where most hang together, units are divided, and pairs across are dropped.
    ///
    /// # Errors
    /// When `test_size` is not between 0 and 1.
    pub fn split(
        rows: Vec<(usize, usize)>,
        same: Vec<bool>,
        units: Vec<u32>,
        test_size: f64,
        seed: u64,
    ) -> Result<Pairs> {
        require_share(test_size)?;
        let unit = |row: usize| units[row] as usize;
        let n_units = units.iter().max().map_or(0, |most| *most as usize + 1);
        let mut components = Components::new(n_units);
        rows.iter().for_each(|(a, b)| components.join(unit(*a), unit(*b)));
        let component = components.numbers();
        let of_pair = |pair: &(usize, usize)| component[unit(pair.0)] as usize;
        let mut sizes = vec![0_usize; n_units];
        rows.iter().for_each(|pair| sizes[of_pair(pair)] += 1);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        if sizes.iter().max().is_some_and(|most| *most as f64 > 0.25 * rows.len() as f64) {
            let side = divided(n_units, test_size, &mut random);
            let kept: Vec<usize> = (0..rows.len())
                .filter(|pair| side[unit(rows[*pair].0)] == side[unit(rows[*pair].1)])
                .collect();
            return Ok(Pairs {
                dropped: rows.len() - kept.len(),
                test: kept.iter().map(|pair| side[unit(rows[*pair].0)]).collect(),
                same: kept.iter().map(|pair| same[*pair]).collect(),
                rows: kept.into_iter().map(|pair| rows[pair]).collect(),
                units,
            });
        }
        let mut order: Vec<usize> = (0..n_units).filter(|component| sizes[*component] > 0).collect();
        order.shuffle(&mut random);
        let wanted = test_size * rows.len() as f64;
        let (mut side, mut taken) = (vec![false; n_units], 0.0);
        for component in order {
            if taken + sizes[component] as f64 / 2.0 <= wanted {
                side[component] = true;
                taken += sizes[component] as f64;
            }
        }
        let test = rows.iter().map(|pair| side[of_pair(pair)]).collect();
        Ok(Pairs { rows, same, test, units, dropped: 0 })
    }

    /// Pairs of rows with equal values as the same, and of rows with different values as not: `n` of each at most, drawn
    /// on each side of a division of the units. A row without a value is in no pair, and copies are no pair.
    ///
    /// # Errors
    /// When `test_size` is not between 0 and 1.
    pub fn of_values(
        values: &[Option<u32>],
        units: Vec<u32>,
        n: usize,
        test_size: f64,
        seed: u64,
    ) -> Result<Pairs> {
        require_share(test_size)?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let n_units = units.iter().max().map_or(0, |most| *most as usize + 1);
        let side = divided(n_units, test_size, &mut random);
        let mut pairs = Pairs { units, ..Pairs::default() };
        for test in [false, true] {
            let of_side: Vec<usize> = (0..values.len())
                .filter(|row| values[*row].is_some() && side[pairs.units[*row] as usize] == test)
                .collect();
            let n = (n as f64 * if test { test_size } else { 1.0 - test_size }).round() as usize;
            let mut of_value: HashMap<u32, Vec<usize>> = HashMap::new();
            of_side.iter().for_each(|row| of_value.entry(values[*row].unwrap_or(0)).or_default().push(*row));
            for same in [true, false] {
                let partner = |row: usize, random: &mut ChaCha8Rng| {
                    let among = if same { &of_value[&values[row].unwrap_or(0)] } else { &of_side };
                    Some(among[random.gen_range(0..among.len())])
                        .filter(|other| (values[*other] == values[row]) == same)
                };
                pairs.draw(&of_side, n, same, test, &HashSet::new(), partner, &mut random);
            }
        }
        Ok(pairs)
    }

    /// Adds pairs that are not the same, as many on each side as `per_positive` times the others: any two units of the
    /// side that are in some pair but in none together.
    pub fn add_negatives(&mut self, per_positive: f64, seed: u64) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(1);
        for test in [false, true] {
            let positives =
                (0..self.rows.len()).filter(|pair| self.test[*pair] == test && self.same[*pair]).count();
            let mut rows: Vec<usize> = (0..self.rows.len())
                .filter(|pair| self.test[*pair] == test)
                .flat_map(|pair| [self.rows[pair].0, self.rows[pair].1])
                .collect();
            rows.sort_unstable();
            rows.dedup();
            let taken = self.rows.iter().map(|(a, b)| self.key(*a, *b)).collect();
            let n = (positives as f64 * per_positive).round() as usize;
            let all = rows.clone();
            let partner = |_, random: &mut ChaCha8Rng| Some(all[random.gen_range(0..all.len())]);
            self.draw(&rows, n, false, test, &taken, partner, &mut random);
        }
    }

    /// The numbers of the training or of the test pairs.
    pub fn side(&self, test: bool) -> Vec<usize> {
        (0..self.rows.len()).filter(|pair| self.test[*pair] == test).collect()
    }

    /// How many pairs are the same.
    pub fn positives(&self) -> usize {
        self.same.iter().filter(|same| **same).count()
    }

    /// Checks that each side has `least` pairs of each kind.
    ///
    /// # Errors
    /// When one has not.
    pub fn require_both(&self, least: usize) -> Result<()> {
        for (test, side) in [(false, "training"), (true, "test")] {
            for (kind, name) in [(true, "the same"), (false, "not the same")] {
                let n = (0..self.rows.len())
                    .filter(|at| self.test[*at] == test && self.same[*at] == kind)
                    .count();
                if n < least {
                    return Err(Error::input(format!("too few pairs that are {name}"))
                        .with_code("one-sided-pairs")
                        .seen(format!("{n} among the {side} pairs, {least} are needed"))
                        .advice("give more pairs of both kinds"));
                }
            }
        }
        Ok(())
    }

    fn key(&self, a: usize, b: usize) -> (u32, u32) {
        let (a, b) = (self.units[a], self.units[b]);
        (a.min(b), a.max(b))
    }

    /// Draws up to `n` different pairs of different units.
    #[allow(clippy::too_many_arguments)]
    fn draw(
        &mut self,
        from: &[usize],
        n: usize,
        same: bool,
        test: bool,
        taken: &HashSet<(u32, u32)>,
        partner: impl Fn(usize, &mut ChaCha8Rng) -> Option<usize>,
        random: &mut ChaCha8Rng,
    ) {
        let mut drawn = HashSet::new();
        let mut failed = 0;
        while drawn.len() < n && failed < ATTEMPTS + n && !from.is_empty() {
            let a = from[random.gen_range(0..from.len())];
            let b = partner(a, random).filter(|b| self.units[*b] != self.units[a]);
            let Some(b) = b.filter(|b| !taken.contains(&self.key(a, *b)) && drawn.insert(self.key(a, *b)))
            else {
                failed += 1;
                continue;
            };
            self.rows.push((a.min(b), a.max(b)));
            self.same.push(same);
            self.test.push(test);
        }
    }
}

/// Which units are test units: the share of them, at random.
fn divided(n_units: usize, test_size: f64, random: &mut ChaCha8Rng) -> Vec<bool> {
    let mut side = vec![false; n_units];
    let n_test = (n_units as f64 * test_size).round() as usize;
    side.iter_mut().take(n_test).for_each(|test| *test = true);
    side.shuffle(random);
    side
}

fn require_share(test_size: f64) -> Result<()> {
    if test_size > 0.0 && test_size < 1.0 {
        return Ok(());
    }
    Err(Error::argument("an impossible share of test pairs")
        .seen(test_size.to_string())
        .advice("give more than 0 and less than 1; 0.5 is usual"))
}
