//! One server process in its own process group, with its log, its free ports and its readiness.
//!
//! Guarantee: a process that does not become ready in time, or ends before, is reported with the
//! tail of its log. Limit: a free port is free when it is chosen; nobody holds it until the server
//! takes it.

use crate::{Started, warden};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long any server may take to start; RabbitMQ on a busy machine needs most of it.
const START_LIMIT: Duration = Duration::from_secs(120);
const LOG_TAIL_LINES: usize = 30;

/// A running server process; killed when dropped.
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program in a process group of its own, its output in `<folder>/<name>.log`.
    pub fn start(name: &'static str, folder: &Path, command: &mut Command) -> Started<Self> {
        Self::start_leader(name, folder, command.process_group(0))
    }

    /// Like [`Process::start`], for a program that makes its own session and refuses to start when
    /// it already leads a group.
    pub fn start_leader(name: &'static str, folder: &Path, command: &mut Command) -> Started<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log);
        let output = output.map_err(|error| format!("{name}: no log file: {error}"))?;
        let errors = output.try_clone().map_err(|error| format!("{name}: {error}"))?;
        let child =
            command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().map_err(
                |error| format!("{name} cannot be started: {error}; ops/test installs it"),
            )?;
        warden::guard(child.id());
        Ok(Self { name, child, log })
    }

    /// Waits until `ready` says so.
    pub async fn until(&mut self, ready: impl AsyncFn() -> bool) -> Started<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(&format!("ended at once ({status})")));
            }
            if ready().await {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failure("was not ready in time"));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A sentence about this server, with the tail of its log.
    pub fn failure(&self, what: &str) -> String {
        format!("{} {what}; the end of its log:\n{}", self.name, tail(&self.log))
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Kills the process and its children with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let group = format!("-{}", self.child.id());
            let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
            let _ = self.child.wait();
        }
        warden::forget(self.child.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a short command to its end; its output, or a sentence about what it said.
pub fn run(command: &mut Command) -> Started<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} cannot be started: {error}; ops/test installs it"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed ({}): {said}", output.status))
}

/// A new folder `<name>` in the temporary folder of this process, or `<name>-2`, … for another.
pub fn new_folder(name: &str) -> Started<PathBuf> {
    for number in 1..1_000 {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let folder = warden::folder().join(format!("{name}{suffix}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{name}: no folder: {error}")),
        }
    }
    Err(format!("{name}: too many folders"))
}

/// Writes a configuration file.
pub fn write(path: &Path, text: &str) -> Started<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// A loopback port in the ephemeral range that nobody listens on and that was not given before.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        if given.insert(port) {
            return port;
        }
    }
}

/// Whether somebody listens there.
pub fn answers(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// A sentence for a server that only root may start.
pub fn ask_root(name: &str) -> Started<()> {
    if is_root() {
        Ok(())
    } else {
        Err(format!("{name} must be started by root: use ops/test full"))
    }
}

/// Gives a file or folder to a user of this machine.
pub fn give(path: &Path, user: &str) -> Started<()> {
    let passwd = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let fields = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&user))
        .ok_or_else(|| format!("there is no user {user}; ops/test installs its package"))?;
    let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u32>().ok());
    chown(path, number(2), number(3)).map_err(|error| format!("{}: {error}", path.display()))
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}
