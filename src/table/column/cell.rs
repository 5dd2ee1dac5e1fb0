//! A vector written as text in one cell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fast_float2::parse_partial;

use crate::error::{Error, excerpt};
use crate::table::ReadOptions;
use crate::table::column::cell_error::CellError;

/// Appends the numbers of one text cell to `out`; on an error `out` is as before.
///
/// Read are JSON arrays and Python lists (`[1, 2e-3]`), tuples, pgvector (`[1,2]`), Postgres arrays
/// (`{1,2}`), and what NumPy and PyTorch print (`[ 1. -2.5]` over any number of lines,
/// `array([..], dtype=float32)`, `tensor([..])`, `[np.float64(0.1), ..]`); a matrix of one row (`[[1, 2]]`);
/// numbers without brackets (`0.1, 0.2` or `0.1 0.2`); and base64 of little-endian 32-bit floats, or of 16-bit
/// floats where they make sense and 32-bit ones do not. Each number is rounded once, from its decimal digits to
/// the nearest `f32`.
///
/// # Errors
/// A [`CellError`] for an empty cell or vector, a word, NaN, an infinity, a number beyond `f32`, a
/// missing bracket, and for a printed array whose middle was left out.
///
/// ```
/// let mut vector = Vec::new();
/// embedlab::table::parse_vector(b"[0.25, -1e-3]", &mut vector)?;
/// assert_eq!(vector, [0.25, -0.001]);
/// # Ok::<(), embedlab::table::CellError>(())
/// ```
pub fn parse_vector(cell: &[u8], out: &mut Vec<f32>) -> Result<(), CellError> {
    parse_vector_of(cell, Numbers::Finite, out)
}

/// Which numbers a vector may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) enum Numbers {
    /// Those of an embedding.
    Finite,
    /// NaN and infinities too, to [`check`](crate::table::check()) them.
    Any,
}

impl Numbers {
    pub(in crate::table) fn of(options: &ReadOptions) -> Numbers {
        if options.keeps_faults() { Numbers::Any } else { Numbers::Finite }
    }
}

/// [`parse_vector`] for vectors that may be broken.
pub(in crate::table) fn parse_vector_of(
    cell: &[u8],
    numbers: Numbers,
    out: &mut Vec<f32>,
) -> Result<(), CellError> {
    let before = out.len();
    let trimmed = cell.trim_ascii();
    let parsed = match trimmed {
        [b'[', row @ .., b']'] if row.trim_ascii().starts_with(b"[") => parse(row, numbers, out),
        [b'0'..=b'9' | b'-' | b'+' | b'.', ..] => match parse_bare(trimmed, numbers, out) {
            // Base64 may begin with digits.
            Err(error) if out.len() == before => parse_base64(trimmed, numbers, out).map_err(|_| error),
            parsed => parsed,
        },
        [first, ..] if first.is_ascii_alphanumeric() || *first == b'/' => match parse(cell, numbers, out) {
            Err(CellError::Word(word)) => match parse_base64(trimmed, numbers, out) {
                Err(CellError::Word(_)) => Err(CellError::Word(word)),
                parsed => parsed,
            },
            parsed => parsed,
        },
        _ => parse(cell, numbers, out),
    };
    if parsed.is_err() {
        out.truncate(before);
    }
    parsed
}

/// Two or more numbers without brackets.
fn parse_bare(cell: &[u8], numbers: Numbers, out: &mut Vec<f32>) -> Result<(), CellError> {
    let before = out.len();
    let inside: Vec<u8> = [b"[", cell, b"]"].concat();
    let inside: Vec<u8> = inside.into_iter().map(|byte| if byte == b';' { b',' } else { byte }).collect();
    let parsed = parse(&inside, numbers, out);
    if parsed.is_ok() && out.len() - before < 2 {
        out.truncate(before);
        return Err(CellError::Word(token(cell, 0)));
    }
    if parsed.is_err() {
        out.truncate(before);
    }
    parsed
}

/// Base64 of floating-point numbers.
fn parse_base64(cell: &[u8], numbers: Numbers, out: &mut Vec<f32>) -> Result<(), CellError> {
    let bytes = STANDARD.decode(cell).map_err(|_| CellError::Word(token(cell, 0)))?;
    decode_bytes(&bytes, numbers, out)
}

/// The numbers of bytes: little-endian 32-bit floats, or 16-bit ones where those make sense and 32-bit ones do not.
pub(in crate::table) fn decode_bytes(
    bytes: &[u8],
    numbers: Numbers,
    out: &mut Vec<f32>,
) -> Result<(), CellError> {
    if bytes.is_empty() {
        return Err(CellError::Empty);
    }
    let start = out.len();
    let (floats, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        out.extend(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)));
    }
    if rest.is_empty() && are_sensible(&out[start..]) {
        return Ok(());
    }
    let (halves, rest_of_halves) = bytes.as_chunks::<2>();
    let halves: Vec<f32> = halves.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect();
    if rest_of_halves.is_empty() && halves.len() >= 2 && are_sensible(&halves) {
        out.truncate(start);
        out.extend(halves);
        return Ok(());
    }
    if !rest.is_empty() {
        return Err(CellError::Bytes(bytes.len()));
    }
    match out[start..].iter().find(|number| !number.is_finite()) {
        Some(number) if numbers == Numbers::Finite => Err(CellError::NotFinite(excerpt(&number.to_string()))),
        _ => Ok(()),
    }
}

/// Whether numbers are finite and of a size that vectors have: bytes of anything else are soon 1e20 or 1e-30.
pub(in crate::table) fn are_sensible(numbers: &[f32]) -> bool {
    let size = |number: &f32| *number == 0.0 || (1e-12..1e6).contains(&number.abs());
    !numbers.is_empty() && numbers.iter().all(size)
}

/// A cell of numbers with decimal commas, in the notation with points: `0,5; -1,25` and `0,5, -1,25`.
pub(in crate::table) fn with_points(cell: &[u8]) -> Vec<u8> {
    let digit = |at: Option<usize>| at.and_then(|at| cell.get(at)).is_some_and(u8::is_ascii_digit);
    let byte = |(at, byte): (usize, &u8)| match byte {
        b',' if digit(at.checked_sub(1)) && digit(Some(at + 1)) => b'.',
        b';' => b',',
        other => *other,
    };
    cell.iter().enumerate().map(byte).collect()
}

/// The number of a cell that holds one dimension of a vector.
pub(in crate::table) fn parse_number(cell: &[u8], numbers: Numbers) -> Result<f32, CellError> {
    let cell = cell.trim_ascii();
    match fast_float2::parse::<f32, _>(cell) {
        Ok(number) if number.is_finite() || numbers == Numbers::Any => Ok(number),
        _ if cell.is_empty() => Err(CellError::Empty),
        _ => Err(no_number(cell)),
    }
}

/// A vector whose length is not that of the vectors before it.
pub(in crate::table) fn another_length(seen: usize, expected: usize) -> Error {
    Error::input("a vector of different length")
        .with_code("vector-length")
        .seen(format!("{seen} number{} where {expected} were expected", if seen == 1 { "" } else { "s" }))
        .advice("embed this row again or remove it")
}

/// Whether a cell is meant as a vector of two or more numbers. One with a fault counts too, so that
/// the reader can name the fault instead of finding no vectors.
pub(in crate::table) fn looks_like_vector(cell: &[u8]) -> bool {
    let mut numbers = Vec::new();
    match parse(cell, Numbers::Finite, &mut numbers) {
        Ok(()) | Err(CellError::Word(_)) => numbers.len() >= 2,
        Err(CellError::Empty) => false,
        Err(CellError::Unclosed) => !numbers.is_empty(),
        Err(CellError::NotFinite(_) | CellError::OutOfRange(_) | CellError::Abridged) => true,
        Err(CellError::DecimalComma(_)) => true,
        Err(CellError::Bytes(_)) => false,
    }
}

/// As [`parse_vector`], but leaves in `out` what came before an error.
fn parse(cell: &[u8], numbers: Numbers, out: &mut Vec<f32>) -> Result<(), CellError> {
    let opening = open(cell)?;
    let mut at = skip_space(cell, opening.inside);
    if cell.get(at) == Some(&opening.close) {
        return Err(CellError::Empty);
    }
    loop {
        match parse_partial::<f32, _>(&cell[at..]) {
            Ok((number, length)) if number.is_finite() => {
                if has_leading_zero(&cell[at..at + length]) {
                    return Err(CellError::DecimalComma(token(cell, at)));
                }
                out.push(number);
                at += length;
            }
            _ => at = unusual_number(cell, at, numbers, out)?,
        }
        let next = skip_space(cell, at);
        match cell.get(next) {
            Some(b',') => at = skip_space(cell, next + 1),
            Some(&byte) if byte == opening.close => return end(cell, next + 1, opening.call),
            Some(_) if next > at => at = next,
            Some(_) => return Err(CellError::Word(token(cell, at))),
            None => return Err(CellError::Unclosed),
        }
    }
}

/// Whether a number begins with a zero before another digit: no program writes a number so, but `0,063` is cut so.
#[inline]
fn has_leading_zero(number: &[u8]) -> bool {
    matches!(number, [b'0', b'0'..=b'9', ..] | [b'-', b'0', b'0'..=b'9', ..])
}

struct Opening {
    /// Where the first number may be.
    inside: usize,
    close: u8,
    /// Whether the brackets are in the parentheses of `array(..)` or `tensor(..)`.
    call: bool,
}

fn open(cell: &[u8]) -> Result<Opening, CellError> {
    let start = skip_space(cell, 0);
    let mut at = start;
    let mut call = false;
    for name in [&b"array("[..], b"np.array(", b"tensor("] {
        if cell[at..].starts_with(name) {
            at = skip_space(cell, at + name.len());
            call = true;
            break;
        }
    }
    let close = match cell.get(at) {
        Some(b'[') => b']',
        Some(b'{') => b'}',
        Some(b'(') => b')',
        Some(_) => return Err(CellError::Word(token(cell, start))),
        None if call => return Err(CellError::Unclosed),
        None => return Err(CellError::Empty),
    };
    Ok(Opening { inside: at + 1, close, call })
}

/// Checks what follows the closing bracket: nothing, or the rest of a call (`, dtype=float32)`).
fn end(cell: &[u8], at: usize, call: bool) -> Result<(), CellError> {
    let rest = cell[at..].trim_ascii();
    match (call, rest) {
        (false, []) | (true, [b')'] | [b',', .., b')']) => Ok(()),
        (true, []) => Err(CellError::Unclosed),
        _ => Err(CellError::Word(token(cell, skip_space(cell, at)))),
    }
}

/// Reads `np.float64(0.1)`, as Python prints a list of NumPy 2 numbers, and names all that is not a number.
#[cold]
fn unusual_number(cell: &[u8], at: usize, numbers: Numbers, out: &mut Vec<f32>) -> Result<usize, CellError> {
    let rest = &cell[at..];
    if rest.is_empty() {
        return Err(CellError::Unclosed);
    }
    if rest.starts_with(b"...") || rest.starts_with("…".as_bytes()) {
        return Err(CellError::Abridged);
    }
    for name in [&b"np.float64("[..], b"np.float32(", b"np.float16("] {
        if let Some(inner) = rest.strip_prefix(name)
            && let Ok((number, length)) = parse_partial::<f32, _>(inner)
            && (number.is_finite() || numbers == Numbers::Any)
            && inner.get(length) == Some(&b')')
        {
            out.push(number);
            return Ok(at + name.len() + length + 1);
        }
    }
    if numbers == Numbers::Any
        && let Ok((number, length)) = parse_partial::<f32, _>(rest)
        && !rest.get(length).is_some_and(u8::is_ascii_alphanumeric)
    {
        out.push(number);
        return Ok(at + length);
    }
    Err(no_number(rest))
}

/// Says why no finite number starts here.
fn no_number(rest: &[u8]) -> CellError {
    let token = token(rest, 0);
    match parse_partial::<f32, _>(rest) {
        Err(_) => CellError::Word(token),
        Ok((_, length)) if rest.get(length).is_some_and(u8::is_ascii_alphanumeric) => CellError::Word(token),
        Ok((number, _)) if number.is_finite() => CellError::Word(token),
        Ok((_, length)) if rest[..length].iter().any(u8::is_ascii_digit) => CellError::OutOfRange(token),
        Ok(_) => CellError::NotFinite(token),
    }
}

#[inline]
fn skip_space(cell: &[u8], mut at: usize) -> usize {
    while cell.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The piece of a cell that starts at `at`, for a message.
fn token(cell: &[u8], at: usize) -> String {
    let rest = &cell[at..];
    let length = rest
        .iter()
        .skip(1)
        .position(|byte| byte.is_ascii_whitespace() || b",]})".contains(byte))
        .map_or(rest.len(), |position| position + 1);
    excerpt(&String::from_utf8_lossy(&rest[..length.min(200)]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(cell: &str) -> Result<Vec<f32>, CellError> {
        let mut out = Vec::new();
        parse_vector(cell.as_bytes(), &mut out).map(|()| out)
    }

    /// The obvious way, for cells whose brackets are right.
    fn parse_slowly(cell: &str) -> Option<Vec<f32>> {
        let inside = cell.trim().strip_prefix('[')?.strip_suffix(']')?;
        inside
            .split(',')
            .flat_map(|piece| {
                let words: Vec<&str> = piece.split_ascii_whitespace().collect();
                if words.is_empty() { vec![""] } else { words }
            })
            .map(|word| {
                word.parse::<f32>()
                    .ok()
                    .filter(|number| number.is_finite() && !has_leading_zero(word.as_bytes()))
            })
            .collect()
    }

    #[test]
    fn every_notation_gives_the_same_numbers() {
        for cell in [
            "[1.5, -2, 3e-4]",
            "[1.5,-2,3e-4]",
            "  [ 1.5 , -2.0 , 3.E-4 ]\n",
            "{1.5,-2,0.0003}",
            "(1.5, -2, 0.0003)",
            "[ 1.5e+00 -2.0e+00\n  3.0e-04]",
            "array([ 1.5, -2. , 0.0003], dtype=float32)",
            "array([1.5, -2., 0.0003])",
            "tensor([ 1.5000, -2.0000,\n         0.0003])",
            "[np.float64(1.5), np.float32(-2.0), np.float64(0.0003)]",
            "[[1.5, -2, 3e-4]]",
            "1.5, -2, 3e-4",
            "1.5 -2 0.0003",
            "1.5;-2;0.0003",
            "AADAPwAAAMBSSZ05",
        ] {
            assert_eq!(parsed(cell), Ok(vec![1.5, -2.0, 3e-4]), "{cell}");
        }
    }

    #[test]
    fn a_fault_is_named_and_leaves_the_output_as_it_was() {
        let quoted = |word: &str| format!("`{word}`");
        for (cell, error) in [
            ("", CellError::Empty),
            (" \n", CellError::Empty),
            ("[]", CellError::Empty),
            ("[ ]", CellError::Empty),
            ("0.1", CellError::Word(quoted("0.1"))),
            ("a text", CellError::Word(quoted("a"))),
            ("AACAPw", CellError::Word(quoted("AACAPw"))),
            ("AACAPwA=", CellError::Bytes(5)),
            ("0,063047, -0,25", CellError::DecimalComma(quoted("063047"))),
            ("[0.1, oops, 0.2]", CellError::Word(quoted("oops"))),
            ("[0.1, null]", CellError::Word(quoted("null"))),
            ("[0.1,, 0.2]", CellError::Word(quoted(","))),
            ("[0.1, ]", CellError::Word(quoted("]"))),
            ("[[0.1, 0.2], [0.3, 0.4]]", CellError::Word(quoted(","))),
            ("[1.2.3]", CellError::Word(quoted(".3"))),
            ("[0.1, nano]", CellError::Word(quoted("nano"))),
            ("[0.1, 0.2] and more", CellError::Word(quoted("and"))),
            ("[0.1, NaN]", CellError::NotFinite(quoted("NaN"))),
            ("[-Infinity, 1]", CellError::NotFinite(quoted("-Infinity"))),
            ("[1, inf]", CellError::NotFinite(quoted("inf"))),
            ("[1, -1e39]", CellError::OutOfRange(quoted("-1e39"))),
            ("[0.1, 0.2", CellError::Unclosed),
            ("[0.1, 0.2,", CellError::Unclosed),
            ("[", CellError::Unclosed),
            ("[0.1, 0.2}", CellError::Word(quoted("}"))),
            ("array([0.1, 0.2]", CellError::Unclosed),
            ("[ 0.1  0.2 ...  0.3]", CellError::Abridged),
            ("[0.1, 0.2, ..., 0.3]", CellError::Abridged),
        ] {
            let mut out = vec![7.0];
            assert_eq!(parse_vector(cell.as_bytes(), &mut out), Err(error), "{cell}");
            assert_eq!(out, [7.0], "{cell}");
        }
    }

    #[test]
    fn a_faulty_vector_is_still_meant_as_one_and_a_text_is_not() {
        for cell in ["[0.1, 0.2]", "[nan, 0.2]", "[0.1, 0.2, null]", "[0.1, 0.2", "[0.1 ... 0.2]"] {
            assert!(looks_like_vector(cell.as_bytes()), "{cell}");
        }
        for cell in ["", "[]", "[0.1]", "12", "1, 2", "[sic] a text", "(2) see below", "{\"a\": 1}"] {
            assert!(!looks_like_vector(cell.as_bytes()), "{cell}");
        }
    }

    #[test]
    fn a_single_number_is_read_and_anything_else_is_named() {
        assert_eq!(parse_number(b" -2.5e-1 ", Numbers::Finite), Ok(-0.25));
        assert_eq!(parse_number(b" ", Numbers::Finite), Err(CellError::Empty));
        assert_eq!(parse_number(b"1.5x", Numbers::Finite), Err(CellError::Word("`1.5x`".into())));
        assert_eq!(parse_number(b"1 2", Numbers::Finite), Err(CellError::Word("`1`".into())));
        assert_eq!(parse_number(b"nan", Numbers::Finite), Err(CellError::NotFinite("`nan`".into())));
        assert_eq!(parse_number(b"4e38", Numbers::Finite), Err(CellError::OutOfRange("`4e38`".into())));
    }

    #[test]
    fn a_check_may_see_what_is_not_finite_and_no_words() {
        let mut out = Vec::new();
        parse_vector_of(b"[1, NaN, -Infinity, 1e39]", Numbers::Any, &mut out).unwrap();
        assert!(out[0] == 1.0 && out[1].is_nan() && out[2..] == [f32::NEG_INFINITY, f32::INFINITY]);
        assert!(parse_vector_of(b"[1, nano]", Numbers::Any, &mut out).is_err());
        assert!(parse_number(b"inf", Numbers::Any).unwrap().is_infinite());
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<f32>().prop_filter("finite", |x| x.is_finite()).prop_map(|x| format!("{x:?}")),
            (-1.0..1.0f64).prop_map(|x| x.to_string()),
            (-1e30..1e30f64).prop_map(|x| format!("{x:e}")),
            any::<i64>().prop_map(|x| x.to_string()),
            // Halfway between two neighbouring f32: rounding by way of f64 goes wrong here.
            (0u32..1 << 23, "[0-9]{0,12}").prop_map(|(bits, digits)| {
                let low = f32::from_bits(0x3f80_0000 | bits);
                let middle = (f64::from(low) + f64::from(low.next_up())) / 2.0;
                format!("{middle:.40}{digits}")
            }),
        ]
    }

    proptest! {
        #[test]
        fn the_fast_parser_agrees_with_the_obvious_one(
            numbers in prop::collection::vec(number(), 1..40),
            separator in prop::sample::select(vec![",", ", ", " ", "  ", "\n ", " , "]),
            (open, close) in prop::sample::select(vec![
                ("[", "]"), ("{", "}"), ("[ ", " ]"), ("array([", "], dtype=float32)"), ("(", ")\n"),
            ]),
        ) {
            let joined = numbers.join(separator);
            let expected = parse_slowly(&format!("[{joined}]")).unwrap();
            let got = parsed(&format!("{open}{joined}{close}")).unwrap();
            let bits = |vector: &[f32]| vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&got), bits(&expected));
        }

        #[test]
        fn on_garbage_the_fast_parser_accepts_what_the_obvious_one_does(
            inside in "[-+0-9eE., \\n\\]naif\u{e9}_]{0,12}",
        ) {
            let cell = format!("[{inside}]");
            let slow = parse_slowly(&cell);
            prop_assert_eq!(parsed(&cell).ok(), slow, "{}", cell);
        }

        #[test]
        fn no_bytes_make_it_panic(cell in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse_vector(&cell, &mut Vec::new());
        }
    }
}
