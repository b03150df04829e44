//! An installation of Messo in a temporary folder, driven through its command line.
//!
//! Guarantee: everything goes through the real program; what it starts is killed when the value is
//! dropped. The folder goes with it.

use crate::{messo_binary, process};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// One installation.
pub struct Installation {
    folder: TempDir,
    listen: u16,
    environment: Vec<(String, String)>,
}

/// A running `messo serve`, killed on drop.
pub struct Serving {
    child: Child,
    /// `http://127.0.0.1:port`
    pub url: String,
}

impl Installation {
    /// `messo init` with these options.
    pub fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let installation = Self { folder, listen: process::free_port(), environment: Vec::new() };
        let mut arguments = vec!["init", "--email", "segreteria@alfa.example.test"];
        arguments.extend(options);
        installation.ok(&arguments);
        installation
    }

    /// Sets a variable for every later command.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside the data folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("the file can be written");
        path
    }

    /// The program with this installation's folder and port.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(messo_binary());
        command.args(arguments).env("MESSO_DATA", self.data());
        command.env("MESSO_SERVER_LISTEN", format!("127.0.0.1:{}", self.listen));
        command.env("MESSO_SERVER_PUBLIC_URL", format!("http://127.0.0.1:{}", self.listen));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("messo can be started")
    }

    /// Runs a command that must succeed; its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "messo {arguments:?} failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("standard output is UTF-8")
    }

    /// Runs a command with `--json` (given by the caller) and reads the object, whatever its exit code.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "messo {arguments:?} gave no JSON ({error}):\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// `messo serve` with these options, ready to answer.
    pub fn serve(&self, options: &[&str]) -> Serving {
        self.serve_on(options, self.listen, "messo.log")
    }

    /// Another process of the same installation, on a port of its own.
    pub fn serve_on(&self, options: &[&str], port: u16, log: &str) -> Serving {
        let mut arguments = vec!["serve"];
        arguments.extend(options);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join(log))
            .expect("the log can be written");
        let child = self
            .command(&arguments)
            .env("MESSO_SERVER_LISTEN", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("messo can be started");
        Serving { child, url: format!("http://127.0.0.1:{port}") }
    }

    /// What a served process wrote to its log.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// The temporary folder around the data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Serving {
    /// Waits until it answers on its port.
    pub async fn ready(self) -> Self {
        let port = self.url.rsplit(':').next().and_then(|port| port.parse().ok());
        let port: u16 = port.expect("the address ends in a port");
        for _ in 0..200 {
            if process::answers(port) {
                return self;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("messo serve did not answer on port {port}");
    }

    /// SIGKILL: no warning, no cleaning up.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}
