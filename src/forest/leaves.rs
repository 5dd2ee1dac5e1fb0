//! What the leaves of a tree predict.

/// Up to this many classes a leaf holds the share of each; of more only those that are not 0, so that memory
/// grows with the rows and not with leaves times classes.
const FEW_CLASSES: usize = 32;

/// The values of a tree's leaves: a number for each, or a share for each class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaves {
    /// Numbers that a prediction has: 1, or the number of classes.
    pub width: usize,
    pub values: Values,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    /// One number a leaf, for this place of the prediction; the other places get nothing.
    Numbers { place: usize, numbers: Vec<f64> },
    /// `width` shares a leaf, leaf by leaf.
    Shares(Vec<f32>),
    /// The shares that are not 0: those of leaf `i` are in `starts[i]..starts[i + 1]`.
    Sparse { starts: Vec<u32>, classes: Vec<u32>, shares: Vec<f32> },
}

impl Leaves {
    /// No leaf yet, each to come with a number.
    pub fn numbers() -> Leaves {
        Leaves { width: 1, values: Values::Numbers { place: 0, numbers: Vec::new() } }
    }

    /// No leaf yet, each to come with the shares of the classes.
    pub fn classes(n_classes: usize) -> Leaves {
        let values = match n_classes <= FEW_CLASSES {
            true => Values::Shares(Vec::new()),
            false => Values::Sparse { starts: vec![0], classes: Vec::new(), shares: Vec::new() },
        };
        Leaves { width: n_classes, values }
    }

    pub fn len(&self) -> usize {
        match &self.values {
            Values::Numbers { numbers, .. } => numbers.len(),
            Values::Shares(shares) => shares.len() / self.width,
            Values::Sparse { starts, .. } => starts.len() - 1,
        }
    }

    /// A leaf with a number.
    pub fn push(&mut self, number: f64) {
        if let Values::Numbers { numbers, .. } = &mut self.values {
            numbers.push(number);
        }
    }

    /// A leaf of rows with these classes and weights.
    pub fn push_rows(&mut self, rows: impl Iterator<Item = (u32, f64)>) {
        match &mut self.values {
            Values::Numbers { .. } => {}
            Values::Shares(shares) => {
                let mut weights = vec![0.0_f64; self.width];
                rows.for_each(|(class, weight)| weights[class as usize] += weight);
                let whole: f64 = weights.iter().sum();
                shares.extend(weights.iter().map(|weight| (weight / whole) as f32));
            }
            Values::Sparse { starts, classes, shares } => {
                let mut rows: Vec<(u32, f64)> = rows.collect();
                rows.sort_by_key(|(class, _)| *class);
                let whole: f64 = rows.iter().map(|(_, weight)| weight).sum();
                for rows in rows.chunk_by(|a, b| a.0 == b.0) {
                    classes.push(rows[0].0);
                    shares.push((rows.iter().map(|(_, weight)| weight).sum::<f64>() / whole) as f32);
                }
                starts.push(classes.len() as u32);
            }
        }
    }

    /// Adds what a leaf predicts to `width` sums.
    #[inline]
    pub fn add_to(&self, leaf: usize, sums: &mut [f64]) {
        match &self.values {
            Values::Numbers { place, numbers } => sums[*place] += numbers[leaf],
            Values::Shares(shares) => {
                let shares = &shares[leaf * self.width..(leaf + 1) * self.width];
                sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += f64::from(*share));
            }
            Values::Sparse { starts, classes, shares } => {
                for at in starts[leaf] as usize..starts[leaf + 1] as usize {
                    sums[classes[at] as usize] += f64::from(shares[at]);
                }
            }
        }
    }

    /// What a leaf predicts: `width` numbers.
    pub fn of(&self, leaf: usize) -> Vec<f64> {
        let mut values = vec![0.0; self.width];
        self.add_to(leaf, &mut values);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_classes_take_the_memory_of_the_rows_and_say_the_same() {
        let rows = [(3, 1.0), (40, 2.0), (3, 1.0)];
        let mut leaves = Leaves::classes(50);
        leaves.push_rows(rows.into_iter());
        leaves.push_rows(std::iter::once((49, 0.5)));
        let (first, second) = (leaves.of(0), leaves.of(1));
        assert_eq!((first[3], first[40], first.iter().sum::<f64>()), (0.5, 0.5, 1.0));
        assert_eq!((second[49], leaves.len()), (1.0, 2));
        let Values::Sparse { shares, .. } = leaves.values else { panic!("dense") };
        assert_eq!(shares.len(), 3);
    }
}
