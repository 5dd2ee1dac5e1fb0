//! The report of the sample: clicked through, in both themes, on a phone, on paper.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::json;

use super::webdriver::Browser;
use crate::support::{LABELS, SAMPLE, embedlab};

/// The report of the sample with its labels, made once for all tests.
static REPORT: LazyLock<PathBuf> = LazyLock::new(|| {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sample_report.html");
    embedlab()
        .args(["report", SAMPLE, "--k", "6", "--labels", LABELS])
        .args(["--set", "kinds", "--truth", "Kind", "--label", "Score", "--layout", "pca", "-q", "-o"])
        .arg(&file)
        .assert()
        .success();
    file
});

fn opened(width: u32, height: u32) -> Browser {
    let browser = Browser::start(width, height);
    browser.open(&REPORT);
    browser.until("[...document.images].every((image) => image.complete)");
    browser
}

const OVERFLOW: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn every_section_has_its_picture_and_a_line_in_the_contents_that_leads_to_it() {
    let browser = opened(1280, 800);
    let sections =
        browser.run("return [...document.querySelectorAll('main > section')].map((each) => each.id)");
    let sections: Vec<String> = serde_json::from_value(sections).unwrap();
    for id in ["overview", "clusters", "map", "recommend", "evaluate"] {
        assert!(sections.iter().any(|section| section == id), "{id} is not in {sections:?}");
    }
    assert!(sections.len() >= 7, "{sections:?}");
    for id in &sections {
        browser.click(&format!(".contents a[href='#{id}']"));
        browser.until(&format!("location.hash === '#{id}'"));
        browser.until(&format!(
            "(() => {{ const box = document.getElementById('{id}').getBoundingClientRect(); \
             return box.top < innerHeight / 2 && box.bottom > 0 }})()"
        ));
    }
    let broken =
        "return [...document.images].filter((image) => image.naturalWidth === 0 || !image.alt).length";
    assert_eq!(browser.run(broken), 0);
    let without = "return [...document.querySelectorAll('main > section')].filter((each) => \
        !each.querySelector('figure img, table, .quotes')).map((each) => each.id)";
    assert_eq!(browser.run(without), json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn pictures_change_with_the_theme() {
    let browser = opened(1280, 800);
    let visible = |class: &str| {
        browser.run(&format!("return [...document.querySelectorAll('img.{class}')].filter((each) => each.offsetWidth > 0).length"))
    };
    let all = visible("in-light");
    assert!(all.as_u64().unwrap() >= 6 && visible("in-dark") == 0, "{all}");
    browser.click("label:has(#theme-dark)");
    assert_eq!((visible("in-light"), visible("in-dark")), (json!(0), all.clone()));
    browser.click("label:has(#theme-auto)");
    browser.prefer("prefers-color-scheme", "dark");
    assert_eq!((visible("in-light"), visible("in-dark")), (json!(0), all));
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn details_open_at_a_click_and_by_the_keyboard() {
    let browser = opened(1280, 800);
    // A smooth scroll would carry the line away from under the pointer.
    browser.prefer("prefers-reduced-motion", "reduce");
    let open = "return document.querySelectorAll('details[open]').length";
    assert_eq!(browser.run(open), 0);
    browser.click("details summary");
    assert_eq!(browser.run(open), 1);
    browser.type_into("details summary", "\u{e007}");
    assert_eq!(browser.run(open), 0);
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn on_a_phone_the_page_is_as_wide_as_the_screen() {
    let browser = opened(390, 844);
    assert_eq!(browser.run(OVERFLOW), 0);
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true })");
    assert_eq!(browser.run(OVERFLOW), 0);
    let small = "return [...document.querySelectorAll('p, td, dd, li, figcaption')].filter((each) => \
        each.offsetWidth > 0 && parseFloat(getComputedStyle(each).fontSize) < 11).length";
    assert_eq!(browser.run(small), 0);
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn on_paper_everything_is_light_and_open() {
    let browser = opened(1280, 800);
    browser.click("label:has(#theme-dark)");
    browser.chromium("Emulation.setEmulatedMedia", json!({"media": "print"}));
    assert_eq!(
        browser.run("return getComputedStyle(document.documentElement).backgroundColor"),
        "rgb(255, 255, 255)"
    );
    let hidden = "return ['.contents', '.theme'].map((each) => document.querySelector(each).offsetHeight)";
    assert_eq!(browser.run(hidden), json!([0, 0]));
    let dark =
        "return [...document.querySelectorAll('img.in-dark')].filter((each) => each.offsetWidth > 0).length";
    assert_eq!(browser.run(dark), 0);
    let closed = "return [...document.querySelectorAll('.opened')].filter((each) => each.getBoundingClientRect().height < 20).length";
    assert_eq!(browser.run(closed), 0);
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn text_can_be_read_in_both_themes_and_motion_is_the_readers_choice() {
    let browser = opened(1280, 800);
    assert_eq!(browser.faint(), Vec::<String>::new());
    browser.click("label:has(#theme-dark)");
    assert_eq!(browser.faint(), Vec::<String>::new());
    browser.prefer("prefers-reduced-motion", "reduce");
    assert_eq!(browser.run("return getComputedStyle(document.documentElement).scrollBehavior"), "auto");
}
