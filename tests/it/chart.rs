//! Pictures: both formats, hostile texts, degenerate data.

use embedlab::chart::{
    Bars, BoxPlot, Color, ColorColumn, Groups, HeatMap, Histogram, KChoice, Lines, Matrix, Palette, Picture,
    PrecisionRecallCurves, Predicted, Scatter, Scatter3, Shares, Style, Theme,
};
use embedlab::metric::{ClassCurves, class_curves, precision_recall};
use embedlab::{ErrorKind, Result};
use ndarray::{Array2, array};

const HOSTILE: &str = "</text><script>alert(1)</script> & \"q\" \u{0} \u{202e}차 茶 👩‍🍳";

fn style() -> Style {
    Style::new("Title").subtitle("n = 3").caption("caption").size(400, 300).scale(1.0)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// Width, height and RGB bytes.
fn decoded(png: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.width as usize, info.height as usize, bytes)
}

fn has_color(picture: &Picture, Color(red, green, blue): Color) -> bool {
    decoded(&picture.png().unwrap()).2.chunks_exact(3).any(|pixel| pixel == [red, green, blue])
}

/// One of each, with the given name in every place that takes one.
fn all(name: &str, style: &Style) -> Vec<Picture> {
    let groups = || Groups::new(&[0, 1, 0], [name, "b"]).unwrap();
    let two = names(&[name, "b"]);
    let points = array![[0.0_f32, 1.0], [2.0, 3.0], [1.0, f32::NAN]];
    let curves = class_curves(&[0, 1], array![[0.9, 0.1], [0.4, 0.6]].view(), &two).unwrap();
    let solid = array![[0.0_f32, 1.0, 2.0], [2.0, 3.0, 1.0], [1.0, f32::NAN, 0.0]];
    let matrix = array![[0.1, 0.9], [f64::NAN, 0.3]];
    let values = || vec![1.0, f64::NAN, 2.0];
    let pictures: [Result<Picture>; 13] = [
        Scatter::new(points.view()).groups(groups()).means(true).axes(name, name).draw(style),
        KChoice::new(&[2, 3, 4], &[9.0, 5.0, 4.0], &[0.2, 0.3, f64::NAN], 3).draw(style),
        Bars::new(&two, &[3.0, f64::INFINITY]).shares(true).draw(style),
        Histogram::new(&[1.0, 2.0, f32::NAN], name).draw(style),
        Shares::new(array![[1_usize, 2], [0, 0]].view(), &two, &two).palette(Palette::Stars).draw(style),
        PrecisionRecallCurves::new(&curves).draw(style),
        HeatMap::new(&[vec![1, 2], vec![0, 0]], &two).draw(style),
        Predicted::new(&[1.0, 2.0, 2.0], &[1.0, 2.5, f64::NAN]).unit(name).draw(style),
        Scatter::new(points.view()).values(values(), name).draw(style),
        Scatter3::new(solid.view()).groups(groups()).means(true).axes(name, name, name).draw(style),
        Matrix::new(matrix.view(), &two, &two, name).draw(style),
        BoxPlot::new(&two, &[vec![1.0, 2.0, 2.0, 3.0, 9.0], vec![f64::NAN]], name).draw(style),
        Lines::new(name, name)
            .log_x(true)
            .line("", vec![(1.0, 3.0), (2.0, f64::NAN), (4.0, 2.0)])
            .errors(&[0.1, 0.2, 0.3])
            .draw(style),
    ];
    pictures.into_iter().map(Result::unwrap).collect()
}

#[test]
fn every_picture_has_the_size_it_was_asked_for_in_both_formats() {
    for picture in all("a", &style().scale(1.5)) {
        let (width, height, _) = decoded(&picture.png().unwrap());
        assert_eq!((width, height), (600, 450));
        assert!(picture.svg().unwrap().contains("width=\"400\" height=\"300\" viewBox=\"0 0 4000 3000\""));
    }
}

#[test]
fn hostile_text_stays_text() {
    let style = Style { title: HOSTILE.into(), subtitle: HOSTILE.into(), caption: HOSTILE.into(), ..style() };
    for picture in all(HOSTILE, &style) {
        let svg = picture.svg().unwrap();
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
        assert!(!svg.contains(['\0', '\u{202e}']), "a character that breaks XML or turns the text");
        assert_eq!(svg.matches("<svg").count(), 1);
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        picture.png().unwrap();
    }
}

#[test]
fn svg_keeps_the_characters_that_the_font_lacks() {
    let svg = all("차 茶", &style()).remove(0).svg().unwrap();
    assert!(svg.contains("차 茶") && svg.contains("Noto Sans CJK KR"));
}

#[test]
fn what_is_not_finite_is_counted_and_the_subtitle_says_so() {
    let skipped: Vec<_> = all("a", &style()).iter().map(Picture::skipped).collect();
    assert_eq!(skipped, [1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    let svg = all("a", &style()).remove(0).svg().unwrap();
    assert!(svg.contains("1 not finite, not drawn"));
}

#[test]
fn the_same_data_gives_the_same_bytes_for_any_number_of_threads() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| all("a", &style()).iter().map(|picture| picture.png().unwrap()).collect::<Vec<_>>())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn degenerate_data_gives_a_picture() {
    let none: Vec<String> = Vec::new();
    let nothing = Array2::<f32>::zeros((0, 2));
    let cases: Vec<(&str, Result<Picture>)> = vec![
        ("no points", Scatter::new(nothing.view()).draw(&style())),
        ("no points, axes", Scatter::new(nothing.view()).axes("x", "y").means(true).draw(&style())),
        ("one point", Scatter::new(array![[1.0_f32, -1.0]].view()).axes("x", "y").draw(&style())),
        (
            "equal points",
            Scatter::new(Array2::from_elem((9, 2), 5.0_f32).view()).axes("x", "y").draw(&style()),
        ),
        (
            "huge points",
            Scatter::new(array![[f32::MAX, f32::MIN], [f32::MIN, f32::MAX]].view())
                .axes("x", "y")
                .draw(&style()),
        ),
        ("only NaN", Scatter::new(Array2::from_elem((3, 2), f32::NAN).view()).draw(&style())),
        ("no k", KChoice::new(&[], &[], &[], 3).draw(&style())),
        ("one k", KChoice::new(&[2], &[0.0], &[0.0], 2).draw(&style())),
        ("only NaN by k", KChoice::new(&[2, 3], &[f64::NAN; 2], &[], 9).draw(&style())),
        ("no bars", Bars::new(&none, &[]).draw(&style())),
        ("a bar of nothing", Bars::new(&names(&["a"]), &[0.0]).shares(true).draw(&style())),
        ("negative bars", Bars::new(&names(&["a", "b"]), &[-2.0, 1.0]).draw(&style())),
        ("many bars", Bars::new(&vec!["n".to_owned(); 5000], &[1.0; 5000]).draw(&style())),
        ("no values", Histogram::new(&[], "x").draw(&style())),
        ("equal values", Histogram::new(&[4.0; 7], "x").draw(&style())),
        ("far values", Histogram::new(&[f32::MIN, 0.0, f32::MAX], "x").bins(200).draw(&style())),
        ("counts", Histogram::new(&[0.0, 0.0, 90.0], "x").whole(true).unit("pairs").draw(&style())),
        ("no counts", Histogram::new(&[0.0; 3], "x").whole(true).draw(&style())),
        ("no line", Lines::new("x", "y").log_x(true).draw(&style())),
        ("a line of no points", Lines::new("x", "y").line("", Vec::new()).draw(&style())),
        (
            "a line of one point",
            Lines::new("x", "y").log_x(true).from_zero(true).line("", vec![(3.0, 0.0)]).draw(&style()),
        ),
        (
            "a line below zero",
            Lines::new("x", "y")
                .log_x(true)
                .log_y(true)
                .line("", vec![(-1.0, -1.0), (0.0, 0.0)])
                .draw(&style()),
        ),
        (
            "a long line",
            Lines::new("x", "y")
                .log_x(true)
                .log_y(true)
                .line("", vec![(1e-300, f64::MIN_POSITIVE), (1.0, 1.0), (1e300, 1e300)])
                .errors(&[f64::INFINITY, 2.0, 0.0])
                .draw(&style()),
        ),
        (
            "ten lines with long names",
            (0..10)
                .fold(Lines::new("x", "y"), |lines, line| {
                    lines.line("name ".repeat(30), vec![(1.0, f64::from(line)), (2.0, 1.0)])
                })
                .draw(&style()),
        ),
        ("no points in space", Scatter3::new(Array2::zeros((0, 3)).view()).means(true).draw(&style())),
        ("equal points in space", Scatter3::new(Array2::from_elem((9, 3), 5.0_f32).view()).draw(&style())),
        (
            "huge points in space",
            Scatter3::new(array![[f32::MAX, f32::MIN, 0.0], [f32::MIN, f32::MAX, 0.0]].view())
                .axes("x", "y", "z")
                .draw(&style()),
        ),
        (
            "values of which none is a number",
            Scatter::new(array![[0.0_f32, 1.0]].view()).values(vec![f64::NAN], "x").draw(&style()),
        ),
        (
            "values from end to end",
            Scatter::new(array![[0.0_f32, 1.0], [1.0, 0.0]].view())
                .values(vec![f64::MIN, f64::MAX], "x")
                .draw(&style()),
        ),
        ("no matrix", Matrix::new(Array2::zeros((0, 0)).view(), &none, &none, "x").draw(&style())),
        (
            "a matrix of one value",
            Matrix::new(Array2::from_elem((1, 1), 2.0).view(), &names(&["a"]), &names(&["b"]), "x")
                .draw(&style()),
        ),
        ("no table", Shares::new(Array2::zeros((0, 0)).view(), &none, &none).draw(&style())),
        (
            "a table of nothing",
            Shares::new(
                Array2::zeros((1, 1)).view(),
                &none[..0].iter().cloned().chain(["a".into()]).collect::<Vec<_>>(),
                &names(&["b"]),
            )
            .draw(&style()),
        ),
    ];
    let cases = cases.into_iter().chain(degenerate_scores());
    for (case, picture) in cases {
        let picture = picture.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(
            decoded(&picture.png().unwrap()).2.chunks_exact(3).any(|pixel| pixel != [255; 3]),
            "{case} is blank"
        );
        assert!(!picture.svg().unwrap().contains("NaN"), "{case}");
    }
}

fn constant_curves(classes: usize) -> ClassCurves {
    let names: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
    class_curves(&[0, 0], Array2::from_elem((2, classes), 0.5).view(), &names).unwrap()
}

fn degenerate_scores() -> Vec<(&'static str, Result<Picture>)> {
    let many: Vec<f64> = (0..200).map(f64::from).collect();
    let no_positives = precision_recall(&[false], &[0.5]).unwrap();
    vec![
        ("one class", PrecisionRecallCurves::new(&constant_curves(1)).draw(&style())),
        ("classes without rows", PrecisionRecallCurves::new(&constant_curves(3)).draw(&style())),
        ("many classes", PrecisionRecallCurves::new(&constant_curves(50)).draw(&style())),
        ("no positives", PrecisionRecallCurves::one("a", &no_positives).draw(&style())),
        ("no classes", HeatMap::new(&[], &[]).draw(&style())),
        ("a class of nothing", HeatMap::new(&[vec![0]], &names(&["a"])).draw(&style())),
        ("many cells", HeatMap::new(&vec![vec![7; 300]; 300], &vec!["n".to_owned(); 300]).draw(&style())),
        ("huge counts", HeatMap::new(&[vec![u64::MAX / 2]], &names(&["a"])).draw(&style())),
        ("no predictions", Predicted::new(&[], &[]).draw(&style())),
        ("one prediction", Predicted::new(&[3.0], &[3.0]).draw(&style())),
        ("only NaN predicted", Predicted::new(&[3.0], &[f64::NAN]).draw(&style())),
        ("all right", Predicted::new(&many, &many).draw(&style())),
        ("levels of any distance", Predicted::new(&[0.0, 1e-9, 1e9], &[0.0, 1.0, 2.0]).draw(&style())),
        ("huge values", Predicted::new(&[1e300, -1e300], &[-1e300, 1e300]).draw(&style())),
    ]
}

#[test]
fn a_class_without_rows_stands_in_the_legend_without_an_area() {
    let svg = PrecisionRecallCurves::new(&constant_curves(3)).draw(&Style::new("")).unwrap().svg().unwrap();
    assert!(svg.contains("class 2 (undefined)") && svg.contains("micro average (AP = "), "{svg}");
}

#[test]
fn of_many_classes_those_with_the_most_rows_have_a_curve() {
    let svg = PrecisionRecallCurves::new(&constant_curves(50)).draw(&Style::new("")).unwrap().svg().unwrap();
    assert!(svg.contains("class 19 (undefined)") && !svg.contains("class 20 "), "{svg}");
    assert!(svg.contains("30 more, of fewer rows") && svg.contains("micro average"));
}

#[test]
fn columns_whose_names_have_no_room_are_numbered() {
    let long = names(&["a name of many letters and words", "another such name of many letters"]);
    let svg = HeatMap::new(&[vec![1, 2], vec![3, 4]], &long).draw(&style()).unwrap().svg().unwrap();
    assert!(svg.contains("1 · a name") && svg.contains("2 · another"), "{svg}");
}

#[test]
fn the_smallest_picture_is_drawn() {
    let long = "a very long name that has no room at all in a picture of this size";
    for picture in all(long, &Style { title: long.into(), ..style().size(120, 120) }) {
        picture.png().unwrap();
        picture.svg().unwrap();
    }
}

#[test]
fn a_point_has_its_stars_colour_and_the_theme_its_ground() {
    let points = array![[0.0_f32, 0.0], [1.0, 1.0], [f32::NAN, 0.0]];
    let draw = |theme| {
        let groups = Groups::stars(&[1.0, 5.0, 3.0]);
        Scatter::new(points.view()).groups(groups).draw(&style().theme(theme)).unwrap()
    };
    let (light, dark) = (draw(Theme::Light), draw(Theme::Dark));
    assert!(
        has_color(&light, Palette::Stars.color(0, 5, Theme::Light))
            && has_color(&light, Palette::Stars.color(4, 5, Theme::Light))
    );
    assert!(
        !has_color(&dark, Palette::Stars.color(4, 5, Theme::Light)),
        "dark blue would vanish on near-black"
    );
    assert!(has_color(&light, Color(255, 255, 255)) && !has_color(&dark, Color(255, 255, 255)));
}

#[test]
fn few_points_are_circles_and_many_are_an_image() {
    let points =
        |n: usize| Array2::from_shape_fn((n, 2), |(row, column)| ((row * (column + 7)) % 101) as f32);
    let few = Scatter::new(points(5_000).view()).draw(&style()).unwrap().svg().unwrap();
    let many = Scatter::new(points(5_001).view()).draw(&style()).unwrap().svg().unwrap();
    assert_eq!((few.matches("<circle").count(), few.matches("<image").count()), (5_000, 0));
    assert_eq!((many.matches("<circle").count(), many.matches("<image").count()), (0, 1));
    assert!(many.contains("href=\"data:image/png;base64,"));
}

#[test]
fn the_legend_names_twenty_groups_and_counts_the_rest() {
    let of: Vec<usize> = (0..300).map(|row| row % 30).collect();
    let groups = Groups::new(&of, (0..30).map(|group| format!("group {group}"))).unwrap();
    let points = Array2::from_shape_fn((300, 2), |(row, column)| ((row * (column + 3)) % 17) as f32);
    let svg = Scatter::new(points.view()).groups(groups).draw(&Style::new("")).unwrap().svg().unwrap();
    assert!(svg.contains("group 19") && !svg.contains("group 20") && svg.contains("other (10)"), "{svg}");
}

#[test]
fn a_picture_is_saved_by_its_extension() {
    let folder = tempfile::tempdir().unwrap();
    let picture = all("a", &style()).remove(0);
    picture.save(folder.path().join("a.PNG")).unwrap();
    picture.save(folder.path().join("a.svg")).unwrap();
    assert!(std::fs::read(folder.path().join("a.PNG")).unwrap().starts_with(b"\x89PNG"));
    assert!(std::fs::read_to_string(folder.path().join("a.svg")).unwrap().starts_with("<svg"));
    let error = picture.save(folder.path().join("a.gif")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().ends_with("end the name in .svg or .png"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let points = array![[0.0_f32, 1.0]];
    let groups = || Groups::new(&[0, 0], ["a"]).unwrap();
    let refused: Vec<Result<Picture>> = vec![
        Scatter::new(points.view()).groups(groups()).draw(&style()),
        Scatter::new(Array2::zeros((3, 1)).view()).draw(&style()),
        Scatter::new(points.view()).values(vec![1.0, 2.0], "x").draw(&style()),
        Scatter3::new(points.view()).draw(&style()),
        Scatter3::new(Array2::zeros((3, 3)).view()).groups(groups()).draw(&style()),
        Scatter3::new(Array2::zeros((3, 3)).view()).view(f64::NAN, 0.0).draw(&style()),
        Matrix::new(Array2::zeros((2, 1)).view(), &names(&["a"]), &names(&["a"]), "x").draw(&style()),
        KChoice::new(&[2, 3], &[1.0], &[], 2).draw(&style()),
        KChoice::new(&[3, 2], &[1.0, 2.0], &[], 2).draw(&style()),
        Bars::new(&names(&["a"]), &[]).draw(&style()),
        Histogram::new(&[1.0], "x").bins(0).draw(&style()),
        Shares::new(array![[1_usize]].view(), &[], &[]).draw(&style()),
        HeatMap::new(&[vec![1, 2]], &names(&["a"])).draw(&style()),
        Predicted::new(&[1.0], &[]).draw(&style()),
        PrecisionRecallCurves::new(&constant_curves(1)).draw(&style().size(10, 10)),
        Scatter::new(points.view()).draw(&style().size(10, 10)),
        Scatter::new(points.view()).draw(&style().size(100_000, 100_000)),
        Scatter::new(points.view()).draw(&style().scale(f64::NAN)),
    ];
    for (case, picture) in refused.into_iter().enumerate() {
        assert_eq!(picture.err().map(|error| error.kind()), Some(ErrorKind::Argument), "case {case}");
    }
}

#[test]
fn a_number_colours_its_point_along_the_ramp() {
    let points = array![[0.0_f32, 0.0], [1.0, 1.0], [0.5, 0.0]];
    let style = Style::new("").size(400, 300);
    let column = ColorColumn::numbers("length", vec![0.0, 10.0, f64::NAN]);
    let picture = Scatter::new(points.view()).color(column).draw(&style).unwrap();
    let [low, high] = [0, 249].map(|step| Palette::Ordered.color(step, 250, Theme::Light));
    assert!(has_color(&picture, low) && has_color(&picture, high));
    let svg = picture.svg().unwrap();
    assert!(svg.contains("length") && svg.contains("none  1"), "{svg}");
}

#[test]
fn a_legend_never_stands_on_points() {
    let points = Array2::from_shape_fn((400, 3), |(row, axis)| ((row * (axis * 7 + 3)) % 101) as f32);
    let of: Vec<usize> = (0..400).map(|row| row % 25).collect();
    let groups = Groups::new(&of, (0..25).map(|group| format!("a group of rows {group}"))).unwrap();
    let style = style().size(600, 400);
    let pictures = [
        Scatter::new(points.view()).groups(groups.clone()).draw(&style),
        Scatter::new(points.view())
            .values((0..400).map(f64::from).collect(), "a long label of values")
            .draw(&style),
        Scatter3::new(points.view()).groups(groups).draw(&style),
    ];
    for picture in pictures {
        let svg = picture.unwrap().svg().unwrap();
        let number = |tag: &str, key: &str| {
            tag.split_once(&format!(" {key}=\""))
                .and_then(|(_, rest)| rest.split('"').next()?.parse::<f64>().ok())
        };
        let points: Vec<f64> = svg.split("<circle").skip(1).filter_map(|tag| number(tag, "cx")).collect();
        let legend =
            svg.split("<text").skip(1).filter(|tag| tag.contains("a group") || tag.contains("a long"));
        let legend = legend.filter_map(|tag| number(tag, "x")).fold(f64::INFINITY, f64::min);
        // The discs of the legend are circles too, at most 20 + 1 of them.
        let right_of_it = points.iter().filter(|&&x| x > legend - 250.0).count();
        assert!(
            legend.is_finite() && right_of_it <= 21,
            "{right_of_it} points at the legend, which begins at {legend}"
        );
    }
}

#[test]
fn dots_per_inch_change_the_png_alone() {
    let points = array![[0.0_f32, 0.0], [1.0, 1.0]];
    let draw = |dpi| Scatter::new(points.view()).draw(&Style::new("").size(400, 300).dpi(dpi)).unwrap();
    let size = |picture: &Picture| {
        let (width, height, _) = decoded(&picture.png().unwrap());
        (width, height)
    };
    assert_eq!((size(&draw(96.0)), size(&draw(288.0))), ((400, 300), (1200, 900)));
    assert_eq!(draw(96.0).svg().unwrap(), draw(288.0).svg().unwrap());
}
