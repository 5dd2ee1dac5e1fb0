//! A vector written as text in one cell.

/// Parses a vector cell into `out`.
pub fn parse_vector(_cell: &[u8], _out: &mut Vec<f32>) -> Result<(), String> {
    todo!()
}
