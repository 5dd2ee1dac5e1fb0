//! A stretch of the pages of one column chunk.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::Result as ParquetResult;
use parquet::file::serialized_reader::SerializedPageReader;

use super::damaged;
use super::source::Opened;
use crate::error::Result;

/// Some consecutive data pages of a column chunk, with the chunk's dictionary before the first page
/// that refers to it.
pub(super) struct PageRun {
    pages: SerializedPageReader<Opened>,
    left: usize,
    /// The chunk from its start, where the dictionary is, until that has been handed out.
    chunk: Option<SerializedPageReader<Opened>>,
    held_back: Option<Page>,
}

impl PageRun {
    /// The data pages from number `first` (the dictionary is not counted) of the chunk that `open`
    /// opens at its start.
    ///
    /// # Errors
    /// When a page header is damaged.
    pub(super) fn new(
        open: impl Fn() -> Result<SerializedPageReader<Opened>>,
        first: usize,
        count: usize,
    ) -> Result<PageRun> {
        let mut pages = open()?;
        let mut data_pages = 0;
        while let Some(page) = pages.peek_next_page().map_err(damaged)? {
            if !page.is_dict && data_pages == first {
                break;
            }
            data_pages += usize::from(!page.is_dict);
            pages.skip_next_page().map_err(damaged)?;
        }
        Ok(PageRun { pages, left: count, chunk: Some(open()?), held_back: None })
    }

    #[allow(deprecated)]
    fn needs_dictionary(page: &Page) -> bool {
        matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
            && page.is_data_page()
    }
}

impl PageReader for PageRun {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        if let Some(page) = self.held_back.take() {
            return Ok(Some(page));
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let page = self.pages.get_next_page()?;
        if page.as_ref().is_some_and(PageRun::needs_dictionary)
            && let Some(mut chunk) = self.chunk.take()
        {
            self.held_back = page;
            return chunk.get_next_page();
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        if self.left == 0 { Ok(None) } else { self.pages.peek_next_page() }
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.left = self.left.saturating_sub(1);
        self.pages.skip_next_page()
    }
}

impl Iterator for PageRun {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
