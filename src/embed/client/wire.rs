//! Requests and answers of `/embeddings`, as OpenAI and the servers that follow it write them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::failure::{Failure, one_line};

/// A request for the vectors of some texts.
#[derive(Serialize)]
pub(super) struct Asked<'a> {
    pub model: &'a str,
    pub input: &'a [&'a str],
    pub encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Vec<Item>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    index: Option<usize>,
    embedding: Vector,
}

#[derive(Deserialize, Default)]
struct Usage {
    #[serde(default)]
    total_tokens: Option<usize>,
    #[serde(default)]
    prompt_tokens: Option<usize>,
}

/// Vectors in the order of the texts that were asked for.
pub(in crate::embed) struct Vectors {
    pub vectors: Vec<Vec<f32>>,
    /// Tokens that the server counted.
    pub tokens: Option<usize>,
}

/// Reads an answer for `asked` texts with vectors of `dims` numbers (any, but all the same, when that is
/// not known). A short answer is refused as a whole, even where its indices seem to say which is missing:
/// a server that drops a text and counts anew would give rows the vectors of others.
pub(super) fn read(body: &[u8], asked: usize, dims: Option<usize>) -> Result<Vectors, Failure> {
    let useless = |message: String| Err(Failure::useless(message));
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        let start = String::from_utf8_lossy(&body[..body.len().min(200)]);
        Failure::passing(if start.trim_start().starts_with('<') {
            "a web page instead of JSON; check --base-url".to_owned()
        } else {
            format!(
                "an answer that cannot be read: {error}: `{}`",
                one_line(&start).chars().take(80).collect::<String>()
            )
        })
    })?;
    if answer.data.len() != asked {
        return useless(format!("{} vectors for {asked} texts", answer.data.len()));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = (0..asked).map(|_| None).collect();
    let numbered = answer.data.iter().filter(|item| item.index.is_some()).count();
    if numbered != 0 && numbered != asked {
        return useless("vectors with and without an index".to_owned());
    }
    for (place, item) in answer.data.into_iter().enumerate() {
        let index = item.index.unwrap_or(place);
        match vectors.get_mut(index) {
            Some(empty @ None) => *empty = Some(item.embedding.0),
            Some(_) => return useless(format!("two vectors with the index {index}")),
            None => return useless(format!("a vector with the index {index} for {asked} texts")),
        }
    }
    let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
    let dims = dims.or_else(|| vectors.first().map(Vec::len)).unwrap_or(0);
    for vector in &vectors {
        if vector.len() != dims || dims == 0 {
            return useless(format!("a vector of {} dimensions where {dims} were expected", vector.len()));
        }
        if let Some(value) = vector.iter().find(|value| !value.is_finite()) {
            return useless(format!("a vector with {value} in it"));
        }
    }
    let usage = answer.usage.unwrap_or_default();
    Ok(Vectors { vectors, tokens: usage.total_tokens.or(usage.prompt_tokens) })
}

/// A vector as base64 of little-endian 32-bit floats, or as a list of numbers.
struct Vector(Vec<f32>);

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Numbers)
    }
}

struct Numbers;

impl<'de> Visitor<'de> for Numbers {
    type Value = Vector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector, as numbers or in base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vector, E> {
        let bytes = STANDARD.decode(text).map_err(|error| E::custom(format!("base64: {error}")))?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(E::custom(format!("{} bytes of base64, not a multiple of 4", bytes.len())));
        }
        Ok(Vector(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Vector, A::Error> {
        let mut vector = Vec::with_capacity(numbers.size_hint().unwrap_or(0).min(1 << 16));
        while let Some(number) = numbers.next_element::<Option<f32>>()? {
            vector.push(number.ok_or_else(|| A::Error::custom("null instead of a number"))?);
        }
        Ok(Vector(vector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(vector: &[f32]) -> String {
        STANDARD.encode(vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
    }

    #[test]
    fn both_ways_to_write_a_vector_give_the_same_bits_in_the_order_asked_for() {
        let body = format!(
            r#"{{"data": [{{"index": 1, "embedding": "{}"}}, {{"index": 0, "embedding": [0.1, -2]}}],
                "usage": {{"total_tokens": 7}}, "object": "list"}}"#,
            text(&[0.1, 3.5])
        );
        let found = read(body.as_bytes(), 2, Some(2)).unwrap();
        assert_eq!(found.vectors, [[0.1, -2.0], [0.1, 3.5]]);
        assert_eq!(found.tokens, Some(7));
        // A server without indices and usage.
        let plain = read(br#"{"data": [{"embedding": [1]}, {"embedding": [2]}]}"#, 2, None).unwrap();
        assert_eq!((plain.vectors, plain.tokens), (vec![vec![1.0], vec![2.0]], None));
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_server_sends_is_read_or_refused(
            body in "[\\[\\]{}\":,0-9eE.a-z\\- ]{0,80}",
            embedding in "(\\[[0-9eE.,-]{0,12}\\]|\"[A-Za-z0-9+/=]{0,12}\"|null|[0-9]{1,9})",
            index in 0_usize..4,
        ) {
            let item = format!("{{\"data\": [{{\"index\": {index}, \"embedding\": {embedding}}}]}}");
            for body in [body, item] {
                if let Ok(found) = read(body.as_bytes(), 1, None) {
                    proptest::prop_assert!(found.vectors.len() == 1 && found.vectors[0].iter().all(|x| x.is_finite()));
                }
            }
        }
    }

    #[test]
    fn an_answer_that_cannot_be_trusted_is_refused_with_what_is_wrong() {
        let said = |body: &str| {
            read(body.as_bytes(), 2, Some(2)).err().map(|failure| failure.message).unwrap_or_default()
        };
        let two = |a: &str, b: &str| format!(r#"{{"data": [{a}, {b}]}}"#);
        let item = |index: usize, numbers: &str| format!(r#"{{"index": {index}, "embedding": {numbers}}}"#);
        assert!(said("<!doctype html><html>").contains("a web page instead of JSON"));
        assert!(said("").contains("cannot be read"));
        assert!(said(r#"{"data": []}"#).contains("0 vectors for 2 texts"));
        assert!(said(&two(&item(0, "[1, 2]"), &item(0, "[1, 2]"))).contains("two vectors with the index 0"));
        assert!(said(&two(&item(0, "[1, 2]"), &item(2, "[1, 2]"))).contains("the index 2 for 2 texts"));
        assert!(said(&two(&item(0, "[1, 2]"), r#"{"embedding": [1, 2]}"#)).contains("with and without"));
        assert!(said(&two(&item(0, "[1, 2]"), &item(1, "[1]"))).contains("1 dimensions where 2"));
        assert!(said(&two(&item(0, "[1, 2]"), &item(1, "[1, null]"))).contains("null instead"));
        assert!(!said(&two(&item(0, "[1, 2]"), &item(1, "[1, 1e60]"))).is_empty());
        let nan = format!("\"{}\"", text(&[f32::NAN, 1.0]));
        assert!(said(&two(&item(0, "[1, 2]"), &item(1, &nan))).contains("NaN"));
        assert!(said(&two(&item(0, "[1, 2]"), &item(1, "\"AAA=\""))).contains("not a multiple of 4"));
        assert!(said(&two(&item(0, "[1, 2]"), &item(1, "\"?\""))).contains("base64"));
    }
}
