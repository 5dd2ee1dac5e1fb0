//! Which column holds the vectors.
