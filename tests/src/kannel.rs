//! A private Kannel (bearerbox and smsbox) with its fake SMS centre, whose far end we hold.
//!
//! Guarantee: the story sees each message as the SMS centre got it, and can send one in as a phone
//! would. Limit: the fake SMS centre takes every message for delivered and has no numbers that fail;
//! what it shows is Kannel's own line format, `sender receiver type data`, with `data`
//! percent-encoded when it is not plain ASCII.

use crate::Started;
use crate::process::{Process, answers, free_port, new_folder, write};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The user of the sendsms interface.
pub const USER: &str = "messo";
/// The password of the sendsms interface.
pub const PASSWORD: &str = "segreta";
const LIMIT: Duration = Duration::from_secs(30);

/// A running Kannel. Each story starts its own; it takes a second or two.
pub struct Kannel {
    _bearerbox: Process,
    _smsbox: Process,
    admin_port: u16,
    sendsms_port: u16,
    phone: Mutex<TcpStream>,
    received: Lines,
}

/// What the fake SMS centre was sent.
type Lines = Arc<Mutex<Vec<String>>>;

/// The loopback ports of one Kannel.
struct Ports {
    admin: u16,
    smsbox: u16,
    sendsms: u16,
    centre: u16,
}

impl Kannel {
    /// Starts one. `inbound_url` is called for every message that comes in, with Kannel's escapes
    /// in it, such as `http://127.0.0.1:1/in?from=%p&to=%P&text=%b&id=%I` (user's guide, "get-url").
    pub async fn start(inbound_url: &str) -> Started<Self> {
        let folder = new_folder("kannel")?;
        let ports = Ports {
            admin: free_port(),
            smsbox: free_port(),
            sendsms: free_port(),
            centre: free_port(),
        };
        let file = folder.join("kannel.conf");
        write(&file, &configuration(&folder, &ports, inbound_url))?;
        let mut bearerbox = start("bearerbox", &folder, &file)?;
        bearerbox.until(async || answers(ports.smsbox) && answers(ports.admin)).await?;
        let mut smsbox = start("smsbox", &folder, &file)?;
        smsbox.until(async || answers(ports.sendsms)).await?;
        let (phone, received) = pick_up(ports.centre).map_err(|why| bearerbox.failure(&why))?;
        let kannel = Self {
            _bearerbox: bearerbox,
            _smsbox: smsbox,
            admin_port: ports.admin,
            sendsms_port: ports.sendsms,
            phone: Mutex::new(phone),
            received,
        };
        kannel.until_online().await?;
        Ok(kannel)
    }

    /// The sendsms interface, without query; user and password are [`USER`] and [`PASSWORD`].
    pub fn sendsms_url(&self) -> String {
        format!("http://127.0.0.1:{}/cgi-bin/sendsms", self.sendsms_port)
    }

    /// Has a phone send a text (plain ASCII) to one of our numbers.
    pub fn phone_sends(&self, from: &str, to: &str, text: &str) {
        let mut phone = self.phone.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        writeln!(phone, "{from} {to} text {text}").expect("the SMS centre takes the message");
    }

    /// What the SMS centre got so far, a line per part: `sender receiver type data`.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Waits until the SMS centre has got at least `count` parts. Panics when they don't come.
    pub async fn received_at_least(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            let have = received.len();
            assert!(Instant::now() < deadline, "{have} of {count} SMS arrived in time");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until bearerbox counts the SMS centre as online and the smsbox as connected.
    async fn until_online(&self) -> Started<()> {
        let url = format!("http://127.0.0.1:{}/status.txt", self.admin_port);
        let deadline = Instant::now() + LIMIT;
        loop {
            let status = match reqwest::get(&url).await {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            if status.contains("(online") && status.contains("smsbox") {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("Kannel did not come online; its status:\n{status}"));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn start(name: &'static str, folder: &Path, file: &PathBuf) -> Started<Process> {
    let mut command = Command::new(format!("/usr/sbin/{name}"));
    Process::start(name, folder, command.current_dir(folder).args(["-v", "0"]).arg(file))
}

/// Connects as the phones' side of the fake SMS centre and notes each line that it is sent.
fn pick_up(port: u16) -> Result<(TcpStream, Lines), String> {
    let phone = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    let reading = BufReader::new(phone.try_clone().map_err(|error| error.to_string())?);
    let received = Arc::new(Mutex::new(Vec::new()));
    let notes = received.clone();
    std::thread::spawn(move || {
        for line in reading.lines().map_while(Result::ok) {
            notes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(line);
        }
    });
    Ok((phone, received))
}

fn configuration(folder: &Path, ports: &Ports, inbound_url: &str) -> String {
    let folder = folder.display();
    let Ports { admin, smsbox, sendsms, centre } = ports;
    format!(
        r#"
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {PASSWORD}
admin-allow-ip = "127.0.0.1"
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
store-type = file
store-location = {folder}/kannel.store
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = FAKE
port = {centre}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
sendsms-chars = "0123456789 +-"
mo-recode = true

group = sendsms-user
username = {USER}
password = {PASSWORD}
user-allow-ip = "127.0.0.1"
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
accepted-smsc = FAKE
get-url = "{inbound_url}"
"#
    )
}
