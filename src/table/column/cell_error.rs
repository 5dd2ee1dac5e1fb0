//! What can be wrong with a vector in a cell.

use crate::error::Error;

/// Why a cell is not a vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// Nothing is in the cell, or nothing between its brackets.
    #[error("no numbers")]
    Empty,
    /// Something else is where a number should; the text is an excerpt, quoted.
    #[error("{0} where a number was expected")]
    Word(String),
    /// NaN or an infinity; the text is an excerpt, quoted.
    #[error("{0} where a finite number was expected")]
    NotFinite(String),
    /// A number beyond the largest `f32` (3.4e38); the text is an excerpt, quoted.
    #[error("{0} is beyond the range of 32-bit numbers")]
    OutOfRange(String),
    /// A number that begins with zeros, as the part after a decimal comma does; the text is an excerpt, quoted.
    #[error("{0} begins with a zero, as what follows a decimal comma")]
    DecimalComma(String),
    /// Base64 that is not 32-bit or 16-bit floating-point numbers; how many bytes it has.
    #[error("{0} bytes in base64, which are no floating-point numbers")]
    Bytes(usize),
    /// The cell ends before its vector does.
    #[error("no closing bracket")]
    Unclosed,
    /// NumPy or PyTorch printed the vector and left its middle out.
    #[error("a truncated vector: `...` in place of numbers")]
    Abridged,
}

impl CellError {
    fn advice(&self) -> &'static str {
        match self {
            CellError::Empty => "embed this row or remove it",
            CellError::Word(_) => "write a vector as [0.1, 0.2, ...] with all its numbers",
            CellError::NotFinite(_) | CellError::OutOfRange(_) => "embed this row again or remove it",
            CellError::DecimalComma(_) => {
                "if the numbers have decimal commas, read the file with --decimal ','"
            }
            CellError::Bytes(_) => "embed this row again, or ask for encoding_format float",
            CellError::Unclosed => {
                "the file was cut off, or the cell was too long for a spreadsheet: write it again"
            }
            CellError::Abridged => "write the vectors with .tolist(), not as printed arrays",
        }
    }
}

/// The place (file, row, column) is for the caller to add.
impl From<CellError> for Error {
    fn from(error: CellError) -> Self {
        Error::input("no vector").with_code("vector-missing").seen(error.to_string()).advice(error.advice())
    }
}
