//! Passes over rows on several machines: where the rows are, what is computed, and what each machine answers.
//!
//! A computation that passes over rows is a [`Fold`]. Where it is [`Portable`](crate::rows::Portable), it can be sent
//! to machines that read the same files: each takes runs of leaves, which are whole branches of the tree in which parts are
//! merged, so that the merged answer has the bits of one machine. This module is what such a machine needs: it opens the
//! rows of a [`Place`], and answers a [`Pass`] for one run of them. The package `embedlab-distributed` runs it on Ballista.
//!
//! ```
//! use embedlab::distributed::{Place, answer, merge};
//! use embedlab::rows::{Engine, Pass, moments, runs};
//! use embedlab::data::Data;
//!
//! /// Machines that are all this one.
//! struct Here(Place);
//! impl Engine for Here {
//!     fn pass(&self, pass: &Pass) -> embedlab::Result<Vec<Vec<u8>>> {
//!         let rows = self.0.open()?;
//!         let parts = (0..runs(pass.rows)).map(|run| answer(rows.as_ref(), pass, run));
//!         let parts = parts.collect::<embedlab::Result<Vec<_>>>()?;
//!         if pass.merged { Ok(vec![merge(pass, &parts)?]) } else { Ok(parts) }
//!     }
//! }
//!
//! let file = "examples/data/food_reviews.parquet";
//! let data = Data::open(file.as_ref(), &Default::default())?;
//! let here = moments(&data)?;
//! let place = Place::of(&data, &[file.into()], None)?;
//! let data = data.with_engine(std::sync::Arc::new(Here(place)));
//! assert_eq!(moments(&data)?, here);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod place;

pub use place::Place;

pub use crate::carried::{coded, found, marked};

use crate::cluster::{Checked, FarFromAll, Step};
use crate::error::{Error, Result};
use crate::quality::{CentredDirections, Products};
use crate::rows::{
    self, Fold, GroupSumsFold, Hashes, MomentsFold, NormsFold, Nothing, Pass, RowSource, Select,
};
use crate::table::Look;
use crate::zero_shot::Cosines;

/// What all machines must agree on: they run the same version, and so compute the same.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a machine answers: the part of one run of the rows.
///
/// # Errors
/// When the computation is not known, there is no such run, or the rows cannot be read.
pub fn answer(rows: &dyn RowSource, pass: &Pass, run: usize) -> Result<Vec<u8>> {
    known(pass, Answer { rows, run })
}

/// The parts of all runs, in row order, as one.
///
/// # Errors
/// When the computation is not known, or a part is damaged.
pub fn merge(pass: &Pass, parts: &[Vec<u8>]) -> Result<Vec<u8>> {
    known(pass, Merge(parts))
}

/// Something that is done with a computation, whichever it is.
trait Use {
    fn with<F: Fold>(self, fold: &F) -> Result<Vec<u8>>;
}

struct Answer<'a> {
    rows: &'a dyn RowSource,
    run: usize,
}

impl Use for Answer<'_> {
    fn with<F: Fold>(self, fold: &F) -> Result<Vec<u8>> {
        rows::answer(self.rows, fold, self.run)
    }
}

struct Merge<'a>(&'a [Vec<u8>]);

impl Use for Merge<'_> {
    fn with<F: Fold>(self, fold: &F) -> Result<Vec<u8>> {
        rows::merge(fold, self.0)
    }
}

/// Every computation that can be sent, by its name.
fn known(pass: &Pass, then: impl Use) -> Result<Vec<u8>> {
    let params = &pass.params[..];
    match &pass.name[..] {
        MomentsFold::NAME => then.with(&MomentsFold::of(params)?),
        Hashes::NAME => then.with(&Hashes),
        NormsFold::NAME => then.with(&NormsFold),
        GroupSumsFold::NAME => then.with(&GroupSumsFold::of(params, pass.rows)?),
        Look::NAME => then.with(&Look::of(params)?),
        Products::NAME => then.with(&Products::of(params)?),
        CentredDirections::NAME => then.with(&CentredDirections::of(params)?),
        Select::NAME => then.with(&Select::of(&Select::rows_of(params)?)),
        Step::NAME => then.with(&Step::of(params)?),
        FarFromAll::NAME => then.with(&FarFromAll::of(params)?),
        Cosines::NAME => then.with(&Cosines::of(params)?),
        both => {
            let names = both.split_once(rows::AND).filter(|(first, _)| *first == Checked::NAME);
            let (first, _) = rows::both_params(params)?;
            match names {
                Some((_, Hashes::NAME)) => then.with(&(Checked::of(&first)?, Hashes)),
                Some((_, Nothing::NAME)) => then.with(&(Checked::of(&first)?, Nothing)),
                _ => Err(Error::argument("a computation that this version does not know")
                    .with_code("version-differs")
                    .seen(both)
                    .advice("run the same version of embedlab on all machines")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
