//! What an analysis costs, said before it begins.

use schemars::JsonSchema;
use serde::Serialize;

use super::matrices;
use crate::data::Budget;

/// A sample of fewer rows says too little: the work is refused instead.
const LEAST_SAMPLE: usize = 1_000;

/// What of the rows is in memory at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// A few blocks of them at a time.
    Blocks,
    /// All of them.
    All,
    /// A random sample of so many of them, for all do not fit.
    Sample(usize),
}

/// Rows that are drawn at random.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Drawn {
    /// What they are, such as `rows that k-means is fitted on`.
    pub what: String,
    /// How many.
    pub rows: usize,
}

/// What an analysis costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// Passes over the rows of the file.
    pub passes: usize,
    /// Whether fewer passes may be enough.
    pub at_most: bool,
    /// What of the rows is in memory.
    pub held: Held,
    /// Bytes of the work beside the rows.
    pub work: u64,
    /// What is drawn at random.
    pub drawn: Vec<Drawn>,
    /// Multiplications of numbers of the rows.
    pub products: f64,
}

impl Cost {
    /// So many passes over the rows in blocks.
    pub fn blocks(passes: usize) -> Cost {
        Cost { passes, at_most: false, held: Held::Blocks, work: 0, drawn: Vec::new(), products: 0.0 }
    }

    /// All rows at once, read in one pass.
    pub fn all_rows() -> Cost {
        Cost { held: Held::All, ..Cost::blocks(1) }
    }

    /// All rows at once, or a random sample of as many as fit in the memory beside the work on them; `work` tells its bytes
    /// for a number of rows. What is left out is said. All rows where no sample of 1,000 fits.
    pub fn all_rows_or_sample(rows: usize, dims: usize, memory: Budget, work: impl Fn(usize) -> u64) -> Cost {
        let bytes = |rows: usize| matrices(1.0, rows, dims).saturating_add(work(rows));
        let Some(limit) = memory.limit().filter(|limit| bytes(rows) > *limit) else {
            return Cost::all_rows().work(work(rows));
        };
        // The most rows that fit.
        let (mut fit, mut beyond) = (0, rows);
        while beyond - fit > 1 {
            let middle = fit + (beyond - fit) / 2;
            if bytes(middle) <= limit {
                fit = middle;
            } else {
                beyond = middle;
            }
        }
        if fit < LEAST_SAMPLE {
            return Cost::all_rows().work(work(rows));
        }
        Cost { held: Held::Sample(fit), ..Cost::blocks(2) }
            .work(work(fit))
            .sampled("rows, for all do not fit in memory", fit)
    }

    /// The number of passes depends on the rows, and this is the most.
    pub fn at_most(self) -> Cost {
        Cost { at_most: true, ..self }
    }

    /// With so many bytes beside the rows.
    pub fn work(self, work: u64) -> Cost {
        Cost { work, ..self }
    }

    /// With some rows drawn at random.
    pub fn sampled(mut self, what: &str, rows: usize) -> Cost {
        self.drawn.push(Drawn { what: what.to_owned(), rows });
        self
    }

    /// With so many multiplications.
    pub fn products(self, products: f64) -> Cost {
        Cost { products, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_as_many_rows_as_fit_with_the_work_on_them() {
        let held = |bytes| {
            let cost = Cost::all_rows_or_sample(100_000, 100, Budget::bytes(bytes), |rows| 200 * rows as u64);
            cost.held
        };
        assert_eq!(held(60_000_000), Held::All);
        assert_eq!(held(6_000_000), Held::Sample(10_000));
        assert_eq!(held(599_999), Held::All, "fewer than 1,000 rows fit: it is refused as it was");
    }
}
