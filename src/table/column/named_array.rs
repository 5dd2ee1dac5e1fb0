//! Which of several named arrays (`.npz`) or tensors (`.safetensors`) holds the vectors.

use crate::error::{Error, Result, nearest_name};

/// The names under which vectors are stored everywhere; they decide among several candidates.
const CONVENTIONAL: [&str; 6] = ["embeddings", "embedding", "vectors", "vector", "arr_0", "ada_embedding"];

/// Chooses the array (or tensor) that holds the vectors.
///
/// # Errors
/// When the wanted one is not a candidate, when there is none, and when several are equally good.
pub(in crate::table) fn choose<'a>(
    candidates: &[&'a str],
    all: &[&str],
    wanted: Option<&str>,
) -> Result<&'a str> {
    if let Some(wanted) = wanted {
        return candidates.iter().find(|name| **name == wanted).copied().ok_or_else(|| {
            let what = if all.contains(&wanted) {
                "this array does not hold vectors (rows x dimensions of floating-point numbers)"
            } else {
                "no such array"
            };
            let error = Error::argument(what).column(wanted);
            match nearest_name(wanted, candidates.iter().copied()) {
                Some(near) => error.advice(format!("did you mean {near}?")),
                None => error.advice(format!("the arrays are {}", all.join(", "))),
            }
        });
    }
    if let [only] = candidates {
        return Ok(only);
    }
    let conventional = CONVENTIONAL.iter().find_map(|name| candidates.iter().find(|other| *other == name));
    match (conventional, candidates) {
        (Some(name), _) => Ok(name),
        (None, []) => Err(Error::input("no array holds vectors")
            .with_code("no-vector-column")
            .seen(format!("the arrays are {}", all.join(", ")))
            .advice("save a two-dimensional array of floating-point numbers")),
        (None, _) => Err(Error::input("several arrays hold vectors")
            .with_code("several-vector-columns")
            .seen(candidates.join(", "))
            .advice("choose one with --vector")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_candidate_is_taken_and_of_several_a_conventional_name() {
        assert_eq!(choose(&["x"], &["x", "ids"], None).unwrap(), "x");
        assert_eq!(choose(&["a", "vectors", "arr_0"], &[], None).unwrap(), "vectors");
        assert_eq!(choose(&["a", "vectors"], &[], Some("a")).unwrap(), "a");
    }

    #[test]
    fn what_cannot_be_decided_says_what_there_is() {
        let message = |candidates: &[&'static str], wanted| {
            choose(candidates, &["a", "b", "ids"], wanted).unwrap_err().to_string()
        };
        assert!(message(&["a", "b"], None).contains("several arrays hold vectors: a, b; choose one"));
        assert!(message(&[], None).contains("the arrays are a, b, ids"));
        assert!(message(&["a", "b"], Some("ids")).contains("does not hold vectors"));
        assert!(message(&["embedding"], Some("embeding")).contains("did you mean embedding?"));
    }
}
