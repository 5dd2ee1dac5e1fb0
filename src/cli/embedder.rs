//! From the texts of a command line to vectors: which embedder, and whether it is that of the rows.

use std::path::{Path, PathBuf};

use embedlab::data::model_of;
use embedlab::embed::{EmbedOptions, Embedder, LongTexts, Lsa, Models};
#[cfg(feature = "local-models")]
use embedlab::embed::{Hub, LocalModel};
use embedlab::error::excerpt;
use embedlab::{Error, Result};
use ndarray::Array2;

use super::Output;
use super::beside::Embedded;
use super::server::Server;

/// The embedder for texts on the command line.
#[derive(clap::Args)]
pub struct With {
    /// The embedder of the rows: a file that embedlab embed wrote, a folder with a model, or the name of a server's model [default: the model that the rows name, or the file beside them that ends in .lsa.safetensors]
    #[arg(long = "model", value_name = "MODEL")]
    model: Option<String>,
    #[command(flatten)]
    server: Server,
}

impl With {
    /// The vectors of texts by the embedder that made those of `rows`; without one, the error names what
    /// can be given `instead`.
    pub fn embed(
        &self,
        texts: &[String],
        rows: &impl Embedded,
        file: &Path,
        instead: &str,
    ) -> Result<Array2<f32>> {
        let embedder = self.embedder(rows, file, instead)?;
        let vectors = embedder.embed(texts)?;
        for (text, vector) in texts.iter().zip(vectors.rows()) {
            if vector.iter().all(|value| *value == 0.0) {
                return Err(Error::argument("a text without a word that the embedder knows")
                    .seen(excerpt(text))
                    .advice("use words of the texts, or embed the rows by a model that knows more words"));
            }
        }
        Ok(vectors)
    }

    /// The embedder of the rows; one that is known to be another is refused before it is asked.
    fn embedder(&self, rows: &impl Embedded, file: &Path, instead: &str) -> Result<Box<dyn Embedder>> {
        let models = self.server.known()?;
        let of_rows = model_of(rows.columns());
        let beside = beside(file);
        let known = |name: &&String| models.get(name).is_some();
        let servers = |name: &&String| self.server.is_named() && !name.starts_with("lsa-");
        let named = match (&self.model, &of_rows) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) if known(&name) => name.clone(),
            _ if beside.exists() => beside.display().to_string(),
            (None, Some(name)) if servers(&name) => name.clone(),
            (None, of_rows) => {
                let of_rows = of_rows.as_ref().map(|name| format!(", and {name} is not a known model"));
                return Err(Error::argument("no embedder for texts")
                    .seen(format!("neither --model nor {}{}", beside.display(), of_rows.unwrap_or_default()))
                    .advice(format!("make one with embedlab embed FILE --model lsa, or give {instead}")));
            }
        };
        let refused = |seen: String| {
            Error::input("the embedder is not that of the rows")
                .file(&named)
                .seen(seen)
                .advice("embed rows and texts with the same model")
        };
        if let Some(embedder) = on_disk(&named, &self.server, false, None)? {
            return match of_rows {
                Some(model) if model != embedder.model() => {
                    Err(refused(format!("{}, and {model} in the rows", embedder.model())))
                }
                _ if embedder.dims() != rows.dims() => {
                    Err(refused(format!("{} dimensions, and {} in the rows", embedder.dims(), rows.dims())))
                }
                _ => Ok(embedder),
            };
        }
        if models.get(&named).is_none() && !self.server.is_named() {
            return Err(unknown(&models, &named));
        }
        let query = for_queries(&models, &named);
        if let Some(model) = of_rows.filter(|model| for_queries(&models, model) != query) {
            return Err(refused(format!("{query}, and {model} in the rows")));
        }
        let mut options = EmbedOptions::new(query, &models);
        if let Some(known) = models.get(&options.model).filter(|known| known.dimensions != rows.dims()) {
            if !known.shortens {
                return Err(refused(format!(
                    "{} dimensions, and {} in the rows",
                    known.dimensions,
                    rows.dims()
                )));
            }
            options = options.shortened_to(rows.dims());
        }
        options.expected_dims = Some(rows.dims());
        Ok(Box::new(self.server.embedder(options)?))
    }
}

/// The embedder on this machine that a name stands for, if it does: a file that embedlab embed wrote, a
/// folder with a model, or a model of Hugging Face that was downloaded before, or is now with `download`.
pub fn on_disk(
    name: &str,
    server: &Server,
    download: bool,
    output: Option<&Output>,
) -> Result<Option<Box<dyn Embedder>>> {
    if Path::new(name).is_file() {
        return Ok(Some(Box::new(Lsa::load(name)?)));
    }
    local(name, server, download, output)
}

#[cfg(feature = "local-models")]
fn local(
    name: &str,
    server: &Server,
    download: bool,
    output: Option<&Output>,
) -> Result<Option<Box<dyn Embedder>>> {
    let hub = Hub::default();
    let folder = if Path::new(name).is_dir() {
        PathBuf::from(name)
    } else if server.is_named() || server.known()?.get(name).is_some() {
        return Ok(None);
    } else if download {
        let _busy = output.map(|output| output.busy(format!("downloading {name}")));
        hub.fetch(name, &mut |_| {})?
    } else {
        match hub.kept(name).unwrap_or(None) {
            Some(folder) => folder,
            None => return Ok(None),
        }
    };
    Ok(Some(Box::new(LocalModel::open(folder)?)))
}

#[cfg(not(feature = "local-models"))]
fn local(name: &str, _: &Server, download: bool, _: Option<&Output>) -> Result<Option<Box<dyn Embedder>>> {
    if download || Path::new(name).is_dir() {
        return Err(Error::argument("this embedlab was built without local models")
            .seen(name)
            .advice("build it with the feature local-models"));
    }
    Ok(None)
}

/// The error for a name that stands for nothing.
pub fn unknown(models: &Models, name: &str) -> Error {
    if name.contains('/') {
        return Error::argument("no such model on this machine").seen(name).advice(
            "check the path; for a model of Hugging Face give --download to embedlab embed, for one of a server --base-url",
        );
    }
    models.unknown(name)
}

/// The embedder of this name: one on disk, or a server's model, which cuts what is too long for it.
pub fn by_name(name: &str, server: &Server, download: bool, output: &Output) -> Result<Box<dyn Embedder>> {
    if let Some(embedder) = on_disk(name, server, download, Some(output))? {
        return Ok(embedder);
    }
    let models = server.known()?;
    if models.get(name).is_none() && !server.is_named() {
        return Err(unknown(&models, name));
    }
    let options = EmbedOptions { long: LongTexts::Truncate, ..EmbedOptions::new(name, &models) };
    Ok(Box::new(server.embedder(options)?))
}

/// The model that embeds queries for rows of a model: itself, or the other of a pair.
pub fn for_queries<'a>(models: &'a Models, name: &'a str) -> &'a str {
    models.get(name).and_then(|model| model.query_model.as_deref()).unwrap_or(name)
}

/// Keeps the embedder of rows beside their file, and tells where; not beside a stream.
pub fn save_beside(lsa: &Lsa, file: &Path, output: &Output) -> Result<Option<String>> {
    if embedlab::output::is_stream(file) {
        output.note("the embedder is not kept: the rows go to a stream");
        return Ok(None);
    }
    let path = beside(file);
    lsa.save(&path)?;
    Ok(Some(path.display().to_string()))
}

/// Where the embedder of a file stands: `reviews.parquet` has `reviews.lsa.safetensors`.
pub fn beside(file: &Path) -> PathBuf {
    file.with_extension("lsa.safetensors")
}
