//! JSON: one object a line, documents of many objects, and the answers of OpenAI.

pub(in crate::table) mod document;
pub(in crate::table) mod lines;
mod openai;
mod rows;
pub(in crate::table) mod scan;
