//! `embedlab regress`: can the embedding predict a number.

use std::path::PathBuf;

use embedlab::Result;
use embedlab::chart::{Predicted, Style};
use embedlab::metric::{Interval, RegressionScores};
use embedlab::model::{cross_validate_numbers, regress};

use super::held_out::{How, Predicted as Said, importance_rows, spread};
use super::input::Input;
use super::output::{Rows, grouped};
use super::{Common, Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab regress reviews.csv --label Score
  embedlab regress reviews.parquet --drop-duplicates --picture predicted.svg
  embedlab regress reviews.parquet --model ridge --cv 5
  embedlab regress reviews.parquet --features price,brand --importance importance.svg
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
    args.how.outputs(&args.input)?.picture(args.picture.as_deref())?;
    let prepared = args.how.prepare(&args.input, false, output)?;
    let rows = &prepared.rows;
    let targets = rows.targets().map_err(|error| error.file(&args.input.file))?;
    let options = args.how.options(common);
    let found = {
        let _busy = output.busy(format!("fitting: {}", options.kind.name()));
        let (features, beside) = (rows.features.view(), prepared.beside());
        match prepared.splits.as_slice() {
            [split] => regress(features, &targets, split, &beside, &options)?,
            folds => cross_validate_numbers(features, &targets, folds, &beside, &options)?,
        }
    };
    let said = found.predicted.iter().map(|number| Said::Number(*number)).collect();
    args.how.write(&rows.table, &found.test_rows, vec![("predicted".to_owned(), said)], output)?;
    args.how.draw_importance(rows, &found.importance, &found.top_features, "R2", output)?;
    if let Some(path) = &args.picture {
        let style = Style::new(format!("{} predicted from the embedding", rows.label));
        Predicted::new(&found.truth, &found.predicted).unit(&rows.label).draw(&style)?.save(path)?;
        output.note(format!("drew {}", path.display()));
    }
    if let Some(caution) = found.intervals.mae.caution() {
        output.warn(caution);
    }
    output.result(&found, |out| {
        let model = found.model.name();
        if prepared.is_cv {
            let n = grouped(found.n_test);
            writeln!(
                out,
                "{} of {n} rows, each by a model that has not seen it ({} folds); fitted in {:.2} s\n",
                rows.label,
                found.folds.len(),
                found.fit_seconds
            )?;
        } else {
            writeln!(
                out,
                "{} from {} rows, judged on {} others; fitted in {:.2} s\n",
                rows.label,
                grouped(found.n_train),
                grouped(found.n_test),
                found.fit_seconds
            )?;
        }
        let mut table = Rows::new(&["", "MAE", "95 %", "MSE", "95 %", "R2"], &[1, 2, 3, 4, 5]);
        let range = |interval: &Interval| format!("{:.3}..{:.3}", interval.low, interval.high);
        let r2 = |scores: &RegressionScores| scores.r2.map_or_else(|| "-".into(), |r2| format!("{r2:.3}"));
        let (scores, intervals) = (&found.scores, &found.intervals);
        table.push(vec![
            model.into(),
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
        let baseline = &found.baseline.constants;
        table.push(plain(format!("always the mean, {:.2}", baseline.mean.value), &baseline.mean.scores));
        table.push(plain(format!("always the median, {}", baseline.median.value), &baseline.median.scores));
        if let (Some(unseen), Some(baseline)) = (&found.unseen, &found.unseen_baseline) {
            table.push(plain(format!("{model}, {} unseen texts", unseen.n), unseen));
            table.push(plain("always the mean, unseen texts".into(), &baseline.constants.mean.scores));
            table.push(plain("always the median, unseen texts".into(), &baseline.constants.median.scores));
        }
        writeln!(out, "{table}")?;
        if prepared.is_cv {
            writeln!(
                out,
                "\nover the folds: MAE {}, MSE {}",
                spread(found.folds.iter().map(|fold| fold.scores.mae)),
                spread(found.folds.iter().map(|fold| fold.scores.mse))
            )?;
        }
        if let Some(importance) = importance_rows(&found.importance, "R2") {
            writeln!(out, "\n{importance}")?;
        }
        if let Some(tree) = &found.tree {
            writeln!(out, "\n{}", tree.to_text(|feature| rows.feature_name(feature), &[]).trim_end())?;
        }
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
            "\nThe absolute error of {model} is {verdict} that of always saying {} (p = {:.3}).",
            found.baseline.constants.median.value, versus.p_value
        )
    })?;
    Ok(Outcome::Done)
}
