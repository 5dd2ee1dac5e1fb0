//! Texts that are longer than a model takes: cut, and put together again.

use ndarray::{Array1, ArrayView2};
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use super::Encoding;
use crate::error::{Error, Result};

/// What becomes of a text with more tokens than the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LongTexts {
    /// Its row fails, with a reason.
    #[default]
    Refuse,
    /// Its first tokens are embedded.
    Truncate,
    /// It is cut into pieces; the row's vector is their mean, weighted by their tokens and scaled to
    /// length 1.
    Average,
    /// It is cut into pieces, and each becomes a row.
    Split,
}

/// Where a text may be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Borders {
    /// After any token that does not end within a character.
    #[default]
    Token,
    /// After a sentence, where one ends in the second half of the piece; else after a token.
    Sentence,
    /// After an empty line, where there is one in the second half of the piece; else after a sentence.
    Paragraph,
}

/// A part of a text, as it is sent to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The part.
    pub text: &'a str,
    /// Its tokens, counted for itself.
    pub tokens: usize,
}

/// Cuts a text into pieces of at most `most` tokens each. The pieces together are the text; none begins
/// or ends within a character.
///
/// ```
/// use embedlab::embed::{Borders, Encoding, pieces};
/// let text = "AGI ".repeat(5000);
/// let tokens: Vec<usize> =
///     pieces(&text, Encoding::Cl100kBase, 8191, Borders::Token)?.iter().map(|piece| piece.tokens).collect();
/// assert_eq!(tokens, [8191, 1810]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When `most` is 0 or less than a single character has, or the tokenizer gives up.
pub fn pieces(text: &str, encoding: Encoding, most: usize, borders: Borders) -> Result<Vec<Piece<'_>>> {
    if most == 0 {
        return Err(Error::argument("pieces of 0 tokens").advice("allow at least one"));
    }
    let ends = encoding.ends(text)?;
    if ends.len() <= most {
        return Ok(vec![Piece { text, tokens: ends.len() }]);
    }
    let marks = Marks::of(text, borders);
    let mut cut = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let piece = first_piece(text, start, &ends, encoding, most, &marks)?;
        start += piece.text.len();
        cut.push(piece);
    }
    Ok(cut)
}

/// The first tokens of a text, at most `most`; the text itself when it has no more.
///
/// # Errors
/// As [`pieces`].
pub fn truncate(text: &str, encoding: Encoding, most: usize) -> Result<Piece<'_>> {
    if most == 0 {
        return Err(Error::argument("a text of 0 tokens").advice("allow at least one"));
    }
    let ends = encoding.ends(text)?;
    if ends.len() <= most {
        return Ok(Piece { text, tokens: ends.len() });
    }
    first_piece(text, 0, &ends, encoding, most, &Marks::default())
}

/// Places where a text may be cut, in bytes from its start, the finest kind last.
#[derive(Default)]
struct Marks(Vec<Vec<usize>>);

impl Marks {
    fn of(text: &str, borders: Borders) -> Marks {
        let sentences = || {
            text.split_sentence_bound_indices().map(|(start, _)| start).filter(|start| *start > 0).collect()
        };
        Marks(match borders {
            Borders::Token => Vec::new(),
            Borders::Sentence => vec![sentences()],
            Borders::Paragraph => vec![paragraphs(text), sentences()],
        })
    }
}

/// Where a paragraph begins after one or more empty lines.
fn paragraphs(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut at, mut after_empty) = (0, false);
    for line in text.split_inclusive('\n') {
        let empty = line.trim().is_empty();
        if after_empty && !empty && at > 0 {
            starts.push(at);
        }
        after_empty = empty;
        at += line.len();
    }
    starts
}

/// The piece that begins at `start`: as long as `most` tokens allow, shorter to end at a mark.
fn first_piece<'a>(
    text: &'a str,
    start: usize,
    ends: &[usize],
    encoding: Encoding,
    most: usize,
    marks: &Marks,
) -> Result<Piece<'a>> {
    // Tokens of the whole text that end beyond the start.
    let first = ends.partition_point(|end| *end <= start);
    let after = (first + most).min(ends.len());
    let half = ends[first + (after - first) / 2];
    // A mark only counts where it does not leave a piece of less than half the tokens.
    let at_marks = marks.0.iter().flat_map(|marks| within(marks, half.max(start), ends[after - 1]));
    let at_tokens = ends[first..after].iter().rev().copied().filter(|end| text.is_char_boundary(*end));
    let whole = (ends.len() == after).then_some(text.len());
    for end in whole.into_iter().chain(at_marks).chain(at_tokens).filter(|end| *end > start) {
        let piece = &text[start..end];
        // A piece for itself can have other tokens than as a part of the whole.
        let tokens = encoding.count(piece)?;
        if tokens <= most {
            return Ok(Piece { text: piece, tokens });
        }
    }
    let character = text[start..].chars().next().map(String::from).unwrap_or_default();
    Err(Error::argument("a character of more tokens than a piece may have")
        .seen(format!("{character}: {} tokens", encoding.count(&character)?))
        .advice("allow more tokens"))
}

/// The marks above one byte and up to another, the last first.
fn within(marks: &[usize], above: usize, up_to: usize) -> impl Iterator<Item = usize> {
    let last = marks.partition_point(|mark| *mark <= up_to);
    marks[..last].iter().rev().copied().take_while(move |mark| *mark > above)
}

/// The mean of pieces' vectors (n x d), weighted by their tokens and scaled to length 1: OpenAI's way to
/// embed a text that is too long. Zeros where the mean has no direction.
pub fn weighted_mean(vectors: ArrayView2<'_, f32>, tokens: &[usize]) -> Array1<f32> {
    let mut sums = vec![0.0_f64; vectors.ncols()];
    for (vector, tokens) in vectors.rows().into_iter().zip(tokens) {
        sums.iter_mut().zip(vector).for_each(|(sum, x)| *sum += *tokens as f64 * f64::from(*x));
    }
    let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
    sums.iter().map(|x| if length > 0.0 { (x / length) as f32 } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, most: usize, borders: Borders) -> Vec<&str> {
        let pieces = pieces(text, Encoding::Cl100kBase, most, borders).unwrap();
        assert_eq!(pieces.iter().map(|piece| piece.text).collect::<String>(), text);
        assert!(pieces.iter().all(|piece| piece.tokens <= most && !piece.text.is_empty()));
        pieces.iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn the_guides_long_text_is_cut_into_8191_and_1810_tokens() {
        let text = "AGI ".repeat(5000);
        for encoding in [Encoding::Cl100kBase, Encoding::R50kBase] {
            assert_eq!(encoding.count(&text).unwrap(), 10_001);
            let cut = pieces(&text, encoding, 8191, Borders::Token).unwrap();
            assert_eq!(cut.iter().map(|piece| piece.tokens).collect::<Vec<_>>(), [8191, 1810]);
            assert_eq!(truncate(&text, encoding, 8191).unwrap(), cut[0]);
        }
    }

    #[test]
    fn no_piece_cuts_a_character() {
        let text = "👩‍👩‍👧‍👦お誕生日おめでとう ÅÄÖ नमस्ते ".repeat(20);
        for most in [4, 5, 7, 16, 100] {
            assert!(cut(&text, most, Borders::Token).len() > 1);
            cut(&text, most, Borders::Paragraph);
        }
        let error = pieces("🧿🧿", Encoding::R50kBase, 1, Borders::Token).unwrap_err().to_string();
        assert!(error.contains("a character of more tokens"), "{error}");
        assert!(pieces("tea", Encoding::R50kBase, 0, Borders::Token).is_err());
    }

    #[test]
    fn cuts_fall_on_sentences_and_paragraphs_where_they_are_near() {
        let text = "One two three four. Five six seven eight. Nine ten eleven twelve.\n\nAnother one here.\n";
        let sentences = cut(text, 13, Borders::Sentence);
        assert_eq!(sentences[0], "One two three four. Five six seven eight. ");
        let paragraphs = cut(text, 17, Borders::Paragraph);
        assert_eq!(paragraphs, [&text[..67], &text[67..]]);
        // No border in reach: after a token.
        assert_eq!(cut("word ".repeat(30).as_str(), 10, Borders::Paragraph).len(), 4);
    }

    #[test]
    fn a_text_of_the_allowed_length_stays_whole_and_an_empty_one_is_one_piece() {
        assert_eq!(cut("tea and cake", 3, Borders::Token), ["tea and cake"]);
        assert_eq!(pieces("", Encoding::Cl100kBase, 3, Borders::Token).unwrap().len(), 1);
    }

    #[test]
    fn the_mean_weighs_by_tokens_and_has_length_1() {
        let vectors = ndarray::array![[1.0_f32, 0.0], [0.0, 1.0]];
        let mean = weighted_mean(vectors.view(), &[3, 4]);
        assert!((mean[0] - 0.6).abs() < 1e-7 && (mean[1] - 0.8).abs() < 1e-7);
        assert_eq!(weighted_mean(ndarray::array![[1.0_f32], [-1.0]].view(), &[2, 2]).to_vec(), [0.0]);
    }
}
