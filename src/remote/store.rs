//! Stores, opened with what the environment says and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::{BackoffConfig, ClientConfigKey, ObjectMeta, ObjectStore, RetryConfig};

use super::failure::Failure;
use crate::address::{Address, Store};

/// Files that are listed at most.
const MOST_LISTED: usize = 1_000_000;

/// How long is waited, and how often tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The longest time without a byte of an answer.
    pub timeout: Duration,
}

impl Limits {
    /// 30 s, or what `EMBEDLAB_REMOTE_TIMEOUT` says in seconds.
    pub fn from_environment() -> Limits {
        let seconds = std::env::var("EMBEDLAB_REMOTE_TIMEOUT").ok().and_then(|text| text.parse::<f64>().ok());
        let seconds = seconds.filter(|seconds| (0.01..=3600.0).contains(seconds)).unwrap_or(30.0);
        Limits { timeout: Duration::from_secs_f64(seconds) }
    }

    /// For a connection.
    pub fn connect(self) -> Duration {
        self.timeout.min(Duration::from_secs(10))
    }

    /// For a whole answer.
    pub fn whole(self) -> Duration {
        self.timeout * 20
    }

    /// Attempts after the first.
    pub fn retries(self) -> usize {
        5
    }

    /// After so long a failure is final.
    pub fn retrying(self) -> Duration {
        self.timeout * 3
    }
}

/// A store that is open.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub store: Arc<dyn ObjectStore>,
    /// Whether requests carry credentials.
    pub signed: bool,
}

/// Opens the store of an address. Where the environment holds no credentials, requests carry none.
///
/// # Errors
/// When the environment says something that cannot be used.
pub(super) fn open(address: &Address, limits: Limits) -> Result<Opened, Failure> {
    // The client panics without a provider; a second installation is refused and does no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match address.store {
        Store::S3 => s3(address, limits),
        Store::Google => google(address, limits),
        Store::Azure => azure(address, limits),
        Store::Web => Err(Failure::Settings("a web server is no store".to_owned())),
    }
}

fn s3(address: &Address, limits: Limits) -> Result<Opened, Failure> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&address.bucket).with_retry(retry(limits));
    for (key, value) in client(limits) {
        builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
    }
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
        .iter()
        .find_map(|key| builder.get_config_value(key));
    if let Some(host) = endpoint.as_deref().and_then(|endpoint| endpoint.strip_prefix("http://")) {
        let host = host.split(['/', ':']).next().unwrap_or_default();
        if is_loopback(host) || endpoint.as_deref().is_some_and(|text| text.starts_with("http://[::1]")) {
            builder = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp), "true");
        } else if !is_true("AWS_ALLOW_HTTP") {
            return Err(Failure::Settings(
                "an endpoint with http:// sends what it reads in the open; AWS_ALLOW_HTTP=true allows it"
                    .to_owned(),
            ));
        }
        // The system's certificates are not needed, and their absence would be an error.
        builder =
            builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::NoSystemCertificates), "true");
    }
    let signed = !is_true("AWS_SKIP_SIGNATURE")
        && is_set(&[
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_METADATA_ENDPOINT",
        ]);
    if !signed {
        builder = builder.with_skip_signature(true);
    }
    Ok(Opened { store: Arc::new(builder.build().map_err(settings)?), signed })
}

fn google(address: &Address, limits: Limits) -> Result<Opened, Failure> {
    let mut builder =
        GoogleCloudStorageBuilder::from_env().with_bucket_name(&address.bucket).with_retry(retry(limits));
    for (key, value) in client(limits) {
        builder = builder.with_config(GoogleConfigKey::Client(key), value);
    }
    let signed = !is_true("GOOGLE_SKIP_SIGNATURE")
        && is_set(&[
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_PATH",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            "GOOGLE_BEARER_TOKEN",
        ]);
    if !signed {
        builder = builder.with_skip_signature(true);
    }
    Ok(Opened { store: Arc::new(builder.build().map_err(settings)?), signed })
}

fn azure(address: &Address, limits: Limits) -> Result<Opened, Failure> {
    let mut builder = MicrosoftAzureBuilder::from_env().with_url(&address.root).with_retry(retry(limits));
    for (key, value) in client(limits) {
        builder = builder.with_config(AzureConfigKey::Client(key), value);
    }
    let signed = !is_true("AZURE_SKIP_SIGNATURE")
        && is_set(&[
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_ACCESS_KEY",
            "AZURE_STORAGE_MASTER_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_STORAGE_TOKEN",
            "AZURE_STORAGE_CLIENT_ID",
            "AZURE_CLIENT_ID",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_CREDENTIAL_TYPE",
            "AZURE_MSI_ENDPOINT",
            "IDENTITY_ENDPOINT",
            "AZURE_USE_AZURE_CLI",
            "AZURE_STORAGE_USE_EMULATOR",
        ]);
    if !signed {
        builder = builder.with_skip_signature(true);
    }
    Ok(Opened { store: Arc::new(builder.build().map_err(settings)?), signed })
}

/// What the store holds below a folder; `""` is the whole bucket.
pub(super) async fn list(store: Arc<dyn ObjectStore>, folder: String) -> Result<Vec<ObjectMeta>, Failure> {
    let folder = ObjectPath::parse(folder).map_err(|_| Failure::Other("no name of a folder".to_owned()))?;
    let mut listed = store.list((!folder.is_root()).then_some(&folder));
    let mut all = Vec::new();
    while let Some(object) = listed.try_next().await.map_err(|error| Failure::of_store(&error))? {
        if all.len() == MOST_LISTED {
            return Err(Failure::Other(format!("more than {MOST_LISTED} files below this address")));
        }
        // Consoles keep a folder as an object without bytes.
        if object.size > 0 {
            all.push(object);
        }
    }
    Ok(all)
}

/// The host of this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn client(limits: Limits) -> [(ClientConfigKey, String); 3] {
    let seconds = |wait: Duration| format!("{} ms", wait.as_millis());
    [
        (ClientConfigKey::ConnectTimeout, seconds(limits.connect())),
        (ClientConfigKey::ReadTimeout, seconds(limits.timeout)),
        (ClientConfigKey::Timeout, seconds(limits.whole())),
    ]
}

fn retry(limits: Limits) -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(10),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: limits.retries(), retry_timeout: limits.retrying() }
}

fn settings(error: object_store::Error) -> Failure {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Failure::Settings(cause.to_string())
}

fn is_set(names: &[&str]) -> bool {
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn is_true(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| ["1", "true", "yes"].contains(&value.to_lowercase().as_str()))
}
