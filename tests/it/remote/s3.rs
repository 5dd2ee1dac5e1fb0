//! A real S3 server on loopback, over a folder; it checks signatures.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub const KEY: &str = "AKIDLOOPBACK";
pub const SECRET: &str = "not-a-secret-of-anyone";

/// The bucket that is there.
pub const BUCKET: &str = "reviews";

pub struct S3 {
    pub url: String,
    root: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl S3 {
    pub fn start() -> S3 {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let (stop, mut stopped) = oneshot::channel();
        let (tell, told) = channel::<SocketAddr>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let stream = tokio::select! {
                        accepted = listener.accept() => accepted.unwrap().0,
                        _ = &mut stopped => return,
                    };
                    let service = service.clone();
                    tokio::spawn(async move {
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
        });
        let url = format!("http://{}", told.recv().unwrap());
        S3 { url, root, stop: Some(stop), thread: Some(thread) }
    }

    /// Where an object is kept.
    pub fn file(&self, key: &str) -> PathBuf {
        let path = self.root.path().join(BUCKET).join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// Puts an object into the bucket, and gives its address.
    pub fn put(&self, key: &str, bytes: &[u8]) -> String {
        std::fs::write(self.file(key), bytes).unwrap();
        address(key)
    }
}

pub fn address(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}
