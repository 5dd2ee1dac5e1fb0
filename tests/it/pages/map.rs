//! The interactive map: pointed at, searched, filtered, selected from, exported, by mouse and by keys.

use embedlab::chart::{ColorColumn, Groups, InteractiveMap};
use ndarray::Array2;
use serde_json::Value;

use super::webdriver::{Browser, Step};

const HOSTILE: &str =
    "</script><img src=x onerror=\"document.title='run'\"><!-- <script> \u{2028}\u{0}\u{1b} 차 茶 👩‍🍳";
const ROWS: usize = 201;

/// One row in the middle, with the hostile text, and fifty in each corner: those with an even number
/// are about tea.
fn page() -> String {
    let corners = [[-1.0_f32, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]];
    let points = Array2::from_shape_fn((ROWS, 2), |(row, axis)| match row {
        0 => 0.0,
        _ => corners[row % 4][axis] * (1.0 - 0.001 * (row / 4) as f32),
    });
    let texts: Vec<Option<String>> = (0..ROWS)
        .map(|row| match row {
            0 => Some(HOSTILE.to_owned()),
            7 => None,
            _ if row % 2 == 0 => Some(format!("A Tea, \"row\" {row}")),
            _ => Some(format!("coffee {row}")),
        })
        .collect();
    let corner: Vec<usize> = (0..ROWS).map(|row| if row == 0 { 4 } else { row % 4 }).collect();
    let groups =
        Groups::new(&corner, ["south-west", "south-east", "north-west", "north-east", HOSTILE]).unwrap();
    let number = (0..ROWS).map(|row| if row == 0 { f64::NAN } else { row as f64 }).collect();
    InteractiveMap::new(points.view())
        .title(HOSTILE)
        .subtitle(HOSTILE)
        .trust([HOSTILE])
        .texts(&texts)
        .color(ColorColumn::groups("corner", groups))
        .color(ColorColumn::numbers(HOSTILE, number))
        .html()
        .unwrap()
}

/// A browser that shows the page; its map is about 900 x 700.
fn opened() -> Browser {
    let browser = Browser::start(1280, 800);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.html");
    std::fs::write(&file, page()).unwrap();
    browser.open(&file);
    browser.until("document.body.dataset.painter");
    browser
}

/// The pixel of a place between 0 and 1 on the canvas.
fn on_map(browser: &Browser, x: f64, y: f64) -> (i64, i64) {
    let at = browser.run(&format!(
        "const box = document.querySelector('#map').getBoundingClientRect(); return [box.left + {x} * box.width, box.top + {y} * box.height]"
    ));
    (at[0].as_f64().unwrap() as i64, at[1].as_f64().unwrap() as i64)
}

/// Draws a lasso around the left half of the map.
fn lasso_the_left(browser: &Browser) {
    browser.click("#tool-lasso");
    let around =
        [(0.02, 0.075), (0.4, 0.075), (0.4, 0.998), (0.02, 0.998)].map(|(x, y)| on_map(browser, x, y));
    let mut steps = vec![Step::To(around[0].0, around[0].1), Step::Down];
    steps.extend(around[1..].iter().map(|&(x, y)| Step::To(x, y)));
    steps.push(Step::Up);
    browser.point(&steps);
}

/// What a button would save.
fn saved(browser: &Browser, button: &str) -> String {
    browser.run("HTMLAnchorElement.prototype.click = () => {}; const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.saved = blob; return make.call(URL, blob); };");
    browser.click(button);
    browser.value("window.saved.text()").as_str().unwrap().to_owned()
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn a_hostile_text_is_shown_under_the_pointer_and_nothing_of_it_runs() {
    let browser = opened();
    let (x, y) = on_map(&browser, 0.5, 0.5);
    browser.point(&[Step::To(x + 40, y), Step::To(x, y + 23), Step::To(x, y + 24)]);
    browser.until("!document.querySelector('#tip').hidden");
    let tip = browser.text("#tip");
    assert!(tip.contains("Row 0</script><img src=x onerror="), "{tip}");
    assert!(tip.contains("␀␛ 차 茶 👩‍🍳"), "control characters are shown by their pictures: {tip}");
    browser.point(&[Step::Down, Step::Up]);
    assert!(browser.text("#row-body").contains("<!-- <script>"));
    assert_eq!(browser.run("return document.querySelectorAll('img, #map-data ~ img, iframe').length"), 0);
    assert_eq!(
        browser.run("return document.title"),
        HOSTILE.replace('\0', "␀").replace('\u{1b}', "␛").as_str()
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn the_page_may_not_connect_and_runs_no_other_script() {
    let browser = opened();
    let refused = "new Promise(done => { document.addEventListener('securitypolicyviolation', event => done(event.violatedDirective)); ";
    let fetched = browser.value(&format!("{refused} fetch('http://127.0.0.1:9/').catch(() => {{}}); }})"));
    assert_eq!(fetched, "connect-src");
    let run = browser.value(&format!(
        "{refused} const script = document.createElement('script'); script.textContent = 'window.mine = 1'; document.body.append(script); }})"
    ));
    assert_eq!(run, "script-src-elem");
    assert!(browser.run("return window.mine").is_null());
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn the_legend_hides_groups_and_a_lasso_takes_what_is_visible() {
    let browser = opened();
    assert_eq!(browser.text("#visible"), "201 rows");
    assert_eq!(browser.run("return document.querySelectorAll('#legend li').length"), 5);
    browser.click("#legend li:nth-child(1) input");
    assert_eq!(browser.text("#visible"), "151 of 201 rows shown");
    lasso_the_left(&browser);
    assert_eq!(browser.text("#selected-count"), "50 rows selected");
    assert!(browser.text("#selected-rows li:first-child").starts_with("2 A Tea"));
    browser.click("#clear");
    assert!(browser.text("#selected-count").starts_with("No rows selected"));
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn the_selection_is_saved_as_csv_and_json() {
    let browser = opened();
    lasso_the_left(&browser);
    assert_eq!(browser.text("#selected-count"), "100 rows selected");
    let csv = saved(&browser, "#as-csv");
    let mut lines = csv.split("\r\n");
    assert!(lines.next().unwrap().starts_with("row,x,y,corner,"));
    assert_eq!(lines.next().unwrap(), "2,-1,1,north-west,2,\"A Tea, \"\"row\"\" 2\"");
    let json: Value = serde_json::from_str(&saved(&browser, "#as-json")).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 100);
    assert_eq!((json[0]["row"].as_u64(), json[0]["text"].as_str()), (Some(2), Some("A Tea, \"row\" 2")));
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn a_search_finds_rows_whatever_their_case_and_lists_them() {
    let browser = opened();
    browser.type_into("#search", "a tea");
    browser.until("document.querySelector('#found').textContent");
    assert_eq!(browser.text("#found"), "100 rows contain “a tea”");
    browser.click("#take-found");
    assert_eq!(browser.text("#selected-count"), "100 rows selected");
    browser.click("#found-rows li:nth-child(2) button");
    assert_eq!(browser.text("#row-title"), "Row 4");
    browser.type_into("#search", " (");
    browser.until("document.querySelector('#found').textContent.startsWith('0')");
    assert_eq!(browser.text("#found"), "0 rows contain “a tea (”");
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn a_column_of_numbers_is_a_ramp_that_filters() {
    let browser = opened();
    let choose = "const select = document.querySelector('#color'); select.value = '1'; select.dispatchEvent(new Event('change'));";
    browser.run(choose);
    assert!(browser.text("#legend").contains("no number1"));
    let slide = "const from = document.querySelector('#legend input[type=range]'); from.value = 125; from.dispatchEvent(new Event('input'));";
    browser.run(slide);
    let visible = browser.text("#visible");
    assert!(["100 of", "101 of", "102 of"].iter().any(|half| visible.starts_with(half)), "{visible}");
    browser.click("#legend .missing input");
    assert_ne!(browser.text("#visible"), visible);
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn the_wheel_zooms_and_a_drag_moves() {
    let browser = opened();
    let ring = || {
        let place = |name: &str| {
            browser
                .run(&format!("return document.querySelector('#ring').getAttribute('{name}')"))
                .as_str()
                .unwrap()
                .parse::<f64>()
                .unwrap()
        };
        (place("cx"), place("cy"))
    };
    // The row in the middle keeps its ring while the map moves under it.
    browser.type_into("#map", "\u{e007}");
    assert_eq!(browser.text("#row-title"), "Row 0");
    let before = ring();
    for _ in 0..3 {
        browser.type_into("#map", "\u{e014}");
    }
    assert_eq!(ring(), (before.0 - 150.0, before.1));
    let (x, y) = on_map(&browser, 0.2, 0.3);
    let shown = "document.querySelectorAll('#ring[visibility=visible]').length";
    browser.wheel(x, y, -300);
    assert_eq!(browser.run(&format!("return {shown}")), 0, "what was under the pointer has gone");
    browser.type_into("#map", "0");
    browser.point(&[
        Step::To(x, y),
        Step::Down,
        Step::To(x + 60, y + 30),
        Step::To(x + 100, y + 50),
        Step::Up,
    ]);
    browser.click("#take-view");
    let count = browser.text("#selected-count");
    assert!(!count.starts_with("201"), "the right corners have left the view: {count}");
    browser.click("#fit");
    browser.click("#take-view");
    assert_eq!(browser.text("#selected-count"), "201 rows selected");
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn the_theme_follows_the_reader_and_the_switch() {
    let browser = opened();
    let ground = || {
        let (x, y) = on_map(&browser, 0.02, 0.2);
        browser.pixel(x, y)
    };
    assert_eq!(ground(), [255, 255, 255]);
    browser.click("label:has(#theme-dark)");
    assert_eq!(ground(), [0x12, 0x14, 0x17]);
    browser.click("label:has(#theme-auto)");
    assert_eq!(ground(), [255, 255, 255]);
    browser.prefer("prefers-color-scheme", "dark");
    assert_eq!(ground(), [0x12, 0x14, 0x17]);
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn text_can_be_read_in_both_themes() {
    let browser = opened();
    browser.type_into("#search", "tea");
    browser.type_into("#map", "\u{e007}");
    browser.until("document.querySelector('#found').textContent");
    for theme in ["light", "dark"] {
        browser.click(&format!("label:has(#theme-{theme})"));
        assert_eq!(browser.faint(), Vec::<String>::new(), "{theme}");
    }
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn on_a_phone_nothing_is_wider_than_the_screen() {
    let browser = opened();
    browser.resize(390, 844);
    browser.until("document.querySelector('.panel').getBoundingClientRect().width <= 390");
    assert_eq!(browser.run("return document.documentElement.scrollWidth"), 390);
    let height = browser.run("return document.querySelector('#stage').getBoundingClientRect().height");
    assert!((400.0..600.0).contains(&height.as_f64().unwrap()));
}

#[test]
#[cfg_attr(not(chromedriver), ignore = "needs chromedriver")]
fn every_control_has_a_name_and_can_be_reached_with_the_keyboard() {
    let browser = opened();
    let nameless = "return [...document.querySelectorAll('button, input, select, [tabindex=\"0\"]')].filter((each) => \
        !(each.getAttribute('aria-label') || each.textContent.trim() || each.labels?.[0]?.textContent.trim())).map((each) => each.outerHTML)";
    assert_eq!(browser.run(nameless), serde_json::json!([]));
    let mut reached = Vec::new();
    for _ in 0..12 {
        browser.run("window.before = document.activeElement");
        browser.chromium(
            "Input.dispatchKeyEvent",
            serde_json::json!({"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
        );
        reached.push(browser.run("return document.activeElement.id").as_str().unwrap_or_default().to_owned());
    }
    for id in ["map", "tool-pan", "tool-lasso", "zoom-in", "fit", "color"] {
        assert!(reached.iter().any(|each| each == id), "{id} is not in {reached:?}");
    }
}
