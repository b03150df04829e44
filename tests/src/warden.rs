//! The warden: a shell that outlives the test process by a moment, to stop its servers.
//!
//! Guarantee: when the test process ends (done, panicked, aborted, killed), the pipe to the warden
//! closes; it interrupts every process group it was told of, kills what is still there after three
//! seconds, and removes the folder. Limit: a process that leaves its group escapes; of ours only
//! Erlang's small servants do, which end with their master, and `ops/test` looks.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=
while read -r verb group; do
  case $verb in
    guard) groups="$groups $group" ;;
    forget)
      rest=
      for one in $groups; do [ "$one" = "$group" ] || rest="$rest $one"; done
      groups=$rest ;;
  esac
done
alive() { for one in $groups; do kill -s 0 -- "-$one" 2>/dev/null && return 0; done; return 1; }
for one in $groups; do kill -s INT -- "-$one" 2>/dev/null; done
tries=0
while alive && [ $tries -lt 30 ]; do sleep 0.1; tries=$((tries + 1)); done
for one in $groups; do kill -s KILL -- "-$one" 2>/dev/null; done
cd / && rm -rf "$0"
"#;

struct Warden {
    folder: PathBuf,
    orders: Mutex<ChildStdin>,
    /// Outlives us, so nobody waits for it.
    _shell: Child,
}

fn warden() -> &'static Warden {
    static WARDEN: OnceLock<Warden> = OnceLock::new();
    WARDEN.get_or_init(|| {
        let folder = tempfile::Builder::new()
            .prefix("messo-stories-")
            .tempdir()
            .expect("a temporary folder can be made")
            .keep();
        // The servers run as several users.
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755))
            .expect("our own folder can be opened up");
        let mut shell = Command::new("/bin/sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("/bin/sh starts");
        let orders = Mutex::new(shell.stdin.take().expect("the pipe that was asked for"));
        Warden { folder, orders, _shell: shell }
    })
}

/// The temporary folder of this test process; removed when it ends.
pub fn folder() -> &'static Path {
    &warden().folder
}

/// Has the process group stopped when this process ends.
pub(crate) fn guard(group: u32) {
    order("guard", group);
}

/// The group has ended; its number may become somebody else's.
pub(crate) fn forget(group: u32) {
    order("forget", group);
}

fn order(verb: &str, group: u32) {
    let mut orders = warden().orders.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    writeln!(orders, "{verb} {group}").expect("the warden listens");
}
