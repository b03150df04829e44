//! A private Postfix that takes mail on loopback and delivers every domain to our Dovecot.
//!
//! Guarantee: nothing leaves the machine, whatever the domain: all domains are local here and there
//! is no DNS. Recipients beginning with `unknown` are refused while the client waits (550 5.1.1);
//! a mail for `later` is accepted and bounces afterwards. Limit: no TLS, no authentication.

use crate::dovecot::Dovecot;
use crate::process::{Process, answers, ask_root, free_port, give, new_folder, run, tail, write};
use crate::{Servers, Started};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: &str = "/usr/lib/postfix/sbin";

/// A running Postfix.
pub struct Postfix {
    process: Process,
    log: PathBuf,
    port: u16,
    dovecot: &'static Dovecot,
}

impl Postfix {
    /// Starts one, and the shared Dovecot that it delivers to.
    pub async fn start() -> Started<Self> {
        ask_root("Postfix")?;
        let dovecot = Servers::dovecot().await;
        let folder = new_folder("postfix")?;
        let config = folder.join("config");
        for name in ["config", "queue", "data"] {
            fs::create_dir(folder.join(name)).map_err(|error| format!("Postfix: {error}"))?;
        }
        give(&folder.join("data"), "postfix")?;
        let port = free_port();
        write(&config.join("main.cf"), &main_cf(&folder, dovecot.lmtp_port()))?;
        write(&config.join("master.cf"), &master_cf(port))?;
        write(&config.join("recipients"), "/^unknown/ 550 5.1.1 no such mailbox\n")?;
        write(&config.join("transport"), "/^later/ error:5.1.1 no such mailbox after all\n")?;
        // `check` makes the folders of the queue; then `master` itself, so that it is our child.
        run(Command::new("/usr/sbin/postfix").arg("-c").arg(&config).arg("check"))?;
        let mut command = Command::new(format!("{PROGRAMS}/master"));
        command.current_dir(&folder).env("MAIL_CONFIG", &config).arg("-c").arg(&config).arg("-s");
        let mut process = Process::start_leader("postfix", &folder, &mut command)?;
        let log = folder.join("mail.log");
        let started = process.until(async || answers(port)).await;
        started.map_err(|reason| format!("{reason}\n{}", tail(&log)))?;
        Ok(Self { process, log, port, dovecot })
    }

    /// `smtp://127.0.0.1:port`
    pub fn smtp_url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Loopback port of SMTP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The messages that arrived at an address ([`Dovecot::mailbox`]).
    pub async fn mailbox(&self, address: &str) -> Vec<Vec<u8>> {
        self.dovecot.mailbox(address).await
    }

    /// What Postfix logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_else(|_| self.process.log())
    }
}

fn main_cf(folder: &Path, lmtp_port: u16) -> String {
    let folder = folder.display();
    format!(
        "compatibility_level = 3.6
config_directory = {folder}/config
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C MESSO_TEST_RUN
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtpd_reject_unlisted_recipient = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/config/recipients, permit
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
transport_maps = regexp:{folder}/config/transport
default_transport = error:nothing leaves this machine
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:no local mail
message_size_limit = 52428800
mailbox_size_limit = 0
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
"
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}
