//! Labels as vectors.

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};
use crate::rows::require_finite;

/// Labels, each given by the vectors of one or several texts.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelVectors {
    names: Vec<String>,
    of: Vec<usize>,
    texts: Vec<Option<String>>,
    vectors: Array2<f32>,
}

impl LabelVectors {
    /// Takes one label, one text (if known) and one vector for each prompt (p x d). Prompts with the
    /// same label belong together; labels are numbered in the order in which they first come.
    ///
    /// ```
    /// use embedlab::zero_shot::LabelVectors;
    /// use ndarray::array;
    /// let labels = ["bad", "good", "good"].map(String::from);
    /// let labels = LabelVectors::new(&labels, None, array![[0.0_f32, 1.0], [1.0, 0.0], [0.9, 0.1]])?;
    /// assert_eq!(labels.names(), ["bad", "good"]);
    /// # Ok::<(), embedlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the lists differ in length, there are fewer than two labels, or a vector is zero or
    /// holds NaN or infinity.
    pub fn new(
        labels: &[String],
        texts: Option<Vec<Option<String>>>,
        vectors: Array2<f32>,
    ) -> Result<LabelVectors> {
        let texts = texts.unwrap_or_else(|| vec![None; labels.len()]);
        if labels.len() != vectors.nrows() || texts.len() != vectors.nrows() {
            return Err(Error::argument("labels, texts and vectors differ in number").seen(format!(
                "{} labels, {} texts, {} vectors",
                labels.len(),
                texts.len(),
                vectors.nrows()
            )));
        }
        require_finite(vectors.view())?;
        if let Some(row) =
            vectors.rows().into_iter().position(|vector| vector.iter().all(|value| *value == 0.0))
        {
            return Err(Error::input("a label vector of zeros")
                .row(row)
                .seen(crate::error::excerpt(&labels[row]))
                .advice("embed this label again"));
        }
        let (mut names, mut of): (Vec<String>, Vec<usize>) = (Vec::new(), Vec::new());
        for label in labels {
            of.push(names.iter().position(|name| name == label).unwrap_or_else(|| {
                names.push(label.clone());
                names.len() - 1
            }));
        }
        if names.len() < 2 {
            return Err(Error::input("too few labels to choose from")
                .seen(match names.first() {
                    Some(name) => format!("only {}", crate::error::excerpt(name)),
                    None => "none".to_owned(),
                })
                .advice("give the vectors of at least two labels"));
        }
        Ok(LabelVectors { names, of, texts, vectors })
    }

    /// The labels, in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of the label of each prompt.
    pub fn of(&self) -> &[usize] {
        &self.of
    }

    /// The text of each prompt, where it is known.
    pub fn texts(&self) -> &[Option<String>] {
        &self.texts
    }

    /// The vectors of the prompts, p x d.
    pub fn vectors(&self) -> ArrayView2<'_, f32> {
        self.vectors.view()
    }

    /// The label that is the better one of two, by its name: `positive`, `good`, `yes`, `true`, `1`;
    /// else the second. `None` unless there are two.
    pub fn positive(&self) -> Option<usize> {
        const GOOD: [&str; 5] = ["positive", "good", "yes", "true", "1"];
        let named = self.names.iter().position(|name| GOOD.contains(&name.to_lowercase().as_str()));
        (self.names.len() == 2).then_some(named.unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn labels_that_cannot_be_used_are_refused() {
        let refused = |labels: &[&str], vectors| {
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            LabelVectors::new(&labels, None, vectors).unwrap_err().to_string()
        };
        assert!(refused(&["a", "a"], array![[1.0], [2.0]]).contains("only `a`"));
        assert!(refused(&["a", "b"], array![[1.0], [0.0]]).starts_with("row 1: a label vector of zeros"));
        assert!(refused(&["a", "b"], array![[1.0], [f32::NAN]]).contains("finite"));
        assert!(refused(&["a"], array![[1.0], [2.0]]).contains("1 labels"));
        assert!(refused(&[], Array2::zeros((0, 3))).contains("none"));
    }

    #[test]
    fn the_positive_label_is_known_by_its_name() {
        let of = |labels: [&str; 2]| {
            LabelVectors::new(&labels.map(String::from), None, array![[1.0], [2.0]]).unwrap().positive()
        };
        assert_eq!((of(["Good", "bad"]), of(["a", "b"])), (Some(0), Some(1)));
    }
}
