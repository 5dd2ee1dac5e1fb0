//! Which server makes vectors, with which key, and where they are kept.

use std::path::PathBuf;
use std::time::Duration;

use embedlab::embed::{
    ApiKey, Cache, Client, ClientOptions, EmbedOptions, Models, OPENAI, Remote, Waits, is_private,
};
use embedlab::text::is_like_a_key;
use embedlab::{Error, Result};

use super::Output;

const DEFAULT_KEY: &str = "OPENAI_API_KEY";

/// A server of embeddings, its key, and the cache.
#[derive(clap::Args, Clone)]
pub struct Server {
    /// Base URL of a server with the OpenAI API (Azure, Ollama, llama.cpp, vLLM, text-embeddings-inference) [default: OpenAI]
    #[arg(
        long,
        help_heading = "Server",
        value_name = "URL",
        env = "OPENAI_BASE_URL",
        hide_env_values = true
    )]
    base_url: Option<String>,
    /// Environment variable that holds the key [default: OPENAI_API_KEY]
    #[arg(long, hide_short_help = true, help_heading = "Server", value_name = "NAME")]
    key_env: Option<String>,
    /// Send the key in a header `api-key`, as Azure wants it [default: only to hosts of Azure]
    #[arg(long, hide_short_help = true, help_heading = "Server")]
    api_key_header: bool,
    /// A JSON file with more models, as `embedlab embed models --json` prints them
    #[arg(long, hide_short_help = true, help_heading = "Server", value_name = "FILE")]
    models: Option<PathBuf>,
    /// Folder of the cache of paid embeddings [default: embedlab in the user's cache folder]
    #[arg(
        long,
        help_heading = "Server",
        value_name = "DIR",
        env = "EMBEDLAB_CACHE_DIR",
        hide_env_values = true
    )]
    cache_dir: Option<PathBuf>,
    /// Do not read or write the cache
    #[arg(long, hide_short_help = true, help_heading = "Server", conflicts_with = "cache_dir")]
    no_cache: bool,
}

/// How fast a server may be asked, and how often again.
#[derive(clap::Args, Clone)]
pub struct Pace {
    /// Maximum texts per request [default: 2048 for OpenAI and Azure, 64 for other servers]
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "N")]
    batch_size: Option<usize>,
    /// Maximum tokens per request
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "N", default_value_t = 300_000)]
    batch_tokens: usize,
    /// Maximum concurrent requests
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "N", default_value_t = 4)]
    concurrency: usize,
    /// Maximum requests per minute, failed ones included [default: no limit]
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "N")]
    requests_per_minute: Option<f64>,
    /// Maximum tokens per minute [default: no limit]
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "N")]
    tokens_per_minute: Option<f64>,
    /// Maximum attempts on transient errors (429, 5xx, timeouts)
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "N", default_value_t = 6)]
    attempts: usize,
    /// Minimum wait between attempts
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    shortest_wait: Duration,
    /// Maximum wait between attempts, unless the server asks for more
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    longest_wait: Duration,
    /// Pause after a rate-limit response (429)
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pause: Duration,
    /// Timeout of a request
    #[arg(long, hide_short_help = true, help_heading = "Pace", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .filter(|duration| duration.as_secs() <= 86_400)
        .ok_or_else(|| format!("`{text}` is not a number of seconds"))
}

impl Server {
    /// The models that are known, with the user's.
    pub fn known(&self) -> Result<Models> {
        let mut models = Models::default();
        if let Some(path) = &self.models {
            models.add_file(path)?;
        }
        Ok(models)
    }

    /// Whether the user named a server, which may have models of any name.
    pub fn is_named(&self) -> bool {
        self.base_url.is_some()
    }

    fn address(&self) -> &str {
        self.base_url.as_deref().unwrap_or(OPENAI)
    }

    /// The key, where there is one that may go to this server.
    fn key(&self) -> Result<Option<ApiKey>> {
        let variable = self.key_env.as_deref().unwrap_or(DEFAULT_KEY);
        if is_like_a_key(variable) {
            // It may be the key itself: it is not repeated.
            return Err(Error::argument("--key-env is given something that is not the name of a variable")
                .advice(
                    "put the key into an environment variable, such as OPENAI_API_KEY, and name the variable",
                ));
        }
        let key = ApiKey::from_env(variable)?;
        if key.is_none() && (self.key_env.is_some() || self.address().starts_with(OPENAI)) {
            return Err(Error::argument("no key for the server")
                .seen(format!("{variable} is not set"))
                .advice(format!(
                    "set {variable} to the key, name another variable with --key-env, \
                     or use a model that needs none: --model lsa"
                )));
        }
        // Where it could be overheard, only a key that was named for this server.
        let may = self.key_env.is_some() || is_private(self.address())?;
        Ok(key.filter(|_| may))
    }

    /// A client for the server; nothing is sent.
    pub fn client(&self, pace: Option<&Pace>, seed: u64, output: Option<&Output>) -> Result<Client> {
        is_private(self.address())?;
        let mut options = ClientOptions {
            base_url: self.address().to_owned(),
            key: self.key()?,
            api_key_header: self.api_key_header.then_some(true),
            seed,
            ..Default::default()
        };
        options.on_wait = output.map(Output::waits);
        if let Some(pace) = pace {
            options.requests_per_minute = pace.requests_per_minute;
            options.tokens_per_minute = pace.tokens_per_minute;
            options.waits = Waits {
                attempts: pace.attempts.max(1),
                shortest: pace.shortest_wait,
                longest: pace.longest_wait.max(pace.shortest_wait),
                pause: pace.pause,
                timeout: pace.timeout,
                ..Waits::default()
            };
        }
        Client::new(options)
    }

    /// Sets what the pace says about batches.
    pub fn batches(&self, pace: &Pace, options: &mut EmbedOptions) {
        let most =
            if self.address().starts_with(OPENAI) || self.address().contains(".azure.") { 2048 } else { 64 };
        options.batch_size = pace.batch_size.unwrap_or(most);
        options.batch_tokens = pace.batch_tokens;
        options.concurrency = pace.concurrency;
    }

    fn cache_folder(&self) -> Result<Option<PathBuf>> {
        if self.no_cache {
            return Ok(None);
        }
        let folder = self.cache_dir.clone().or_else(Cache::default_folder);
        folder.map(Some).ok_or_else(|| {
            Error::argument("no folder for the cache is known on this system")
                .advice("name one with --cache-dir, or give --no-cache")
        })
    }

    /// The cache of a model, made where it does not exist.
    pub fn cache(&self, model: &str) -> Result<Option<Cache>> {
        self.cache_folder()?.map(|folder| Cache::open(&folder, self.address(), model)).transpose()
    }

    /// The cache of a model where there is one.
    pub fn existing_cache(&self, model: &str) -> Result<Option<Cache>> {
        let folder = self.cache_folder()?;
        let exists =
            folder.as_ref().is_some_and(|folder| Cache::file(folder, self.address(), model).exists());
        if exists { self.cache(model) } else { Ok(None) }
    }

    /// A model of the server for a few texts, such as a query. A cache that another process uses is gone
    /// without.
    pub fn embedder(&self, options: EmbedOptions) -> Result<Remote> {
        let cache = self.cache(&options.model).unwrap_or(None);
        Ok(Remote::new(self.client(None, 42, None)?, options, cache))
    }
}
