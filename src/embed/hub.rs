//! Model folders from a hub by their name: downloaded when that is asked for, and kept.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use tempfile::NamedTempFile;

use super::Cache;
use super::client::connection;
use crate::error::{Error, Result, excerpt};

/// The files of a model's folder: name, whether a model can be without it, and the most bytes it may have.
/// The weights come last: a folder that has them has whatever comes before them.
const FILES: [(&str, bool, u64); 9] = [
    ("config.json", false, 4 << 20),
    ("modules.json", true, 4 << 20),
    ("1_Pooling/config.json", true, 4 << 20),
    ("sentence_bert_config.json", true, 4 << 20),
    ("config_sentence_transformers.json", true, 4 << 20),
    ("tokenizer_config.json", true, 4 << 20),
    ("tokenizer.json", true, 128 << 20),
    ("vocab.txt", true, 128 << 20),
    (WEIGHTS, false, 16 << 30),
];
const WEIGHTS: &str = "model.safetensors";

/// A server of models in the manner of Hugging Face, and the folder where its models are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// The server's address. Default: that in `HF_ENDPOINT`, else `https://huggingface.co`.
    pub endpoint: String,
    /// The folder that keeps models. Default: `embedlab/models` in the user's cache folder.
    pub cache: PathBuf,
    /// A branch, tag or commit. Default: `main`.
    pub revision: String,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubProgress<'a> {
    /// The file that is being fetched.
    pub file: &'a str,
    /// Bytes that have come.
    pub bytes: u64,
    /// Bytes in all, where the server says so.
    pub total: Option<u64>,
}

impl Default for Hub {
    fn default() -> Self {
        let said = std::env::var("HF_ENDPOINT").ok().filter(|value| !value.is_empty());
        let folder = Cache::default_folder().unwrap_or_else(|| std::env::temp_dir().join("embedlab"));
        Hub {
            endpoint: said.unwrap_or_else(|| "https://huggingface.co".to_owned()),
            cache: folder.join("models"),
            revision: "main".to_owned(),
        }
    }
}

impl Hub {
    /// The folder of a model that was downloaded before. One whose files are not what their names say, such as
    /// the page of a hotel's network, counts as not downloaded.
    ///
    /// # Errors
    /// A name that is not `owner/model` or `model`.
    pub fn kept(&self, name: &str) -> Result<Option<PathBuf>> {
        let folder = self.folder(name)?;
        Ok(is_whole(&folder).then_some(folder))
    }

    /// The folder of a model by its name, such as `sentence-transformers/all-MiniLM-L6-v2`; what is not
    /// kept yet is downloaded. Files appear whole or not at all, so that a download that was broken off
    /// goes on with the next file. Only the files of a model folder are asked for, and no program is.
    ///
    /// # Errors
    /// A name that is not one, no such model, a server that cannot be reached or does not answer as a hub,
    /// a file that is longer than it can be, and any failure of the file system.
    pub fn fetch(&self, name: &str, progress: &mut (dyn FnMut(HubProgress<'_>) + Send)) -> Result<PathBuf> {
        let folder = self.folder(name)?;
        if is_whole(&folder) {
            return Ok(folder);
        }
        if !(self.endpoint.starts_with("https://") || self.endpoint.starts_with("http://")) {
            return Err(Error::argument("an address without a scheme")
                .seen(excerpt(&self.endpoint))
                .advice("write https://HOST in HF_ENDPOINT"));
        }
        // On a thread of its own: the caller may be inside another runtime.
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| Error::io("cannot start a download", error))?;
                runtime.block_on(self.fetch_files(name, &folder, progress))
            });
            work.join().unwrap_or_else(|_| Err(Error::input("the download broke off").seen(name)))
        })?;
        Ok(folder)
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let good = |part: &str| {
            !part.is_empty()
                && part.len() <= 96
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let parts: Vec<&str> = name.split('/').collect();
        if parts.len() > 2 || !parts.iter().all(|part| good(part)) || !good(&self.revision) {
            return Err(Error::argument("not the name of a model").seen(excerpt(name)).advice(
                "write owner/model, such as sentence-transformers/all-MiniLM-L6-v2, or give a folder",
            ));
        }
        let mut folder = self.cache.clone();
        if self.revision != "main" {
            folder.push(format!("@{}", self.revision));
        }
        folder.extend(parts);
        Ok(folder)
    }

    async fn fetch_files(
        &self,
        name: &str,
        folder: &Path,
        progress: &mut (dyn FnMut(HubProgress<'_>) + Send),
    ) -> Result<()> {
        let client = connection()
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| Error::input("cannot start a download").seen(chain(&error)))?;
        for (file, optional, most) in FILES {
            let path = folder.join(file);
            if path.is_file() && content_fits(file, &path).is_ok() {
                continue;
            }
            let address =
                format!("{}/{name}/resolve/{}/{file}", self.endpoint.trim_end_matches('/'), self.revision);
            let failed = |error: reqwest::Error| {
                Error::input("cannot fetch a file of the model")
                    .seen(format!("{address}: {}", chain(&error)))
                    .advice("check the connection, or give the model's folder instead of its name")
            };
            let answer = client.get(&address).send().await.map_err(failed)?;
            match answer.status() {
                StatusCode::OK => {
                    let mut progress = |bytes, total| progress(HubProgress { file, bytes, total });
                    save(answer, file, &path, most, &mut progress).await.map_err(|error| error.file(&path))?
                }
                StatusCode::NOT_FOUND if optional => {}
                StatusCode::NOT_FOUND if file == WEIGHTS => {
                    return Err(Error::input("the model has no model.safetensors")
                        .seen(&address)
                        .advice("take a model that has one, or save it so with its own library"));
                }
                StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    return Err(Error::input("no such model, or not a public one")
                        .seen(format!("{address}: {}", answer.status()))
                        .advice("check the name; a private model can be given as a folder"));
                }
                other => {
                    return Err(Error::input("the server did not give a file of the model")
                        .seen(format!("{address}: {other}"))
                        .advice("try again later, or give the model's folder instead of its name"));
                }
            }
        }
        Ok(())
    }
}

/// Whether all files of a model's folder that are there are what their names say, and the weights are there.
fn is_whole(folder: &Path) -> bool {
    folder.join(WEIGHTS).is_file()
        && FILES.iter().all(|(file, optional, _)| {
            let path = folder.join(file);
            if path.is_file() { content_fits(file, &path).is_ok() } else { *optional }
        })
}

/// Bytes of weights' header at most.
const MOST_HEADER: u64 = 100 << 20;

/// Whether a file is what its name says; if not, what it is.
fn content_fits(name: &str, path: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if name == WEIGHTS {
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| format!("{bytes} bytes, no safetensors file"))?;
        let header = u64::from_le_bytes(length);
        if header > bytes.saturating_sub(8).min(MOST_HEADER) {
            return Err("no safetensors file: its header is longer than the file".to_owned());
        }
        let mut text = Vec::new();
        file.take(header).read_to_end(&mut text).map_err(failed)?;
        return is_object(&text);
    }
    let mut text = Vec::new();
    file.take(128 << 20).read_to_end(&mut text).map_err(failed)?;
    if name == "modules.json" {
        let list = serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(&text);
        return list.map(drop).map_err(|error| not_json(&text, &error));
    }
    if name.ends_with(".json") {
        return is_object(&text);
    }
    if is_page(&text) { Err("a web page".to_owned()) } else { Ok(()) }
}

fn is_object(text: &[u8]) -> Result<(), String> {
    let object = serde_json::from_slice::<std::collections::HashMap<String, serde::de::IgnoredAny>>(text);
    object.map(drop).map_err(|error| not_json(text, &error))
}

fn not_json(text: &[u8], error: &serde_json::Error) -> String {
    if is_page(text) { "a web page".to_owned() } else { format!("no JSON of this kind: {error}") }
}

fn is_page(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"<")
}

/// Writes an answer's body to a file beside its place and moves it there when it is whole.
async fn save(
    mut answer: Response,
    name: &str,
    path: &Path,
    most: u64,
    progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
) -> Result<()> {
    let io = |what: &'static str| move |error: std::io::Error| Error::io(what, error).file(path);
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(io("cannot make the folder for"))?;
    let mut file = NamedTempFile::new_in(folder).map_err(io("cannot write"))?;
    let (mut bytes, total) = (0, answer.content_length());
    let too_long = |bytes: u64| {
        Error::input("a file too large for its format")
            .file(path)
            .seen(format!("{bytes} bytes or more, where {most} are the most"))
    };
    if let Some(total) = total.filter(|total| *total > most) {
        return Err(too_long(total));
    }
    progress(0, total);
    while let Some(part) = answer.chunk().await.map_err(|error| {
        Error::input("the download broke off")
            .file(path)
            .seen(chain(&error))
            .advice("ask again; what came whole is kept")
    })? {
        bytes += part.len() as u64;
        if bytes > most {
            return Err(too_long(bytes));
        }
        file.write_all(&part).map_err(io("cannot write"))?;
        progress(bytes, total);
    }
    content_fits(name, file.path()).map_err(|seen| {
        Error::input("the server answered with something else than the file").seen(seen).advice(
            "nothing of it is kept; check the connection (a login page?) and HF_ENDPOINT, and ask again",
        )
    })?;
    file.as_file().sync_all().map_err(io("cannot write"))?;
    file.persist(path).map_err(|error| Error::io("cannot write", error.error).file(path))?;
    Ok(())
}

/// An error and what it comes from: reqwest's own text leaves the reason out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    said
}
