//! The functions of this crate, found by what they do: `cargo run --release --example code_search`.

use std::path::Path;

use embedlab::Result;
use embedlab::chart::{Bars, Style};
use embedlab::embed::{Embedder, Lsa, LsaOptions};
use embedlab::rows::Metric;
use embedlab::search::code::{Function, source_tree};
use embedlab::search::search;

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `code_search.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = source_tree(&root.join("src/table"))?;
    println!("{} functions in {} files", tree.functions.len(), tree.files);

    // A lexical embedder learns from the functions themselves; it needs no key and no download.
    let texts: Vec<String> = tree.functions.iter().map(Function::text).collect();
    let embedder = Lsa::fit(&texts, &LsaOptions::default())?;
    let vectors = embedder.embed(&texts)?;

    let queries =
        ["read a parquet file", "split rows into training and test", "write a file whole or not at all"];
    let asked = embedder.embed(&queries.map(String::from))?;
    for (query, vector) in queries.iter().zip(asked.rows()) {
        println!("\n{query}");
        for hit in search(vectors.view(), vector, 4, Metric::Cosine, None)? {
            let function = &tree.functions[hit.row];
            println!("  {:.3} {} ({}:{})", 1.0 - hit.distance, function.name, function.path, function.line);
        }
    }

    let hits = search(vectors.view(), asked.row(0), 10, Metric::Cosine, None)?;
    let names: Vec<String> = hits
        .iter()
        .map(|hit| format!("{} in {}", tree.functions[hit.row].name, tree.functions[hit.row].path))
        .collect();
    let cosines: Vec<f64> = hits.iter().map(|hit| 1.0 - hit.distance).collect();
    let style = Style::new(format!("Functions for \u{201c}{}\u{201d}", queries[0]))
        .subtitle("cosine of query and function");
    Bars::new(&names, &cosines).draw(&style)?.save(output.join("code_search.png"))?;
    println!("\ndrew code_search.png in {}", output.display());
    Ok(())
}
