//! A private PostgreSQL.
//!
//! Guarantee: every [`Postgres::database`] is new and empty. Limit: it runs without fsync; it proves
//! SQL and concurrency, not what survives a power cut.

use crate::Started;
use crate::process::{Process, answers, free_port, give, is_root, new_folder, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A running PostgreSQL.
pub struct Postgres {
    _process: Process,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts one.
    pub async fn start() -> Started<Self> {
        let programs = programs()?;
        let folder = new_folder("postgres")?;
        if is_root() {
            give(&folder, "postgres")?;
        }
        let data = folder.join("data");
        run(unprivileged(&programs.join("initdb"))
            .current_dir(&folder)
            .arg("-D")
            .arg(&data)
            .args([
                "--username=messo",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]))?;
        let port = free_port();
        let mut command = unprivileged(&programs.join("postgres"));
        command.current_dir(&folder).arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("unix_socket_directories={}", folder.display()),
            "fsync=off",
            "max_connections=200",
        ] {
            command.args(["-c", setting]);
        }
        let mut process = Process::start("postgres", &folder, &mut command)?;
        process.until(async || answers(port) && ready(&programs, port)).await?;
        Ok(Self { _process: process, programs, port })
    }

    /// The URL of a new, empty database.
    pub async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("story_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-U", "messo", "-T", "template0", &name];
        run(Command::new(self.programs.join("createdb")).args(arguments))
            .unwrap_or_else(|reason| panic!("{reason}"));
        format!("postgres://messo@127.0.0.1:{port}/{name}")
    }
}

fn ready(programs: &Path, port: u16) -> bool {
    let arguments = ["-q", "-h", "127.0.0.1", "-p", &port.to_string()];
    run(Command::new(programs.join("pg_isready")).args(arguments)).is_ok()
}

/// Debian keeps the server's programs in a folder per version; the newest serves.
fn programs() -> Started<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs.join("initdb").exists().then_some((version, programs))
        })
        .max()
        .map(|(_, programs)| programs)
        .ok_or_else(|| "PostgreSQL is not installed; ops/test installs it".into())
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}
