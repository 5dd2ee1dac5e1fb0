//! Two computations in one pass, or none.

use super::packed::{Packer, Unpacker};
use super::{Fold, Portable, RowBlock};
use crate::error::Result;

impl<A: Fold, B: Fold> Fold for (A, B) {
    type Part = (A::Part, B::Part);

    fn start(&self) -> Self::Part {
        (self.0.start(), self.1.start())
    }

    fn add(&self, part: &mut Self::Part, block: RowBlock<'_>) {
        self.0.add(&mut part.0, block);
        self.1.add(&mut part.1, block);
    }

    fn merge(&self, into: &mut Self::Part, from: Self::Part) {
        self.0.merge(&mut into.0, from.0);
        self.1.merge(&mut into.1, from.1);
    }

    /// Where both are.
    fn portable(&self) -> Option<&dyn Portable<Part = Self::Part>> {
        self.0.portable().and(self.1.portable().map(|_| ()))?;
        Some(self)
    }
}

/// What stands between the names of two computations.
pub(crate) const AND: char = '+';

/// The parameters of the two.
pub(crate) fn both_params(params: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut series = Unpacker::new(params);
    let both = (series.next()?, series.next()?);
    series.end().map(|()| both)
}

/// [`Fold::portable`] says whether the two are; one that is not gives nothing.
impl<A: Fold, B: Fold> Portable for (A, B) {
    type Part = (A::Part, B::Part);

    fn name(&self) -> String {
        let (first, second) = (self.0.portable(), self.1.portable());
        let name = |name: Option<String>| name.unwrap_or_default();
        format!("{}{AND}{}", name(first.map(|fold| fold.name())), name(second.map(|fold| fold.name())))
    }

    fn params(&self) -> Vec<u8> {
        let first = self.0.portable().map(|fold| fold.params()).unwrap_or_default();
        let second = self.1.portable().map(|fold| fold.params()).unwrap_or_default();
        Packer::default().add(&first).add(&second).bytes()
    }

    fn dims(&self) -> Option<usize> {
        self.0.portable().and_then(|fold| fold.dims()).or_else(|| self.1.portable()?.dims())
    }

    fn merged(&self) -> bool {
        self.0.portable().is_some_and(|fold| fold.merged())
            && self.1.portable().is_some_and(|fold| fold.merged())
    }

    fn rows(&self, part: &Self::Part) -> usize {
        self.0.portable().map_or(0, |fold| fold.rows(&part.0))
    }

    fn pack(&self, part: Self::Part) -> Vec<u8> {
        let first = self.0.portable().map(|fold| fold.pack(part.0)).unwrap_or_default();
        let second = self.1.portable().map(|fold| fold.pack(part.1)).unwrap_or_default();
        Packer::default().add(&first).add(&second).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Self::Part> {
        let (first, second) = both_params(bytes)?;
        let only_here = super::packed::damaged;
        let first = self.0.portable().ok_or_else(only_here)?.unpack(&first)?;
        Ok((first, self.1.portable().ok_or_else(only_here)?.unpack(&second)?))
    }
}

/// No other computation.
pub(crate) struct Nothing;

impl Fold for Nothing {
    type Part = ();
    fn start(&self) {}
    fn add(&self, _part: &mut (), _block: RowBlock<'_>) {}
    fn merge(&self, _into: &mut (), _from: ()) {}

    fn portable(&self) -> Option<&dyn Portable<Part = ()>> {
        Some(self)
    }
}

impl Nothing {
    pub const NAME: &'static str = "nothing";
}

impl Portable for Nothing {
    type Part = ();

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Vec::new()
    }

    fn merged(&self) -> bool {
        true
    }

    fn rows(&self, _part: &()) -> usize {
        0
    }

    fn pack(&self, _part: ()) -> Vec<u8> {
        Vec::new()
    }

    fn unpack(&self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }
}
