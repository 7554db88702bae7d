//! The running server, and what has to be installed for it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

pub(crate) const KEY: &str = "sk-peer-key-0123456789";

/// The running server. Stopped when it is dropped.
pub(crate) struct Peer {
    child: Child,
    pub(crate) root: String,
}

impl Peer {
    /// Starts the server with its usual fixtures and these.
    pub(crate) async fn start(more: &Value) -> Self {
        let folder = folder("peer");
        install("install.sh", &folder).await;
        let file = NamedTempFile::with_suffix(".json").unwrap();
        std::fs::write(file.path(), more.to_string()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let child = Command::new("node")
            .arg(folder.join("node_modules/@copilotkit/aimock/dist/cli.js"))
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--strict", "--chunk-size", "3"])
            .args(["--validate-on-load", "--log-level", "silent"])
            .arg("--fixtures")
            .arg(source().join("fixtures.json"))
            .arg("--fixtures")
            .arg(file.path())
            .env("AIMOCK_API_KEYS", KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node has to be installed");
        let mut peer = Self { child, root: format!("http://127.0.0.1:{port}") };
        peer.wait(port).await;
        peer
    }

    /// Waits until the port answers; at most 20 s.
    async fn wait(&mut self, port: u16) {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the peer ended with {status} before it answered");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the peer did not answer within 20 s");
    }

    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }
}

pub(crate) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer")
}

/// Returns the folder of something that is installed.
pub(crate) fn folder(name: &str) -> PathBuf {
    match std::env::var_os("VDO_PEER_DIR").map(PathBuf::from) {
        Some(folder) if name == "peer" => folder,
        Some(folder) => folder.join(name),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
    }
}

/// Runs a script that installs something into `folder`. Tests that run at once wait for each other.
pub(crate) async fn install(script: &str, folder: &Path) {
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    tokio::task::block_in_place(|| lock.lock().unwrap());
    let script = source().join(script);
    let run = Command::new("sh").arg(&script).arg(folder).stdin(Stdio::null()).output();
    let output = tokio::time::timeout(Duration::from_secs(300), run).await;
    let advice = format!(
        "run `sh {} {}` where its registry can be reached, then the test again; VDO_PEER_DIR names another folder",
        script.display(),
        folder.display(),
    );
    match output {
        Ok(Ok(output)) if output.status.success() => {}
        Ok(Ok(output)) => {
            panic!("the peer cannot be installed: {}\n{advice}", String::from_utf8_lossy(&output.stderr))
        }
        Ok(Err(error)) => panic!("the peer cannot be installed: {error}\n{advice}"),
        Err(_) => panic!("the peer cannot be installed within 300 s\n{advice}"),
    }
}
