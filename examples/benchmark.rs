//! How much is lost when vectors are cut short, by the tasks of the Massive Text Embedding Benchmark:
//! `cargo run --release --example benchmark`.

use std::path::Path;

use embedlab::benchmark::{
    Query, RetrievalOptions, Scored, Similarity, Ties, classification, compare, intervals, retrieval, search,
};
use embedlab::model::Classes;
use embedlab::split::train_test_split;
use embedlab::table::{self, Table};
use embedlab::{Result, metric::Interval};
use ndarray::{Array2, Axis, s};

fn main() -> Result<()> {
    run().map(|_| ())
}

/// The first dimensions of some rows.
fn cut(table: &Table, rows: &[usize], dims: usize) -> Array2<f32> {
    table.vectors().select(Axis(0), rows).slice(s![.., ..dims]).to_owned()
}

/// Prints two tasks at three sizes; the differences of the smaller ones from the full vectors.
pub fn run() -> Result<Vec<Interval>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let kinds = Classes::try_from(reviews.labels("Kind")?)?;
    let split = train_test_split(reviews.n_rows(), 0.5, 42)?;
    let of = |rows: &[usize]| rows.iter().map(|row| kinds.codes[*row]).collect::<Vec<_>>();
    let (train, test) = (of(&split.train), of(&split.test));

    // Each kind of food by logistic regression on eight reviews of it, ten draws.
    let kind_of_food = |dims: usize| -> Result<Scored> {
        let (learnt, held_out) = (cut(&reviews, &split.train, dims), cut(&reviews, &split.test, dims));
        classification(
            (learnt.view(), &train),
            (held_out.view(), &test),
            kinds.names.len(),
            &Default::default(),
        )
    };

    let codes = &kinds.codes;
    // The last 60 reviews as queries to the others: reviews of the same kind are relevant.
    let (corpus, queries): (Vec<usize>, Vec<usize>) = (0..reviews.n_rows()).partition(|row| *row < 600);
    let ids: Vec<String> = corpus.iter().map(usize::to_string).collect();
    let same_kind = |dims: usize| -> Result<Scored> {
        let found = search(
            cut(&reviews, &corpus, dims).view(),
            cut(&reviews, &queries, dims).view(),
            Similarity::Cosine,
        )?;
        let relevant = |query: usize| corpus.iter().filter(move |row| codes[**row] == codes[query]);
        let judged: Vec<Query> = queries
            .iter()
            .zip(found)
            .map(|(query, found)| Query {
                id: query.to_string(),
                judged: relevant(*query).map(|row| (*row, 1)).collect(),
                found,
            })
            .collect();
        retrieval(&judged, &ids, &RetrievalOptions { ties: Ties::Trec, main: "ndcg_at_10" })
    };

    let mut differences = Vec::new();
    for (task, score) in
        [("classification", &kind_of_food as &dyn Fn(usize) -> Result<Scored>), ("retrieval", &same_kind)]
    {
        let full = score(384)?;
        let name = full.main;
        let Interval { low, high, .. } = intervals(&full, 42)?[name];
        println!("{task}: {name} {:.3} (95 %: {low:.3} to {high:.3})", full.score(name).unwrap_or(f64::NAN));
        for dims in [96, 24] {
            let found = compare(&full, &score(dims)?, name, 42)?;
            let Interval { low, high, .. } = found.interval;
            println!(
                "  {dims} dimensions: {:.3}; lost {low:.3} to {high:.3}, p {:.3}",
                found.second, found.p
            );
            differences.push(found.interval);
        }
    }
    Ok(differences)
}
