//! What a column is: cells, the types of text columns, where the vectors are, and the matrix that they fill.

pub(in crate::table) mod arrow_vectors;
pub(in crate::table) mod cell;
pub(in crate::table) mod cell_error;
pub(in crate::table) mod floats;
pub(in crate::table) mod json_text;
pub(in crate::table) mod matrix;
pub(in crate::table) mod named_array;
pub(in crate::table) mod rows_in_order;
pub(in crate::table) mod stored;
pub(in crate::table) mod text_column;
pub(in crate::table) mod vector_column;
