//! The whole analysis as one page.
