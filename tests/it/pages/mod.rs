//! Pages in a real browser: Chromium through its WebDriver. Without `chromedriver` on the path each
//! test says that it is skipped.

mod map;
mod report;
mod webdriver;
