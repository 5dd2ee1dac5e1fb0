//! Vectors by a model folder: `cargo bench --bench local_model -- FOLDER [TEXTS]`. TEXTS has a text a line;
//! without it the sample's reviews are embedded.

use embedlab::embed::{Embedder, LocalModel};

mod measure;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let folder = arguments.next().expect("a model folder: cargo bench --bench local_model -- FOLDER [TEXTS]");
    let texts: Vec<String> = match arguments.next() {
        Some(file) => {
            std::fs::read_to_string(file).expect("a file of texts").lines().map(str::to_owned).collect()
        }
        None => {
            let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/food_reviews.parquet");
            let reviews = embedlab::table::read(sample.as_ref(), &Default::default()).expect("the sample");
            reviews.text("combined").expect("texts").into_iter().flatten().collect()
        }
    };
    let model = measure::measure("open", &folder, || LocalModel::open(&folder).expect("a model"));
    let found = model.embed_counted(&texts).expect("vectors");
    let size = format!(
        "{} texts, {} tokens, {} cut, {} dims",
        texts.len(),
        found.tokens.iter().sum::<usize>(),
        found.truncated,
        model.dims()
    );
    measure::measure("embed", &size, || model.embed(&texts).expect("vectors"));
}
