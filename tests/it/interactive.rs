//! The file of an interactive map: what stands in it, and what is refused.

use embedlab::ErrorKind;
use embedlab::chart::{ColorColumn, Groups, InteractiveMap, Palette};
use ndarray::{Array2, array};
use serde_json::Value;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!-- <script> \u{2028}\u{0}";

fn points(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 2), |(row, axis)| (row * (axis + 1)) as f32)
}

/// The JSON of an element.
fn embedded(html: &str, id: &str) -> Value {
    let (_, after) = html.split_once(&format!("<script type=\"application/json\" id=\"{id}\">")).unwrap();
    serde_json::from_str(after.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn user_texts_end_no_script_and_come_back_as_they_were() {
    let texts = [Some(HOSTILE.to_owned()), None, Some("차 茶 👩‍🍳".to_owned())];
    let html = InteractiveMap::new(points(3).view())
        .title(HOSTILE)
        .subtitle(HOSTILE)
        .trust([HOSTILE])
        .texts(&texts)
        .color(ColorColumn::groups(HOSTILE, Groups::new(&[0, 0, 1], [HOSTILE, "b"]).unwrap()))
        .html()
        .unwrap();
    assert!(!html.contains("<img") && !html.contains("<!-- <script>") && !html.contains('\0'));
    assert!(!html.split_once("map-data").unwrap().1.contains('\u{2028}'), "it ended lines in older scripts");
    assert_eq!(html.matches("<script").count(), 3, "the data, the program, one block of texts");
    assert_eq!(html.matches("</script>").count(), 3);
    assert_eq!(embedded(&html, "texts-0"), serde_json::json!(texts));
    let column = &embedded(&html, "map-data")["columns"][0];
    assert_eq!((column["name"].as_str(), column["names"][0].as_str()), (Some(HOSTILE), Some(HOSTILE)));
}

#[test]
fn the_page_loads_nothing_and_names_the_one_script_that_may_run() {
    let html = InteractiveMap::new(points(2).view()).html().unwrap();
    assert!(html.contains("default-src 'none'; script-src 'sha256-"));
    for outside in
        ["http://", "https://", "//cdn", "@import", "url(", "<link", "<iframe", "javascript:", "unsafe-eval"]
    {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn five_thousand_categories_are_the_largest_twenty_and_the_others() {
    // Category c has 1 row, and the first twenty one more each.
    let of: Vec<usize> = (0..5_000).chain(0..20).collect();
    let groups = Groups::new(&of, (0..5_000).map(|c| format!("c{c}"))).unwrap();
    let html = InteractiveMap::new(points(of.len()).view())
        .color(ColorColumn::groups("many", groups))
        .html()
        .unwrap();
    let column = &embedded(&html, "map-data")["columns"][0];
    let entries = column["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 21);
    assert_eq!((entries[0]["name"].as_str(), entries[0]["count"].as_u64()), (Some("c0"), Some(2)));
    assert_eq!(
        (entries[20]["name"].as_str(), entries[20]["count"].as_u64()),
        (Some("other (4980)"), Some(4_980))
    );
    assert_eq!(column["width"], 2);
    assert_eq!(column["names"].as_array().unwrap().len(), 5_000, "each keeps its name under the pointer");
}

#[test]
fn any_colours_give_a_page() {
    let none: Vec<String> = Vec::new();
    let cases = [
        ColorColumn::groups("all without", Groups::with_gaps(&[None, None], none).unwrap()),
        ColorColumn::groups("an empty name", Groups::new(&[0, 0], [""]).unwrap().palette(Palette::Ordered)),
        ColorColumn::numbers("no number", vec![f64::NAN, f64::INFINITY]),
        ColorColumn::numbers("one number", vec![3.0, 3.0]),
        ColorColumn::numbers("far apart", vec![f64::MIN, f64::MAX]),
    ];
    for column in cases {
        let name = column.name().to_owned();
        let html = InteractiveMap::new(points(2).view()).color(column).html().unwrap();
        assert_eq!(embedded(&html, "map-data")["columns"][0]["name"], name.as_str());
    }
    for bad in [Array2::zeros((0, 2)), Array2::from_elem((3, 3), f32::NAN), Array2::from_elem((3, 2), 1.0)] {
        InteractiveMap::new(bad.view()).html().unwrap();
    }
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let texts = [Some("차".repeat(50))];
    let html = InteractiveMap::new(points(1).view()).texts(&texts).longest_text(10).html().unwrap();
    assert_eq!(embedded(&html, "texts-0")[0].as_str().unwrap(), format!("{}…", "차".repeat(10)));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let two = points(2);
    let one = [None];
    let stars = || ColorColumn::groups("stars", Groups::stars(&[1.0, 2.0]));
    let cases = [
        (InteractiveMap::new(array![[1.0_f32], [2.0]].view()).html(), "neither two nor three"),
        (InteractiveMap::new(two.view()).texts(&one).html(), "2 points, 1 values"),
        (InteractiveMap::new(points(3).view()).color(stars()).html(), "column stars"),
        (InteractiveMap::new(two.view()).color(stars()).color_by("star").html(), "are stars"),
    ];
    for (found, says) in cases {
        let error = found.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = InteractiveMap::new(two.view()).save("no/such/folder/map.html").unwrap_err();
    assert!(error.to_string().contains("no/such/folder/map.html"), "{error}");
}

#[test]
fn the_same_map_gives_the_same_bytes() {
    let html = || InteractiveMap::new(points(50).view()).html().unwrap();
    assert_eq!(html(), html());
}
