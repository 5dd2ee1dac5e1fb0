//! `embedlab regress`: can the embedding predict a number.

use std::path::PathBuf;

use embedlab::chart::{Predicted, Style};
use embedlab::metric::{Interval, RegressionScores};
use embedlab::model::regress;
use embedlab::{Error, Result};

use super::held_out::How;
use super::input::Input;
use super::output::{Rows, grouped};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab regress reviews.csv --label Score
  embedlab regress reviews.parquet --drop-duplicates --picture predicted.svg
  embedlab regress reviews.parquet --group-by UserId --json | jq '{mae, baseline}'";

/// Predict a number, such as stars, from the embedding, and say how well
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    how: How,
    /// Draw the predicted against the true numbers
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

pub fn run(args: &Args, common: &Common, output: &Output) -> Result<Outcome> {
    args.picture.as_deref().map(super::output::writable).transpose()?;
    let prepared = args.how.prepare(&args.input, output)?;
    let targets: Vec<f64> = prepared.table.numbers(&prepared.label)?.into_iter().flatten().collect();
    if targets.len() < prepared.table.n_rows() {
        return Err(Error::input("rows without a number").column(&prepared.label));
    }
    let found = {
        let _busy = output.busy("growing trees");
        let texts = prepared.texts.as_deref();
        regress(prepared.table.vectors(), &targets, &prepared.split, texts, &args.how.options(common))?
    };
    if let Some(path) = &args.picture {
        let style = Style::new(format!("{} predicted from the embedding", prepared.label));
        Predicted::new(&found.truth, &found.predicted).unit(&prepared.label).draw(&style)?.save(path)?;
        output.note(format!("drew {}", path.display()));
    }
    if let Some(caution) = found.intervals.mae.caution() {
        output.warn(caution);
    }
    output.result(&found, |out| {
        writeln!(
            out,
            "{} from {} rows, judged on {} others; fitted in {:.2} s\n",
            prepared.label,
            grouped(found.n_train),
            grouped(found.n_test),
            found.fit_seconds
        )?;
        let mut rows = Rows::new(&["", "MAE", "95 %", "MSE", "95 %", "R2"], &[1, 2, 3, 4, 5]);
        let range = |interval: &Interval| format!("{:.3}..{:.3}", interval.low, interval.high);
        let r2 = |scores: &RegressionScores| scores.r2.map_or_else(|| "-".into(), |r2| format!("{r2:.3}"));
        let (scores, intervals) = (&found.scores, &found.intervals);
        rows.push(vec![
            "forest".into(),
            format!("{:.3}", scores.mae),
            range(&intervals.mae),
            format!("{:.3}", scores.mse),
            range(&intervals.mse),
            r2(scores),
        ]);
        let plain = |name: String, scores: &RegressionScores| {
            let (mae, mse) = (format!("{:.3}", scores.mae), format!("{:.3}", scores.mse));
            vec![name, mae, String::new(), mse, String::new(), r2(scores)]
        };
        let baseline = &found.baseline;
        rows.push(plain(format!("always the mean, {:.2}", baseline.mean.value), &baseline.mean.scores));
        rows.push(plain(format!("always the median, {}", baseline.median.value), &baseline.median.scores));
        if let (Some(unseen), Some(baseline)) = (&found.unseen, &found.unseen_baseline) {
            rows.push(plain(format!("forest, {} unseen texts", unseen.n), unseen));
            rows.push(plain("always the mean, unseen texts".into(), &baseline.mean.scores));
            rows.push(plain("always the median, unseen texts".into(), &baseline.median.scores));
        }
        writeln!(out, "{rows}")?;
        if let Some(stars) = &found.stars {
            let score = |score: Option<f64>| score.map_or_else(|| "-".into(), |score| format!("{score:.3}"));
            let scores = &stars.scores;
            writeln!(
                out,
                "\nwithin one {:.3}, quadratic weighted kappa {}, Kendall's tau {}",
                scores.within_one,
                score(scores.quadratic_weighted_kappa),
                score(scores.kendall_tau)
            )?;
        }
        let versus = &found.against_median;
        let verdict = match (versus.p_value < 0.05, versus.difference < 0.0) {
            (true, true) => "smaller than",
            (true, false) => "LARGER than",
            (false, _) => "not told apart from",
        };
        writeln!(
            out,
            "\nThe forest's absolute error is {verdict} that of always saying {} (p = {:.3}).",
            found.baseline.median.value, versus.p_value
        )
    })?;
    Ok(Outcome::Done)
}
