//! The head of a `.npy` file: a Python dictionary literal, read without evaluating anything.
//!
//! The format is NEP 1 (`numpy.lib.format`): the magic `\x93NUMPY`, a version, the length of the
//! literal, the literal (`{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`), the data.

use crate::error::{Error, Result, excerpt};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Longer than any header of a plain array; NumPy itself refuses above 10,000.
const HEADER_LIMIT: usize = 1 << 16;

/// So many bytes of a file hold any head that is read.
pub(super) const HEAD: usize = 12 + HEADER_LIMIT;

/// The type of an array's elements, as in `<f4` or `|b1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) struct Dtype {
    /// `f` float, `i` integer, `u` unsigned, `b` boolean, `U` text.
    pub kind: char,
    /// The number after the kind: bytes, or for text characters of four bytes.
    pub width: usize,
    pub big_endian: bool,
}

impl Dtype {
    /// Bytes of one element.
    pub(in crate::table) fn size(self) -> Option<usize> {
        if self.kind == 'U' { self.width.checked_mul(4) } else { Some(self.width) }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}{}", if self.big_endian { '>' } else { '<' }, self.kind, self.width)
    }
}

/// An array as its header describes it, with its data still as bytes. The length of the data is
/// known to agree with the shape.
#[derive(Debug, Clone)]
pub(in crate::table) struct NpyArray<'a> {
    pub dtype: Dtype,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
    pub data: &'a [u8],
}

/// What a header says.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::table) struct Header {
    pub dtype: Dtype,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
    /// Where the data begin.
    pub data_start: usize,
}

impl Header {
    /// Bytes of data that the shape asks for; `None` when no memory could hold them.
    pub(in crate::table) fn data_len(&self) -> Option<usize> {
        self.shape.iter().try_fold(self.dtype.size()?, |bytes, &n| bytes.checked_mul(n))
    }
}

/// Reads the head of an array and checks that the data are as long as it says.
///
/// # Errors
/// For anything that is not a plain array of versions 1.0 to 3.0, and for a shape that does not
/// agree with the length.
pub(in crate::table) fn parse(bytes: &[u8]) -> Result<NpyArray<'_>> {
    let header = parse_header(bytes)?;
    let data = &bytes[header.data_start..];
    if header.data_len() != Some(data.len()) {
        return Err(Error::input("the data are shorter or longer than the header says")
            .seen(format!("shape {:?} of {}, {} bytes of data", header.shape, header.dtype, data.len()))
            .advice("the file is cut off or damaged: write it again"));
    }
    Ok(NpyArray { dtype: header.dtype, fortran_order: header.fortran_order, shape: header.shape, data })
}

/// Reads the head alone; `bytes` need not hold any data.
pub(in crate::table) fn parse_header(bytes: &[u8]) -> Result<Header> {
    let damaged = || {
        Error::input("the header is damaged")
            .with_code("file-damaged")
            .advice("write the file again with numpy.save")
    };
    if !bytes.starts_with(MAGIC) {
        return Err(Error::input("not a NumPy file")
            .with_code("file-damaged")
            .seen(excerpt(&String::from_utf8_lossy(&bytes[..bytes.len().min(8)])))
            .advice("a .npy file begins with \\x93NUMPY: check how it was written"));
    }
    let &[major, minor] = bytes.get(6..8).and_then(|v| v.first_chunk()).ok_or_else(damaged)?;
    let (start, length) = match major {
        1 => (10, bytes.get(8..10).map(|n| usize::from(n[0]) | usize::from(n[1]) << 8)),
        2 | 3 => (
            12,
            bytes
                .get(8..12)
                .and_then(|n| n.first_chunk())
                .map(|n| usize::try_from(u32::from_le_bytes(*n)).unwrap_or(usize::MAX)),
        ),
        _ => {
            return Err(Error::input("unsupported version of the NumPy format")
                .seen(format!("{major}.{minor}"))
                .advice("write it again with numpy.save"));
        }
    };
    let length = length.filter(|&n| n <= HEADER_LIMIT).ok_or_else(damaged)?;
    let literal = bytes.get(start..start + length).ok_or_else(damaged)?;
    let text = std::str::from_utf8(literal).map_err(|_| damaged())?;
    let entries = Literal(text).dictionary().ok_or_else(|| damaged().seen(excerpt(text)))?;
    let dtype = dtype(&entries.descr)?;
    Ok(Header {
        dtype,
        fortran_order: entries.fortran_order,
        shape: entries.shape,
        data_start: start + length,
    })
}

fn dtype(descr: &str) -> Result<Dtype> {
    let refused = || {
        Error::input("unsupported array type")
            .seen(excerpt(descr))
            .advice("save plain numbers: numpy.save(path, array.astype('float32'))")
    };
    let mut characters = descr.chars();
    let order = characters.next().filter(|order| "<>|=".contains(*order)).ok_or_else(refused)?;
    let kind = characters.next().filter(|kind| "fiubU".contains(*kind)).ok_or_else(refused)?;
    let width = characters.as_str().parse().map_err(|_| refused())?;
    let whole = match kind {
        'f' => matches!(width, 2 | 4 | 8),
        'i' | 'u' => matches!(width, 1 | 2 | 4 | 8),
        'b' => width == 1,
        _ => true,
    };
    if !whole {
        return Err(refused());
    }
    Ok(Dtype { kind, width, big_endian: order == '>' || order == '=' && cfg!(target_endian = "big") })
}

struct Entries {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// What is left of the literal to read.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    fn dictionary(mut self) -> Option<Entries> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.eat("{")?;
        while self.eat("}").is_none() {
            let key = self.quoted()?;
            self.eat(":")?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return None,
            }
            if self.eat(",").is_none() {
                self.eat("}")?;
                break;
            }
        }
        self.0.trim().is_empty().then_some(())?;
        Some(Entries { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let quote = if self.eat("'").is_some() { '\'' } else { self.eat("\"").map(|()| '"')? };
        let (inside, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        (!inside.contains('\\')).then_some(inside)
    }

    /// A plain type; the list that describes a structure is passed on as it is, to be refused
    /// by name.
    fn descr(&mut self) -> Option<String> {
        if !self.0.trim_start().starts_with('[') {
            return self.quoted().map(str::to_owned);
        }
        let end = self.0.find(']')?;
        let (list, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        Some(list.trim().to_owned())
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.eat("True") {
            Some(()) => Some(true),
            None => self.eat("False").map(|()| false),
        }
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.eat("(")?;
        let (inside, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let inside = inside.trim();
        let inside = inside.strip_suffix(',').unwrap_or(inside);
        if inside.is_empty() {
            return Some(Vec::new());
        }
        // Python 2 wrote long integers with an L.
        inside.split(',').map(|n| n.trim().trim_end_matches('L').parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, literal: &str, data: usize) -> Vec<u8> {
        let mut bytes = [MAGIC, &[version, 0]].concat();
        if version == 1 {
            bytes.extend((literal.len() as u16).to_le_bytes());
        } else {
            bytes.extend((literal.len() as u32).to_le_bytes());
        }
        bytes.extend(literal.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    }

    #[test]
    fn every_version_and_spelling_is_read() {
        for version in [1, 2, 3] {
            let bytes = file(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }  \n", 24);
            let array = parse(&bytes).unwrap();
            assert_eq!((array.shape.as_slice(), array.fortran_order), ([3, 2].as_slice(), false));
            assert_eq!(array.data.len(), 24);
        }
        let bytes = file(1, "{\"shape\":(4L,),\"fortran_order\":True,\"descr\":\">i2\"}", 8);
        let array = parse(&bytes).unwrap();
        assert_eq!(array.dtype, Dtype { kind: 'i', width: 2, big_endian: true });
        assert_eq!((array.shape.as_slice(), array.fortran_order), ([4].as_slice(), true));
    }

    #[test]
    fn a_header_that_lies_is_refused_before_any_allocation() {
        for shape in
            ["(3, 3)", "(1, 2)", "(9223372036854775807, 9223372036854775807)", "(4611686018427387904, 4)"]
        {
            let bytes = file(1, &format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"), 24);
            let message = parse(&bytes).unwrap_err().to_string();
            assert!(message.contains("shorter or longer than the header says"), "{message}");
        }
        let bytes = file(1, "{'descr': '<U9223372036854775807', 'fortran_order': False, 'shape': (2,)}", 24);
        assert!(parse(&bytes).is_err());
    }

    #[test]
    fn what_is_no_plain_array_is_refused_by_name() {
        for descr in ["'|O'", "'<c8'", "'<f3'", "[('a', '<f4'), ('b', '<i4')]", "'<M8[ns]'", "'|V4'"] {
            let bytes = file(1, &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,)}}"), 8);
            let message = parse(&bytes).unwrap_err().to_string();
            assert!(message.contains("unsupported array type"), "{descr}: {message}");
        }
    }

    #[test]
    fn a_damaged_header_never_panics() {
        let whole = file(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 24);
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err());
        }
        for at in 0..whole.len() - 24 {
            for value in [0, b'{', b'(', b'\'', b',', 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = parse(&damaged);
            }
        }
        let endless = [MAGIC, &[2, 0], &u32::MAX.to_le_bytes(), b"{'descr': "].concat();
        assert!(parse(&endless).is_err());
    }
}
