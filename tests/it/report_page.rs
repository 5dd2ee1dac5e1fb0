//! A page with everything on it, and texts that would like to be markup.

use embedlab::chart::{Bars, Groups, KChoice, Palette, Picture, Scatter, Shares, Style, Theme};
use embedlab::view::{Block, Cell, Figure, Grid as Table, Image, KeyFigure, Page, Quote, Section};
use ndarray::{Array2, array};
use serde_json::{Value, json};

const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!-- <script>";

/// A picture in both themes.
fn figure(caption: &str, draw: impl Fn(Theme) -> embedlab::Result<Picture>) -> Figure {
    Figure::new(&draw(Theme::Light).unwrap(), &draw(Theme::Dark).unwrap(), caption).unwrap()
}

/// Four made-up clouds of reviews.
fn reviews() -> (Array2<f32>, Vec<usize>, Vec<f64>) {
    let mut state = 42_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let (mut points, mut clusters, mut stars) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..1000 {
        let cluster = row % 4;
        let center = [[0.3, 0.2], [-0.25, 0.25], [0.1, -0.25], [-0.35, -0.1]][cluster];
        for middle in center {
            let normal: f32 = (0..6).map(|_| uniform()).sum::<f32>() - 3.0;
            points.push(middle + normal * 0.13);
        }
        clusters.push(cluster);
        stars.push([5.0, 5.0, 5.0, 4.0, 1.0, 2.0, 3.0][(uniform() * 7.0) as usize]);
    }
    (Array2::from_shape_vec((1000, 2), points).unwrap(), clusters, stars)
}

fn page() -> Page {
    let names =
        ["dog, food, treats", "coffee, tea, cup", "chips, salt, bag", "chocolate, bar"].map(String::from);
    let stars: Vec<String> = (1..=5).map(|n| format!("{n} star{}", if n == 1 { "" } else { "s" })).collect();
    let counts =
        array![[22, 15, 20, 41, 152], [60, 31, 40, 52, 67], [18, 20, 31, 50, 131], [9, 10, 22, 44, 165]];
    let (points, clusters, scores) = reviews();

    let overview = Section::new("overview", "Overview")
        .with(Block::key_figures([
            KeyFigure::new("1,000", "reviews"),
            KeyFigure::new("1,536", "dimensions"),
            KeyFigure::new("4", "clusters").note("chosen by silhouette"),
            KeyFigure::new("0.21", "mean silhouette").note("weak structure"),
        ]))
        .with(Block::paragraph(
            "The file holds one vector per review. All vectors have length one, none repeats, and no number is \
             missing, so that cosine and Euclidean distance rank the reviews alike.\n\nStars are uneven: more than \
             half of the reviews have five.",
        ))
        .with(Block::warning(
            "12 reviews repeat another review word by word. They are kept here, and would count twice in a test set.",
        ))
        .with(
            Table::new(["column", "kind", "filled", "mean", "example"])
                .caption("Columns of the file")
                .row([Cell::text("Score"), Cell::text("number"), Cell::Share(1.0), Cell::Number(4.18, 2), Cell::text("5")])
                .row([Cell::text("Text"), Cell::text("text"), Cell::Share(0.998), Cell::Missing, Cell::text(HOSTILE)])
                .row([Cell::text("HelpfulnessNumerator"), Cell::text("number"), Cell::Share(1.0), Cell::Number(-1234.5, 1), Cell::text("3")]),
        );

    let k = figure("Inertia falls without an elbow; the silhouette is highest at four.", |theme| {
        let tried: Vec<usize> = (2..=12).collect();
        let inertia: Vec<f64> = tried.iter().map(|&k| 900.0 / (k as f64).powf(0.35)).collect();
        let silhouette: Vec<f64> = tried.iter().map(|&k| 0.21 - 0.014 * (k as f64 - 4.0).abs()).collect();
        let style =
            Style::new("Four clusters separate best").subtitle("k-means, 10 starts for each k, seed 42");
        KChoice::new(&tried, &inertia, &silhouette, 4).draw(&style.size(800, 560).theme(theme))
    });
    let sizes = figure("", |theme| {
        let style = Style::new("Cluster sizes").subtitle("n = 1,000").size(800, 260).theme(theme);
        Bars::new(&names, &[250.0, 250.0, 250.0, 250.0])
            .shares(true)
            .palette(Palette::Categories)
            .draw(&style)
    });
    let shares = figure("Coffee and tea divide their reviewers; chocolate pleases nearly all.", |theme| {
        let style =
            Style::new("Stars in each cluster").subtitle("percent of the cluster's reviews").size(800, 330);
        Shares::new(counts.view(), &names, &stars).palette(Palette::Stars).draw(&style.theme(theme))
    });
    let clusters_section = Section::new("clusters", "Clusters")
        .with(Block::paragraph("k-means finds four groups of about equal size. Their names are the terms that set each apart from the rest."))
        .with(k)
        .with(sizes)
        .with(
            Table::new(["cluster", "terms", "reviews", "share", "mean stars", "silhouette"])
                .row([Cell::text("0"), Cell::text(&names[0]), Cell::Count(250), Cell::Share(0.25), Cell::Number(4.14, 2), Cell::Number(0.262, 3)])
                .row([Cell::text("1"), Cell::text(&names[1]), Cell::Count(250), Cell::Share(0.25), Cell::Number(3.18, 2), Cell::Number(0.173, 3)])
                .row([Cell::text("2"), Cell::text(&names[2]), Cell::Count(250), Cell::Share(0.25), Cell::Number(4.02, 2), Cell::Number(0.190, 3)])
                .row([Cell::text("3"), Cell::text(&names[3]), Cell::Count(250), Cell::Share(0.25), Cell::Number(4.38, 2), Cell::Number(-0.004, 3)]),
        )
        .with(shares)
        .with(Block::details(
            "Reviews nearest to the centre of cluster 1: coffee, tea, cup",
            [Block::quotes([
                Quote::new("This coffee is strong without being bitter. I order it every month.", "row 412 · 5 stars · distance 0.31"),
                Quote::new(format!("The tea came in a torn box. {HOSTILE}"), "row 77 · 1 star · distance 0.33"),
                Quote::new("홍차 맛이 좋아요. 茶很好喝 👍", "row 903 · 4 stars · distance 0.35"),
            ])],
        ))
        .with(Block::Data { id: "clusters-data".into(), value: json!({ "k": 4, "terms": names, "hostile": HOSTILE }) });

    let map = |caption: &str, groups: Groups| {
        figure(caption, |theme| {
            let style =
                Style::new(caption).subtitle("n = 1,000 · the first two of 1,536 principal components");
            Scatter::new(points.view())
                .groups(groups.clone())
                .means(true)
                .axes("PC 1 (11.2 % of variance)", "PC 2 (6.9 %)")
                .draw(&style.size(800, 520).theme(theme))
        })
    };
    let maps = Section::new("map", "Map")
        .with(Block::note(
            "Two components hold 18 % of the variance: what is near here may be far apart in the full space.",
        ))
        .with(map("Reviews by star", Groups::stars(&scores)))
        .with(map("Reviews by cluster", Groups::new(&clusters, names.clone()).unwrap()));

    let mut page = Page::new("Fine food reviews");
    page.subtitle =
        "fine_food_reviews_1k.csv · 1,000 rows · 1,536 dimensions · text-embedding-ada-002".into();
    page.provenance.command =
        "embedlab report fine_food_reviews_1k.csv --label Score --text Text -o report.html".into();
    page.provenance.seed = Some(42);
    page.sections = vec![overview, clusters_section, maps];
    page
}

/// The content of the page's JSON element.
fn embedded_json(html: &str) -> Value {
    let (_, after) = html.split_once("<script type=\"application/json\" id=\"clusters-data\">").unwrap();
    let (json, _) = after.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

#[test]
fn hostile_texts_are_shown_and_are_no_markup() {
    let mut page = page();
    page.title = HOSTILE.into();
    page.subtitle = HOSTILE.into();
    page.provenance.command = HOSTILE.into();
    page.sections.push(
        Section::new(format!("\"{HOSTILE}"), HOSTILE)
            .with(Block::paragraph(HOSTILE))
            .with(Block::note(HOSTILE))
            .with(Block::key_figures([KeyFigure::new(HOSTILE, HOSTILE).note(HOSTILE)]))
            .with(Table::new([HOSTILE]).caption(format!("\" onload=\"{HOSTILE}")))
            .with(Figure {
                light: Image::Png(vec![1, 2, 3]),
                dark: None,
                size: (1, 1),
                caption: HOSTILE.into(),
                alt: format!("\" onerror=\"{HOSTILE}"),
            })
            .with(Block::details(HOSTILE, [Block::quotes([Quote::new(HOSTILE, HOSTILE)])]))
            .with(Block::Data { id: format!("\"{HOSTILE}"), value: json!(HOSTILE) }),
    );
    let html = page.render();
    assert!(!html.contains("<img src=x") && !html.contains("<!--"));
    assert!(!html.contains("\" onerror=\"") && !html.contains("\" onload=\""));
    assert!(html.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&lt;!-- &lt;script&gt;"));
    assert_eq!(html.matches("<script").count(), 2, "the two JSON elements alone");
    assert_eq!(html.matches("</script>").count(), 2);
}

#[test]
fn the_embedded_json_is_what_was_put_in() {
    let json = embedded_json(&page().render());
    assert_eq!((json["k"].as_u64(), json["hostile"].as_str()), (Some(4), Some(HOSTILE)));
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let html = page().render();
    assert!(html.contains("default-src 'none'"));
    for outside in ["http://", "https://", "//cdn", "@import", "url(", "<link", "<iframe", "javascript:"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let images = html.matches("<img").count();
    assert_eq!(html.matches("src=\"data:image/").count(), images);
    assert_eq!(images, 10, "five figures in two themes");
    assert_eq!(html.matches("alt=\"").count(), images);
}

#[test]
fn numbers_stand_to_the_right_and_text_to_the_left() {
    let html = page().render();
    assert!(html.contains("<th scope=\"col\" class=\"number\">mean stars</th>"));
    assert!(html.contains("<td class=\"number\">4.14</td>"));
    assert!(html.contains("<td class=\"number\">−1,234.5</td>"));
    assert!(html.contains("<td class=\"number\">&gt;99 %</td>"));
    assert!(html.contains("<td dir=\"auto\">chocolate, bar</td>"));
}

#[test]
fn the_contents_lead_to_every_section() {
    let html = page().render();
    for id in ["overview", "clusters", "map"] {
        assert!(
            html.contains(&format!("href=\"#{id}\"")) && html.contains(&format!("<section id=\"{id}\">"))
        );
    }
}

#[test]
fn sections_are_json_without_pixels() {
    let json = serde_json::to_value(page()).unwrap();
    assert_eq!(json["seed"], 42);
    let blocks = &json["sections"][1]["blocks"];
    assert_eq!(blocks[1]["kind"], "figure");
    assert_eq!(blocks[3]["rows"][0], json!(["0", "dog, food, treats", 250, 0.25, 4.14, 0.262]));
    assert_eq!(blocks[6]["value"]["k"], 4);
    assert!(json.to_string().len() < 10_000);
}

#[test]
fn a_page_is_the_same_every_time() {
    let html = page().render();
    assert!(html == page().render());
    // Kept beside the build, to be looked at in a browser.
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/report.html"), html).unwrap();
}
