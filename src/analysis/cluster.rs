//! Which clusters are there, what are they about, and do they agree with a label.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};

#[cfg(feature = "charts")]
use super::cluster_pictures::{choice_picture, cluster_picture, label_shares, sizes_picture};
use super::{Analysis, Context, Cost, InReport, Needs, NewColumns, PictureKind};
#[cfg(feature = "charts")]
use crate::chart::{Picture, Style};
use crate::cluster::{
    ClusterColumns, ClusterCount, ClusterOptions, ClusterSummary, Clustering, FitSample, Passes, analyse,
};
use crate::data::{Budget, Data, NewColumn, Role};
use crate::error::{Error, Result};
#[cfg(feature = "charts")]
use crate::map::RowMap;
use crate::metric::Agreement;
use crate::number::{counted, fixed, grouped, percent};
use crate::rows::{LEAF_ROWS, RowSource};
use crate::view::{Block, Cell, Grid, KeyFigure, Look, Quote, Section};

/// Below this mean silhouette, clusters are regions of one cloud.
const WEAK: f64 = 0.1;

/// Rows of a sample for each cluster below which faiss warns too.
const FEW_FIT_ROWS: usize = 39;

/// The analysis `cluster`.
pub struct Cluster;

impl Analysis for Cluster {
    const NAME: &'static str = "cluster";
    const ABOUT: &'static str = "Find clusters, name them, score them, and compare them with a label";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab cluster reviews.csv -k 4
  embedlab cluster reviews.parquet -k auto --picture choice.svg
  embedlab cluster reviews.parquet -k 12 -o clustered.csv --save clusters.safetensors
  embedlab predict clusters.safetensors new.parquet -o new_clustered.csv
  embedlab cluster reviews.parquet -k 4 --describe gpt-4o-mini
  embedlab cluster reviews.parquet --method hdbscan --json | jq .noise
  embedlab cluster 'parts/*.parquet' -k 100 --memory 2G --plan
  embedlab cluster 'parts/*.parquet' -k 100 --memory 2G --layout partitioned -o clusters/";
    const NEEDS: Needs = Needs::Blocks;
    const ROLES: &'static [Role] = &[Role::Text, Role::Label];
    const WRITES: Option<&'static str> =
        Some("Write the rows with the columns cluster and cluster_name; the extension names the format");
    const PICTURES: &'static [PictureKind] = &[PictureKind {
        flag: "picture",
        help: "Draw how k was chosen (with a range or auto), else the clusters on a PCA map (.png .svg)",
    }];
    const SAVES: Option<&'static str> = Some("Save the k-means model; embedlab predict applies it");
    type Options = ClusterOptions;
    type Outcome = Clustering;

    /// Passes: hashes, moments, lengths, the starts' sample, the iterations, the last assignment, silhouette, means and
    /// examples; in two passes the sample and the assignment.
    fn cost(options: &ClusterOptions, rows: usize, dims: usize, memory: Budget) -> Result<Cost> {
        let options = options.within(memory, rows, dims, false);
        // In f64, which has room for any number that is asked for; a cast back ends at the most there is.
        let (n, d) = (rows as f64, dims as f64);
        let k = match options.count() {
            ClusterCount::Exactly(k) => k as f64,
            ClusterCount::Within(range) => *range.end() as f64,
        };
        // Sums of a pass are held for each level of its merging.
        let sums = k * d * 8.0 * ((n / LEAF_ROWS as f64 + 1.0).log2() + 2.0);
        let centroids = k * d * 24.0;
        if !options.method.is_k_means() || options.pca.is_some() {
            let components = options.pca.unwrap_or(10) as f64;
            return Ok(Cost::blocks(5)
                .at_most()
                .work((n * (components * 12.0 + 40.0) + d * d * 16.0) as u64));
        }
        if let Some(sample) = options.sample_to_fit(dims)?.filter(|sample| *sample < rows) {
            let s = sample as f64;
            let flops = (n + 400.0 * s) * d * k;
            return Ok(Cost::blocks(2)
                .work((2.0 * s * d * 4.0 + n * 60.0 + centroids) as u64)
                .sampled("rows that k-means is fitted on", sample)
                .products(flops));
        }
        let bounds = memory
            .given()
            .map_or(n * d / 2.0, |bytes| bytes as f64 / 4.0)
            .min(n * k.min(d / 8.0 + 1.0) * 4.0);
        let iterations = options.max_iter.unwrap_or(300);
        let flops = n * d * k * iterations.min(40) as f64;
        let passes = if options.passes == Some(Passes::Full) || memory.given().is_some() { 8 } else { 9 };
        Ok(Cost::blocks(iterations.saturating_add(passes))
            .at_most()
            .work((bounds + n * 60.0 + sums + centroids) as u64)
            .products(flops))
    }

    fn run(data: &Data, options: &ClusterOptions, context: &Context<'_>) -> Result<Clustering> {
        let (text, label) = (data.column_of(Role::Text), data.column_of(Role::Label));
        let columns = ClusterColumns::from_table(data.table(), text, label)?;
        let in_memory = !data.is_streamed() && data.engine().is_none();
        let options = &options.within(data.memory(), data.n_rows(), data.dims(), in_memory);
        let mut found = analyse(data, &columns, options, context.seed)?;
        if let Some(sample) = &found.sample {
            context.note(fitted_on(sample, &found));
            if sample.rows < FEW_FIT_ROWS * found.k {
                context.warn(format!(
                    "{} are few to fit {} clusters on: allow more --memory or --fit-rows",
                    counted(sample.rows, "row"),
                    found.k
                ));
            }
        }
        for cluster in &mut found.clusters {
            cluster.examples.iter_mut().for_each(|example| example.row = data.row_of_file(example.row));
        }
        found.cautions(options).into_iter().for_each(|caution| context.warn(caution));
        if let Some(choice) = found.choice.as_ref().filter(|choice| choice.is_largest_tried()) {
            let (k, wider) = (choice.chosen, 2 * choice.chosen);
            context.warn(format!(
                "{k} is the largest k that was tried; try a wider range, such as -k 2..{wider}"
            ));
        }
        Ok(found)
    }

    fn view(found: &Clustering, look: Look) -> Result<Section> {
        let mut section = Section::new("clusters", "Clusters")
            .headline(headline(found))
            .with(Block::key_figures(key_figures(found)));
        if let Some(mean) = found.silhouette.filter(|mean| *mean < WEAK) {
            section = section.with(Block::note(format!(
                "A mean silhouette of {} means weakly separated clusters: rows are nearly as close to the next cluster \
                 as to their own. This is usual for text embeddings; read the clusters as regions, not as separate kinds.",
                fixed(mean, 3)
            )));
        }
        if found.noise > 0 {
            section = section.with(Block::note(format!(
                "{} ({:.1} %) are noise: they are in no dense region.",
                counted(found.noise, "row"),
                100.0 * found.noise as f64 / found.labels.len().max(1) as f64
            )));
        }
        if let Some(sample) = &found.sample {
            section = section.with(Block::note(format!(
                "{} Inertia and sizes are of all rows, the silhouette is of the sample, and examples are the rows \
                 nearest to the centroids.",
                fitted_on(sample, found)
            )));
        }
        section = section.with(clusters(found));
        if let Some(choice) = &found.choice {
            section = section.with(candidates(choice));
        }
        #[cfg(feature = "charts")]
        {
            section = pictures(found, section, look)?;
        }
        #[cfg(not(feature = "charts"))]
        let _ = look;
        for cluster in &found.clusters {
            let quotes: Vec<Quote> = cluster
                .examples
                .iter()
                .filter_map(|example| {
                    Some(Quote::new(example.text.as_deref()?, format!("row {}", example.row)))
                })
                .collect();
            if !quotes.is_empty() || cluster.description.is_some() {
                let described =
                    cluster.description.as_ref().map_or_else(String::new, |said| format!(" – {said}"));
                let summary = format!("{}{described}: rows nearest to its mean", cluster.short_name());
                section = section.with(Block::details(summary, [Block::quotes(quotes)]));
            }
        }
        if let (Some(agreement), Some(label)) = (&found.agreement, &found.label) {
            section = section.with(agreements(found, agreement, label));
        }
        Ok(section)
    }

    fn columns(found: &Clustering) -> Result<NewColumns> {
        let clusters: Int64Array = found.labels.iter().map(|label| label.map(i64::from)).collect();
        let name =
            |label: u32| found.clusters.iter().find(|cluster| cluster.id == label).map(ClusterSummary::name);
        let names: StringArray = found.labels.iter().map(|label| label.and_then(name)).collect();
        let mut columns = vec![NewColumn::new("cluster", Arc::new(clusters))];
        if found.clusters.iter().any(|cluster| !cluster.terms.is_empty()) {
            columns.push(NewColumn::new("cluster_name", Arc::new(names)));
        }
        Ok(NewColumns { rows: None, columns })
    }

    fn in_report(_data: &Data) -> InReport<ClusterOptions> {
        InReport::Yes(ClusterOptions { k: Some(ClusterCount::AUTO), ..Default::default() })
    }

    #[cfg(feature = "charts")]
    fn picture(found: &Clustering, _flag: &str, data: &Data, seed: u64, style: Style) -> Result<Picture> {
        match &found.choice {
            Some(choice) => choice_picture(choice, style),
            None => cluster_picture(&RowMap::by_pca(data.matrix()?, 2, seed)?, found, style),
        }
    }

    fn save(found: &Clustering, path: &Path) -> Result<()> {
        let model = found.model.as_ref().filter(|_| found.components.is_none()).ok_or_else(|| {
            Error::argument("only k-means on the rows as they are can be saved")
                .with_code("not-saved")
                .advice("leave --save or --pca out, or choose --method k-means")
        })?;
        model.save(path)
    }
}

/// What k-means was fitted on.
fn fitted_on(sample: &FitSample, found: &Clustering) -> String {
    format!(
        "k-means was fitted on a random sample of {} of {} ({}), and one pass gave each row the nearest centroid.",
        grouped(sample.rows as u64),
        counted(found.labels.len(), "row"),
        percent(sample.share)
    )
}

fn headline(found: &Clustering) -> String {
    let largest: Vec<String> = found.clusters.iter().take(3).map(ClusterSummary::name).collect();
    match found.k {
        0 => "No clusters: all rows are noise.".to_owned(),
        k if largest.iter().all(|name| name.starts_with("cluster ")) => format!("{}.", counted(k, "cluster")),
        k => format!("{}; the largest: {}.", counted(k, "cluster"), largest.join("; ")),
    }
}

fn key_figures(found: &Clustering) -> Vec<KeyFigure> {
    let chosen = match &found.choice {
        Some(choice) if choice.is_largest_tried() => "the largest k tried; more may be better",
        Some(choice) if choice.by_silhouette == Some(choice.chosen) => "the best silhouette of those tried",
        Some(_) => "the elbow of those tried",
        None => "",
    };
    let rows = format!("of {}", counted(found.labels.len(), "row"));
    let note = if chosen.is_empty() { rows } else { format!("{rows}; {chosen}") };
    let mut figures = vec![KeyFigure::new(grouped(found.k as u64), "clusters").note(note)];
    if let Some(mean) = found.silhouette {
        let figure = KeyFigure::new(fixed(mean, 3), "mean silhouette");
        figures.push(match found.silhouette_standard_error {
            Some(error) => figure.note(format!("± {}, of a sample", fixed(1.96 * error, 3))),
            None => figure.note("from −1 to 1"),
        });
    }
    let numbers = [
        (found.inertia, "inertia", "sum of squared distances to the means"),
        (found.bic, "BIC", "less is better"),
        (found.eps, "eps", "radius of a neighbourhood"),
    ];
    for (value, label, note) in numbers {
        if let Some(value) = value {
            figures.push(KeyFigure::new(crate::number::brief(value), label).note(note));
        }
    }
    if let (Some(agreement), Some(label)) = (&found.agreement, &found.label) {
        figures.push(
            KeyFigure::new(fixed(agreement.ami, 3), format!("agreement with {label}"))
                .note("adjusted mutual information; 0 is chance"),
        );
    }
    figures
}

fn clusters(found: &Clustering) -> Grid {
    let has_mean = found.clusters.iter().any(|cluster| cluster.mean_label.is_some());
    let has_terms = found.clusters.iter().any(|cluster| !cluster.terms.is_empty());
    let mut headers = vec!["cluster".to_owned(), "rows".to_owned(), "share".to_owned()];
    if let Some(label) = found.label.as_ref().filter(|_| has_mean) {
        headers.push(format!("mean {label}"));
    }
    if has_terms {
        headers.push("terms (c-TF-IDF)".to_owned());
    }
    found.clusters.iter().fold(Grid::new(headers), |grid, cluster| {
        let mut cells =
            vec![Cell::text(cluster.id.to_string()), Cell::count(cluster.size), Cell::Share(cluster.share)];
        if has_mean {
            cells.push(Cell::number(cluster.mean_label, 2));
        }
        if has_terms {
            cells.push(Cell::text(cluster.terms.join(", ")));
        }
        grid.row(cells)
    })
}

fn candidates(choice: &crate::cluster::Choice) -> Grid {
    let mixture = choice.candidates.iter().any(|candidate| candidate.bic.is_some());
    let headers = ["k", if mixture { "BIC" } else { "inertia" }, "silhouette", "rule"];
    choice.candidates.iter().fold(Grid::new(headers), |grid, candidate| {
        let marks = [(choice.by_silhouette, "best silhouette"), (choice.by_elbow, "elbow")];
        let marks: Vec<&str> =
            marks.iter().filter(|(k, _)| *k == Some(candidate.k)).map(|(_, mark)| *mark).collect();
        grid.row([
            Cell::count(candidate.k),
            Cell::number(candidate.inertia.or(candidate.bic), 1),
            Cell::number(candidate.silhouette, 4),
            Cell::text(marks.join(", ")),
        ])
    })
}

fn agreements(found: &Clustering, agreement: &Agreement, label: &str) -> Grid {
    let row = |what: &str, a: &Agreement| {
        let scores = [a.v_measure, a.ami, a.ari, a.nmi];
        std::iter::once(Cell::text(what))
            .chain(scores.map(|score| Cell::Number(score, 3)))
            .collect::<Vec<_>>()
    };
    let mut grid = Grid::new([label, "V-measure", "AMI", "ARI", "NMI"]);
    let rows = counted(found.agreement_rows.unwrap_or_default(), "row");
    grid = grid.row(row(&format!("{rows} with a cluster"), agreement));
    if let Some(with_noise) = &found.agreement_with_noise {
        grid = grid.row(row("noise as one more cluster", with_noise));
    }
    grid.caption(format!("Agreement of the clusters with {label}. AMI and ARI are 0 by chance."))
}

#[cfg(feature = "charts")]
fn pictures(found: &Clustering, mut section: Section, look: Look) -> Result<Section> {
    let names: Vec<String> = found.clusters.iter().map(ClusterSummary::short_name).collect();
    if names.is_empty() {
        return Ok(section);
    }
    if let (Some(table), Some(label)) = (&found.table, &found.label) {
        let caption = format!(
            "{label} in each cluster. A cluster whose bar looks like the others' tells nothing about {label}."
        );
        section = section.picture(look, &format!("{label} by cluster"), caption, |style| {
            label_shares(table, &names, style)
        })?;
    } else {
        let sizes: Vec<f64> = found.clusters.iter().map(|cluster| cluster.size as f64).collect();
        section = section.picture(look, "Cluster sizes", "The rows in each cluster.", |style| {
            sizes_picture(&names, &sizes, found.labels.len(), style)
        })?;
    }
    if let Some(choice) = &found.choice {
        let caption = "The inertia falls with every further cluster (the BIC of a mixture need not); the elbow is \
                       where it begins to fall slowly. The silhouette is highest where rows are best separated.";
        section =
            section.picture(look, "Number of clusters", caption, |style| choice_picture(choice, style))?;
    }
    Ok(section)
}
