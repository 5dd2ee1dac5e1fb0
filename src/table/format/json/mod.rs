//! JSON: one object a line, documents of many objects, and the answers of OpenAI.

pub(in crate::table) mod lines;
pub(in crate::table) mod openai;
mod rows;
mod scan;
