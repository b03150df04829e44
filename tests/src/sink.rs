//! `smtp-sink` of Postfix: takes every mail and throws it away.
//!
//! Guarantee: it answers as fast as it can. Limit: it counts nothing and keeps nothing.

use crate::Started;
use crate::process::{Process, answers, free_port, new_folder};
use std::process::Command;

/// A running sink.
pub struct Sink {
    _process: Process,
    port: u16,
}

impl Sink {
    /// Starts one.
    pub async fn start() -> Started<Self> {
        let folder = new_folder("sink")?;
        let port = free_port();
        let mut command = Command::new("/usr/sbin/smtp-sink");
        command.current_dir(&folder);
        if crate::process::is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg(format!("127.0.0.1:{port}")).arg("200");
        let mut process = Process::start("smtp-sink", &folder, &mut command)?;
        process.until(async || answers(port)).await?;
        Ok(Self { _process: process, port })
    }

    /// `smtp://127.0.0.1:port`
    pub fn smtp_url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Loopback port of SMTP.
    pub fn port(&self) -> u16 {
        self.port
    }
}
