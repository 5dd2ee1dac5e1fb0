//! The one wording of a score card.

use super::card::{LabelCard, Probe, Sample, ScoreCard};
use super::room::MOST_PROBED;
use crate::error::Result;
use crate::number::{counted, fixed, grouped, percent};
use crate::quality::{Basis, Level};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Quote, Section};

pub(super) fn view(name: &str, card: &ScoreCard, look: Look) -> Result<Section> {
    let shown = |x: Option<f64>, decimals| x.map_or("–".to_owned(), |x| fixed(x, decimals));
    let count = |level: Level| card.findings.iter().filter(|finding| finding.level == level).count();
    let verdict = match (count(Level::Fail), count(Level::Warn)) {
        (0, 0) => "Nothing unusual was found.".to_owned(),
        (0, warnings) => format!("{} to look at.", counted(warnings, "finding")),
        (failures, warnings) => {
            format!(
                "{} of concern, {} to look at.",
                counted(failures, "finding"),
                counted(warnings, "finding")
            )
        }
    };
    let shape = &card.geometry;
    let error = |name: &str| match card.sample.as_ref().and_then(|sample| sample.standard_errors.get(name)) {
        Some(error) => format!(", ± {}", fixed(*error, 2)),
        None => String::new(),
    };
    let mut section = Section::new(name, "Score card")
        .headline(verdict.clone())
        .with(Block::paragraph(verdict))
        .with(Block::key_figures([
            KeyFigure::new(shown(shape.mean_cosine, 3), "mean cosine")
                .note(format!("{} after centring", shown(shape.mean_cosine_centered, 3))),
            KeyFigure::new(shown(shape.participation_ratio, 1), "participation ratio")
                .note(format!("of {} dimensions", card.dims)),
            KeyFigure::new(shown(card.intrinsic_dimension.twonn, 1), "intrinsic dimension")
                .note(format!("TwoNN{}", error("twonn"))),
            KeyFigure::new(shown(card.neighbors.hubness_skew, 2), "hubness").note(format!(
                "skewness, k = {}{}",
                card.neighbors.k,
                error("hubness_skew")
            )),
        ]));
    let grid = card.findings.iter().fold(
        Grid::new(["verdict", "figure", "value", "what to do"]),
        |grid, finding| {
            let level = match finding.level {
                Level::Ok => "ok",
                Level::Warn => "warn",
                Level::Fail => "FAIL",
            };
            grid.row([
                Cell::text(level),
                Cell::text(&finding.message),
                Cell::Number(finding.value, 3),
                Cell::text(&finding.advice),
            ])
        },
    );
    section = section.with(grid).with(Block::note(basis(card)));
    if let Some(drawn) = card.drawn {
        section = section.with(Block::note(drawn.sentence()));
    }
    if let Some(sample) = &card.sample {
        section = section.with(Block::note(of_sample(sample)));
    }
    let rows = [
        ("mean vector norm", shape.mean_vector_norm, 3, "0: all directions, 1: one direction"),
        ("IsoScore", shape.isoscore, 3, "the participation ratio on a scale of 0 to 1"),
        ("RankMe", shape.rankme, 1, "dimensions in use, not centred"),
        ("NESum", shape.nesum, 1, "variance over the largest eigenvalue"),
        ("stable rank", shape.stable_rank, 1, "not centred"),
        ("alpha-ReQ", shape.alpha_req.map(|law| law.alpha), 2, "near 1 is usual, far above is collapsed"),
        ("Vendi score", shape.vendi, 1, "how many different rows there seem to be"),
        ("uniformity", shape.uniformity.map(|found| found.value), 3, "lower is more even"),
        ("intrinsic dimension, MLE", card.intrinsic_dimension.mle, 1, "k = 20"),
        (
            "intrinsic dimension, ABIDE",
            card.intrinsic_dimension.abide,
            1,
            "at a scale of its own for each row",
        ),
        ("robin hood", card.neighbors.robin_hood, 3, "0: all rows are found equally often"),
        ("anti-hubs", card.neighbors.anti_hubs, 3, "share of rows that no row has among its nearest"),
    ];
    let grid = rows.into_iter().fold(Grid::new(["number", "value", "how to read it"]), |grid, row| {
        grid.row([Cell::text(row.0), Cell::number(row.1, row.2), Cell::text(row.3)])
    });
    section = section.with(grid);
    let grid = card.intrinsic_dimension.gride.iter().fold(
        Grid::new(["neighbours", "dimension", "±"]),
        |grid, gride| {
            grid.row([
                Cell::text(format!("{} and {}", gride.n1, gride.n2)),
                Cell::Number(gride.id, 2),
                Cell::number(gride.standard_error, 2),
            ])
        },
    );
    if !card.intrinsic_dimension.gride.is_empty() {
        section = section.with(grid.caption(
            "Intrinsic dimension by scale (GRIDE): a plateau is the dimension, a steep fall is noise at small scales",
        ));
    }
    if let Some(labels) = &card.labels {
        section = section.with(label_grid(labels));
    }
    if let Some(queries) = card.queries {
        section = section.with(Block::paragraph(format!(
            "Queries: {} of {} are outside of what the rows cover; {} of the rows are found by some query.",
            percent(queries.outside),
            queries.n,
            percent(queries.coverage)
        )));
    }
    let hubs: Vec<Quote> = card
        .neighbors
        .worst_hubs
        .iter()
        .zip(&card.hub_texts)
        .take(5)
        .filter_map(|(hub, text)| {
            Some(Quote::new(
                text.clone()?,
                match &card.sample {
                    None => format!("row {}, among the nearest of {} rows", hub.row, hub.count),
                    Some(sample) => format!(
                        "row {}, among the nearest of {} of the {}",
                        hub.row,
                        hub.count,
                        counted(sample.queries, "sampled row")
                    ),
                },
            ))
        })
        .collect();
    if !hubs.is_empty() {
        section = section.with(Block::details("Rows that come back most often", [Block::quotes(hubs)]));
    }
    #[cfg(feature = "charts")]
    let section = super::pictures::with_pictures(section, card, look)?;
    #[cfg(not(feature = "charts"))]
    let _ = look;
    Ok(section)
}

/// Where what is usual comes from.
fn basis(card: &ScoreCard) -> String {
    let of = |basis: Basis, words: &str| {
        let names = card.findings.iter().filter(|finding| finding.usual_from == basis);
        let names = names.map(|finding| finding.id.replace('_', " ")).collect::<Vec<_>>().join(", ");
        (!names.is_empty()).then(|| format!("What is usual {words} for: {names}."))
    };
    let sentences = [
        of(Basis::Measured, "was measured on eight files by seven public models"),
        of(Basis::Chosen, "was chosen by judgement"),
        of(Basis::Given, "was given by you"),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn of_sample(sample: &Sample) -> String {
    let errors: Vec<String> = sample
        .standard_errors
        .iter()
        .map(|(name, error)| format!("{} {}", name.replace('_', " "), fixed(*error, 3)))
        .collect();
    format!(
        "Nearest rows are those of {} drawn at random, among all. Standard errors: {}. A graph of all rows (embedlab knn, \
         then --graph) also gives robin hood, anti-hubs, hubs, islands and ABIDE.",
        counted(sample.queries, "row"),
        errors.join(", ")
    )
}

/// How many rows the models have seen, where the memory held fewer than usual.
fn probed(labels: &LabelCard) -> String {
    if labels.probed_rows >= labels.rows.min(MOST_PROBED) {
        return String::new();
    }
    let [probed, rows] = [labels.probed_rows, labels.rows].map(|rows| grouped(rows as u64));
    format!(": models of a random sample of {probed} of {rows} rows, for more do not fit in memory")
}

fn label_grid(labels: &LabelCard) -> Grid {
    let probe = |name: &str, probe: Option<Probe>| match probe {
        Some(probe) => [
            Cell::text(name),
            Cell::Number(probe.accuracy, 3),
            Cell::Range(probe.low, probe.high, 3),
            Cell::text("accuracy in five folds"),
        ],
        None => [Cell::text(name), Cell::Missing, Cell::Missing, Cell::text("")],
    };
    let plain = |name: &str, value: Option<f64>, about: &str| {
        [Cell::text(name), Cell::number(value, 3), Cell::Missing, Cell::text(about)]
    };
    Grid::new(["label", "value", "95 %", "how to read it"])
        .caption(format!("What the vectors say about {}{}", labels.column, probed(labels)))
        .row(plain("majority", Some(labels.majority), "what guessing the most frequent class scores"))
        .row(probe("nearest neighbours", labels.knn))
        .row(probe("logistic regression", labels.logistic))
        .row(probe("forest", labels.forest))
        .row(plain("agreement", labels.agreement, "share of the nearest rows with the same label"))
        .row(plain("agreement by chance", labels.agreement_by_chance, "the same for any two rows"))
        .row(plain("silhouette", labels.silhouette, "near 0: the classes overlap"))
        .row(plain("V-measure", labels.v_measure, "clusters against classes, 0 to 1"))
        .row([
            Cell::text("label errors"),
            labels.label_errors.map_or(Cell::Missing, Cell::count),
            Cell::Missing,
            Cell::text("labels that are probably wrong"),
        ])
}
