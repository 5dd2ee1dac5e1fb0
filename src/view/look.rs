//! Where a section will be read.

#[cfg(feature = "charts")]
use crate::chart::{Picture, Style, Theme};
#[cfg(feature = "charts")]
use crate::error::Result;

/// Where a section will be read, and so what is worth making of it: pictures cost time and a terminal shows
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Words and tables.
    Text,
    /// Words, tables and pictures, in the light and the dark theme.
    Page,
}

#[cfg(feature = "charts")]
impl super::Section {
    /// Adds a picture where pictures are shown; `draw` is called once for each theme. What it shows is the
    /// title of the section's picture, for those who cannot see it too.
    ///
    /// # Errors
    /// What `draw` returns.
    pub fn picture(
        self,
        look: Look,
        title: &str,
        caption: impl Into<String>,
        draw: impl Fn(Style) -> Result<Picture>,
    ) -> Result<Self> {
        if look == Look::Text {
            return Ok(self);
        }
        let light = draw(Style::new(title).theme(Theme::Light))?;
        let dark = draw(Style::new(title).theme(Theme::Dark))?;
        Ok(self.with(super::Figure::new(&light, &dark, caption)?))
    }
}
