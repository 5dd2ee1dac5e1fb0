//! A text file as chunks of whole records: read in order, parsed by all threads, joined in order.

use std::io::{self, Read};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::memory::shown;
use crate::table::content::read_error;
use crate::table::keep::Keep;

/// A chunk fits in a core's cache, so that its bytes are copied, searched and parsed there.
const CHUNK: usize = 256 << 10;
/// Chunks for each thread between two meetings of the threads.
const CHUNKS_PER_THREAD: usize = 4;
/// The longest record: an OpenAI Batch line with 2,048 vectors of 3,072 numbers takes 140 MB.
const LONGEST_RECORD: usize = 256 << 20;

/// What a chunk of records was parsed to.
pub(in crate::table) trait Part: Send {
    /// The number of rows.
    fn rows(&self) -> usize;
    /// Adds the part that follows.
    fn append(&mut self, next: Self) -> Result<()>;
    /// The memory that its columns take.
    fn column_bytes(&self) -> usize;
    /// The numbers of its vectors, one after the other.
    fn numbers(&mut self) -> &mut Vec<f32>;
}

/// An error in a chunk, and its place counted from the start of the chunk.
pub(in crate::table) struct Fault {
    /// Whole rows before it in the chunk.
    pub(in crate::table) rows: usize,
    /// Where its record starts in the chunk.
    pub(in crate::table) offset: usize,
    pub(in crate::table) error: Error,
}

/// Cuts a stream between records. It never seeks, so the stream may be a pipe.
pub(in crate::table) struct Chunks<R, E> {
    input: R,
    /// The position after the last record that ends in these bytes.
    record_end: E,
    /// What was read after the last cut.
    rest: Vec<u8>,
    ended: bool,
    /// The longest record that there may be.
    longest: usize,
}

impl<R: Read, E: Fn(&[u8]) -> Option<usize>> Chunks<R, E> {
    /// Starts after the byte-order mark, if there is one.
    ///
    /// # Errors
    /// When the stream cannot be read, or is UTF-16.
    pub(in crate::table) fn new(mut input: R, record_end: E) -> Result<Self> {
        let mut rest = Vec::new();
        input.by_ref().take(3).read_to_end(&mut rest).map_err(read_error)?;
        match rest[..] {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                return Err(Error::input("text in UTF-16")
                    .with_code("text-encoding")
                    .advice("save the file as UTF-8"));
            }
            [0xef, 0xbb, 0xbf] => rest.clear(),
            _ => {}
        }
        Ok(Chunks { input, record_end, rest, ended: false, longest: LONGEST_RECORD })
    }

    /// Reads the first records, as many as are `enough`, or all there are.
    pub(in crate::table) fn first(&mut self, enough: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
        let mut chunk = Vec::new();
        let mut size = CHUNK;
        loop {
            self.next(&mut chunk, size)?;
            if self.ended || enough(&chunk) {
                return Ok(chunk);
            }
            if size >= LONGEST_RECORD {
                return Err(endless_record());
            }
            self.put_back(&chunk);
            size *= 2;
        }
    }

    /// Reads the next whole records, about `size` bytes of them, in place of what is in `chunk`.
    /// Nothing is left when the chunk stays empty.
    pub(in crate::table) fn next(&mut self, chunk: &mut Vec<u8>, size: usize) -> Result<()> {
        let mut size = size.max(self.rest.len() + 1);
        chunk.clear();
        chunk.append(&mut self.rest);
        loop {
            self.fill(chunk, size).map_err(read_error)?;
            if self.ended {
                return Ok(());
            }
            if let Some(end) = (self.record_end)(chunk) {
                self.rest.extend_from_slice(&chunk[end..]);
                chunk.truncate(end);
                return Ok(());
            }
            if size >= self.longest {
                return Err(if self.longest < LONGEST_RECORD {
                    too_long(self.longest)
                } else {
                    endless_record()
                });
            }
            size *= 2;
        }
    }

    /// Makes `bytes` the next to be read.
    pub(in crate::table) fn put_back(&mut self, bytes: &[u8]) {
        self.rest.splice(..0, bytes.iter().copied());
    }

    fn fill(&mut self, chunk: &mut Vec<u8>, size: usize) -> io::Result<()> {
        let missing = size.saturating_sub(chunk.len());
        if self.ended || missing == 0 {
            return Ok(());
        }
        chunk.reserve_exact(missing);
        self.ended = self.input.by_ref().take(missing as u64).read_to_end(chunk)? < missing;
        Ok(())
    }
}

fn too_long(longest: usize) -> Error {
    Error::memory("a record does not fit in memory")
        .with_code("memory")
        .seen(format!("it goes on after {}", shown(longest as u64)))
        .advice("allow more with --memory, or look for a quote that is not closed")
}

fn endless_record() -> Error {
    Error::input("a record without an end")
        .seen(format!("it goes on after {} MB", LONGEST_RECORD >> 20))
        .advice("look for a quote that is not closed, or name the format")
}

/// Parses all that is left of `chunks` and joins the parts in the order of the file; `None` when
/// nothing was left. `lines` of the file come before.
///
/// Memory holds a fixed number of chunks at a time: the next ones are read while these are parsed.
/// The error that is given is the first in the file, with its row and line; rows beyond the memory are one. Numbers that
/// `keep` does not want in memory are not in what comes of it.
pub(in crate::table) fn parse_all<R, E, P>(
    mut chunks: Chunks<R, E>,
    lines: usize,
    keep: &mut Keep,
    parse: impl Fn(&[u8]) -> Result<P, Fault> + Sync,
) -> Result<Option<P>>
where
    R: Read + Send,
    E: Fn(&[u8]) -> Option<usize> + Send,
    P: Part,
{
    // What is read, what is parsed, and what comes of both.
    if let Some(most) = keep.share(4) {
        chunks.longest = usize::try_from(most).unwrap_or(usize::MAX).min(LONGEST_RECORD);
    }
    let most = keep.share(16).map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let at_once = (most / (3 * CHUNK)).clamp(1, CHUNKS_PER_THREAD * rayon::current_num_threads());
    let (mut current, mut next) = (Batch::of(at_once), Batch::of(at_once));
    let mut parsed = Vec::new();
    let mut joined = Joined { whole: None, rows: 0, lines, keep };
    loop {
        let before = std::mem::take(&mut parsed);
        let (join, parts) = rayon::join(
            || {
                let join = joined.append(before);
                next.read(&mut chunks);
                join
            },
            || current.filled().par_iter().map(|chunk| Parsed::new(chunk, &parse)).collect(),
        );
        join?;
        parsed = parts;
        if next.filled == 0 {
            joined.append(parsed)?;
            return match next.failure {
                Some(error) => Err(error.row(joined.rows).line(joined.lines + 1)),
                None => Ok(joined.whole),
            };
        }
        std::mem::swap(&mut current, &mut next);
        next.failure = current.failure.take();
    }
}

/// Chunks that are parsed together; their memory is used again.
struct Batch {
    chunks: Vec<Vec<u8>>,
    filled: usize,
    /// Why no more could be read.
    failure: Option<Error>,
}

impl Batch {
    fn of(chunks: usize) -> Batch {
        Batch { chunks: vec![Vec::new(); chunks], filled: 0, failure: None }
    }

    fn read<R: Read, E: Fn(&[u8]) -> Option<usize>>(&mut self, chunks: &mut Chunks<R, E>) {
        self.filled = 0;
        if self.failure.is_some() {
            return;
        }
        for chunk in &mut self.chunks {
            match chunks.next(chunk, CHUNK) {
                Ok(()) if chunk.is_empty() => return,
                Ok(()) => self.filled += 1,
                Err(error) => {
                    self.failure = Some(error);
                    return;
                }
            }
        }
    }

    fn filled(&self) -> &[Vec<u8>] {
        &self.chunks[..self.filled]
    }
}

struct Parsed<P> {
    part: Result<P, Fault>,
    /// Lines of the chunk; after a fault, those before it.
    lines: usize,
}

impl<P> Parsed<P> {
    fn new(chunk: &[u8], parse: impl Fn(&[u8]) -> Result<P, Fault>) -> Self {
        let part = parse(chunk);
        let end = part.as_ref().err().map_or(chunk.len(), |fault| fault.offset);
        Parsed { part, lines: memchr::memchr_iter(b'\n', &chunk[..end]).count() }
    }
}

struct Joined<'a, P> {
    whole: Option<P>,
    rows: usize,
    lines: usize,
    keep: &'a mut Keep,
}

impl<P: Part> Joined<'_, P> {
    fn append(&mut self, parsed: Vec<Parsed<P>>) -> Result<()> {
        for Parsed { part, lines } in parsed {
            let part =
                part.map_err(|fault| fault.error.row(self.rows + fault.rows).line(self.lines + lines + 1))?;
            self.rows += part.rows();
            self.lines += lines;
            match &mut self.whole {
                Some(whole) => whole.append(part)?,
                whole => *whole = Some(part),
            }
        }
        let Some(whole) = &mut self.whole else { return Ok(()) };
        let columns = whole.column_bytes();
        self.keep.settle(whole.numbers(), columns, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Budget;

    /// Lines as rows; the line `bad` is a fault.
    struct Lines(Vec<String>, Vec<f32>);

    impl Part for Lines {
        fn rows(&self) -> usize {
            self.0.len()
        }

        fn append(&mut self, mut next: Lines) -> Result<()> {
            self.0.append(&mut next.0);
            Ok(())
        }

        fn column_bytes(&self) -> usize {
            self.0.iter().map(String::len).sum()
        }

        fn numbers(&mut self) -> &mut Vec<f32> {
            &mut self.1
        }
    }

    fn line_end(bytes: &[u8]) -> Option<usize> {
        memchr::memrchr(b'\n', bytes).map(|position| position + 1)
    }

    fn parse(chunk: &[u8]) -> Result<Lines, Fault> {
        let mut lines = Vec::new();
        let mut offset = 0;
        for line in std::str::from_utf8(chunk).unwrap().split_inclusive('\n') {
            if line == "bad\n" {
                return Err(Fault { rows: lines.len(), offset, error: Error::input("bad") });
            }
            offset += line.len();
            lines.push(line.trim_end_matches('\n').to_owned());
        }
        Ok(Lines(lines, Vec::new()))
    }

    fn read(text: &str) -> Result<Option<Lines>> {
        parse_all(Chunks::new(text.as_bytes(), line_end)?, 1, &mut Keep::in_memory(Budget::default()), parse)
    }

    #[test]
    fn rows_beyond_the_budget_are_an_error_while_they_are_read() {
        let text = "0123456789\n".repeat(2_000_000);
        let chunks = Chunks::new(text.as_bytes(), line_end).unwrap();
        let error = parse_all(chunks, 0, &mut Keep::in_memory(Budget::bytes(1 << 20)), parse).err().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::Memory);
    }

    #[test]
    fn all_records_come_in_order_whatever_their_length() {
        let lines: Vec<String> = (0..40_000)
            .map(|i| format!("{i} {}", "x".repeat(if i % 9_000 == 7 { 700_000 } else { i % 300 })))
            .collect();
        let read = read(&lines.join("\n")).unwrap().unwrap();
        assert!(read.0 == lines);
    }

    #[test]
    fn an_empty_stream_is_nothing() {
        assert!(read("").unwrap().is_none());
    }

    #[test]
    fn a_byte_order_mark_is_no_text_and_utf_16_is_refused() {
        assert_eq!(read("\u{feff}a\nb").unwrap().unwrap().0, ["a", "b"]);
        let error = Chunks::new(&b"\xff\xfea\0"[..], line_end).err().unwrap();
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }

    #[test]
    fn the_first_error_of_the_file_is_given_with_its_place() {
        let mut lines = vec!["x".repeat(400); 20_000];
        lines[12_345] = "bad".into();
        lines[19_000] = "bad".into();
        let error = read(&lines.join("\n")).err().unwrap();
        assert_eq!(error.to_string(), "row 12345 (line 12347): bad");
    }

    #[test]
    fn what_was_put_back_is_read_again_first() {
        let mut chunks = Chunks::new(&b"one\ntwo\nthree"[..], line_end).unwrap();
        let mut chunk = Vec::new();
        chunks.next(&mut chunk, 6).unwrap();
        assert_eq!(chunk, b"one\n");
        chunks.put_back(b"one\n");
        chunks.next(&mut chunk, 100).unwrap();
        assert_eq!(chunk, b"one\ntwo\nthree");
        chunks.next(&mut chunk, 100).unwrap();
        assert_eq!(chunk, b"");
    }
}
