//! What is known of a map: for programs, for the terminal and for the picture.

use std::io::Write;

use embedlab::map::{Trust, Tsne};
use embedlab::table::Table;
use serde::Serialize;

use crate::cli::Common;
use crate::cli::output::grouped;

/// What the command prints; `kl` is null where it was not measured.
#[derive(Serialize)]
pub struct Found {
    pub method: &'static str,
    pub rows: usize,
    pub dims: usize,
    pub n_components: usize,
    pub seed: u64,
    pub kl: Option<f64>,
    pub kl_standard_error: Option<f64>,
    pub trustworthiness: Option<f64>,
    pub neighbors_kept: Option<f64>,
    pub seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tsne: Option<Tsne>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained_variance_ratio: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onto: Option<Onto>,
    pub files: Vec<String>,
}

/// The map that rows were placed on.
#[derive(Serialize)]
pub struct Onto {
    pub file: String,
    pub rows: usize,
    pub perplexity: Option<f64>,
}

impl Found {
    /// What is known before anything is measured but the trust.
    pub fn new(
        method: &'static str,
        table: &Table,
        n_components: usize,
        common: &Common,
        trust: Option<Trust>,
    ) -> Found {
        Found {
            method,
            rows: table.n_rows(),
            dims: table.dims(),
            n_components,
            seed: common.seed,
            kl: None,
            kl_standard_error: None,
            trustworthiness: trust.map(|trust| trust.trustworthiness),
            neighbors_kept: trust.map(|trust| trust.neighbors_kept),
            seconds: 0.0,
            trust,
            tsne: None,
            explained_variance_ratio: None,
            onto: None,
            files: Vec::new(),
        }
    }
}

/// What the map is, in one line.
pub fn subtitle(found: &Found) -> String {
    let how = match (&found.onto, &found.tsne, &found.explained_variance_ratio) {
        (Some(onto), ..) => format!("placed on a map of {} rows", grouped(onto.rows)),
        (_, Some(tsne), _) => format!("t-SNE, perplexity {}", tsne.perplexity),
        (.., Some(shares)) => {
            format!("principal components, {:.1} % of the variance", 100.0 * shares.iter().sum::<f64>())
        }
        _ => String::new(),
    };
    let dimensions = if found.n_components == 3 { ", three dimensions" } else { "" };
    format!("{} rows, {how}{dimensions}", grouped(found.rows))
}

/// How far to trust the map.
pub fn trust_lines(found: &Found) -> Vec<String> {
    let mut parts = Vec::new();
    match &found.trust {
        Some(trust) => {
            parts.push(format!(
                "{:.0} % of the {} nearest neighbours kept",
                100.0 * trust.neighbors_kept,
                trust.k
            ));
            parts.push(format!("trustworthiness {:.3}", trust.trustworthiness));
            parts.push(format!("continuity {:.3}", trust.continuity));
            if let Some(correlation) = trust.distance_correlation {
                parts.push(format!("distances {correlation:.2} correlated"));
            }
        }
        None => {
            if let Some(kept) = found.neighbors_kept {
                parts.push(format!("{:.0} % of the nearest neighbours kept", 100.0 * kept));
            }
        }
    }
    parts.extend(found.kl.map(|kl| format!("KL {kl:.3}")));
    parts
}

/// The figures, for people.
pub fn print(found: &Found, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}, {:.2} s", subtitle(found), found.seconds)?;
    if let Some(kl) = found.kl {
        let error = found.kl_standard_error.map_or(String::new(), |error| format!(" +- {error:.4}"));
        writeln!(out, "KL divergence      {kl:.3}{error}")?;
    }
    if let Some(trust) = &found.trust {
        let errors = trust.standard_error;
        let line = |value: f64, error: Option<f64>| {
            error.map_or_else(|| format!("{value:.3}"), |error| format!("{value:.3} +- {error:.4}"))
        };
        let trustworthiness = line(trust.trustworthiness, errors.map(|e| e.trustworthiness));
        writeln!(out, "trustworthiness    {trustworthiness}   near dots are near rows (1 is best)")?;
        let continuity = line(trust.continuity, errors.map(|e| e.continuity));
        writeln!(out, "continuity         {continuity}   near rows are near dots")?;
        let kept = line(trust.neighbors_kept, errors.map(|e| e.neighbors_kept));
        writeln!(
            out,
            "neighbours kept    {kept}   of the {} nearest; {:.3} by chance",
            trust.k, trust.kept_by_chance
        )?;
        if let Some(correlation) = trust.distance_correlation {
            let correlation = line(correlation, errors.map(|e| e.distance_correlation));
            writeln!(out, "distances          {correlation}   correlation (Pearson) of all distances")?;
        }
        if errors.is_some() {
            writeln!(out, "from {} rows, each against all", grouped(trust.rows_compared))?;
        }
    } else if let Some(kept) = found.neighbors_kept {
        writeln!(out, "neighbours kept    {kept:.3}   of the 10 nearest old rows of each new one")?;
    }
    Ok(())
}
