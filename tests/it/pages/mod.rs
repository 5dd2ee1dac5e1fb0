//! Pages in a real browser: Chromium through its WebDriver. Without `chromedriver` on the path these tests are ignored,
//! and counted as such (`build.rs` looks for it).

mod map;
mod report;
mod webdriver;
