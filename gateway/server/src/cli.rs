//! The command line: a contract. Names and JSON fields stay; new ones may come.

mod register;

pub use register::Register;

use clap::{Args, Parser, Subcommand};
use messo_core::dispatches::DispatchState;
use messo_core::ids::DispatchId;
use messo_core::notices::Locale;
use messo_core::plans::Plan;
use std::path::PathBuf;
use std::time::Duration;

/// Messo: every notice leaves by the right way and comes back with proof.
#[derive(Parser)]
#[command(name = "messo", version, about, propagate_version = true)]
pub struct Line {
    /// Folder of configuration, database and secrets.
    #[arg(long, global = true, env = "MESSO_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Configuration file, when it is not `messo.toml` in the data folder.
    #[arg(long, global = true, env = "MESSO_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Start the whole product on embedded defaults with sandbox carriers; nothing leaves the machine.
    #[command(after_help = "Example:\n  messo demo --port 8090")]
    Demo(Demo),
    /// Set up a data folder: configuration with every option explained, secrets, database.
    #[command(
        after_help = "Examples:\n  messo init --data /var/lib/messo --name \"Organismo di Mediazione Alfa\" --public-url https://messo.alfa.example.it\n  messo init --data ./prova --sandbox"
    )]
    Init(Init),
    /// Run pages, API, callbacks and workers until told to stop.
    #[command(after_help = "Examples:\n  messo serve\n  messo serve --role worker,intake")]
    Serve(Serve),
    /// Check configuration, database, doorbell and providers; says what to mend.
    #[command(after_help = "Example:\n  messo doctor --data /var/lib/messo")]
    Doctor(Json),
    /// Bring the database to the form that this release needs.
    #[command(after_help = "Example:\n  messo migrate --data /var/lib/messo")]
    Migrate,
    /// Templates.
    #[command(subcommand)]
    Notice(Notice),
    /// Send one notice per row of a CSV: validate, price, release, report.
    #[command(
        after_help = "Examples:\n  messo send pratiche.csv --template convocazione --plan email+sms --dry-run\n  messo send pratiche.csv --template convocazione --plan email+sms --wait --json\n\nPlans: + together, > only if the step before failed, ? only where the address is known:\n  pec>registered+email?"
    )]
    Send(Send),
    /// Dispatches.
    #[command(subcommand)]
    Dispatch(Dispatch),
    /// What waits to be sent.
    #[command(subcommand)]
    Queue(Queue),
    /// Codes on paper.
    #[command(subcommand)]
    Qr(Qr),
    /// Messages that came in.
    #[command(subcommand)]
    Mail(Mail),
    /// Certified mail.
    #[command(subcommand)]
    Pec(Pec),
    /// Proof.
    #[command(subcommand)]
    Evidence(Evidence),
    /// The protocol register.
    #[command(subcommand)]
    Register(Register),
    /// The body: how it appears in letters and as a sender.
    #[command(subcommand)]
    Body(Body),
    /// People who sign in.
    #[command(subcommand)]
    User(User),
    /// Keys of the API.
    #[command(subcommand)]
    Key(Key),
    /// Bring data in.
    #[command(subcommand)]
    Import(Import),
}

/// `--json`.
#[derive(Args)]
pub struct Json {
    /// One JSON object on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `messo demo`.
#[derive(Args)]
pub struct Demo {
    /// Port on 127.0.0.1; a free one near 8080 by default.
    #[arg(long)]
    pub port: Option<u16>,
    /// First line as JSON: {url, user, password, data}.
    #[arg(long)]
    pub json: bool,
}

/// `messo init`.
#[derive(Args)]
pub struct Init {
    /// Sandbox carriers on all channels: every command can be tried without any server.
    #[arg(long)]
    pub sandbox: bool,
    /// Mail server for e-mail, e.g. smtp://user:password@mail.example.it:587.
    #[arg(long, value_name = "URL")]
    pub smtp: Option<String>,
    /// Database, e.g. postgres://user:password@host/messo; a SQLite file in the data folder by default.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Doorbell between machines, e.g. amqp://user:password@host:5672/messo.
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// Address under which people reach this installation, e.g. https://messo.alfa.example.it; it stands in
    /// the codes of letters.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Name of the body.
    #[arg(long, default_value = "Organismo di Mediazione")]
    pub name: String,
    /// E-mail address from which the body writes.
    #[arg(long, default_value = "segreteria@organismo.example")]
    pub email: String,
}

/// `messo serve`.
#[derive(Args)]
pub struct Serve {
    /// What this process does: web (pages and API), worker (sends), intake (callbacks of providers).
    #[arg(long, value_delimiter = ',', default_value = "web,worker,intake")]
    pub role: Vec<Role>,
}

/// A part that a process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Pages and API.
    Web,
    /// Sends.
    Worker,
    /// Callbacks of providers.
    Intake,
}

/// `messo notice …`.
#[derive(Subcommand)]
pub enum Notice {
    /// Render a template to files: letter.pdf, message.html, message.txt, message.eml, sms.txt.
    #[command(
        after_help = "Example:\n  messo notice render --template convocazione --data-file dati.json --out anteprima --locale de"
    )]
    Render {
        /// Template.
        #[arg(long)]
        template: String,
        /// JSON file with the facts.
        #[arg(long, value_name = "FILE")]
        data_file: PathBuf,
        /// Folder for the files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Language: it, de, en; the file's own by default.
        #[arg(long)]
        locale: Option<Locale>,
    },
    /// List the templates.
    List(Json),
}

/// `messo send`.
#[derive(Args)]
pub struct Send {
    /// CSV file.
    pub file: PathBuf,
    /// Template, e.g. convocazione.
    #[arg(long)]
    pub template: String,
    /// Plan, e.g. email+sms or pec>registered.
    #[arg(long)]
    pub plan: Option<Plan>,
    /// Only validate and price; nothing is stored, nothing leaves.
    #[arg(long)]
    pub dry_run: bool,
    /// Send again what was sent before with the same template and plan; without it, a row is sent once.
    #[arg(long)]
    pub again: bool,
    /// Release nothing when any row is rejected.
    #[arg(long)]
    pub strict: bool,
    /// Work until every dispatch has come to an end, then report.
    #[arg(long)]
    pub wait: bool,
    /// Longest wait, in seconds.
    #[arg(long, default_value_t = 3600)]
    pub timeout: u64,
    /// The report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `messo dispatch …`.
#[derive(Subcommand)]
pub enum Dispatch {
    /// States, attempts, receipts and evidence of one dispatch.
    #[command(after_help = "Example:\n  messo dispatch show 0192d3c4-… --json")]
    Show {
        /// The dispatch.
        id: DispatchId,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// The newest dispatches.
    #[command(
        after_help = "Example:\n  messo dispatch list --state doubtful --older-than 2h --jsonl"
    )]
    List {
        /// Only those that have come to this: waiting, doubtful, delivered, failed, cancelled.
        #[arg(long, value_parser = dispatch_state)]
        state: Option<DispatchState>,
        /// Only those released so long ago or longer: 90s, 30m, 2h, 3d.
        #[arg(long, value_name = "TIME", value_parser = time_span)]
        older_than: Option<Duration>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// One JSON object with all of them.
        #[arg(long, conflicts_with = "jsonl")]
        json: bool,
        /// One JSON object per line.
        #[arg(long)]
        jsonl: bool,
    },
    /// Say what became of an attempt in doubt, or of many.
    #[command(
        after_help = "Examples:\n  messo dispatch settle 0192d3c4-… --leg 0 --not-sent\n  messo dispatch settle --state doubtful --older-than 2d --as failed --dry-run"
    )]
    Settle(Settle),
    /// Stop a dispatch of which nothing has left.
    #[command(after_help = "Example:\n  messo dispatch cancel 0192d3c4-…")]
    Cancel {
        /// The dispatch.
        id: DispatchId,
    },
}

/// `messo dispatch settle`: one leg by its dispatch, or all that are in doubt.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["id", "state"])))]
#[command(group(clap::ArgGroup::new("what").required(true).args(["sent", "not_sent", "verdict"])))]
pub struct Settle {
    /// The dispatch.
    pub id: Option<DispatchId>,
    /// Index of the leg.
    #[arg(long, default_value_t = 0)]
    pub leg: usize,
    /// It had left: do not send again. The same as `--as delivered`.
    #[arg(long)]
    pub sent: bool,
    /// It had not left: send again.
    #[arg(long)]
    pub not_sent: bool,
    /// delivered (it had left), or failed (give up, and let the plan go on).
    #[arg(long = "as", value_name = "VERDICT")]
    pub verdict: Option<SettledAs>,
    /// All dispatches in this state; only doubtful ones can be settled.
    #[arg(long, value_parser = ["doubtful"], conflicts_with_all = ["leg", "not_sent"])]
    pub state: Option<String>,
    /// Only legs in doubt for so long or longer: 90s, 30m, 2h, 3d.
    #[arg(long, value_name = "TIME", value_parser = time_span, conflicts_with = "id")]
    pub older_than: Option<Duration>,
    /// Say which would be settled, and settle none.
    #[arg(long, conflicts_with = "id")]
    pub dry_run: bool,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// What became of an attempt in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SettledAs {
    /// It had left.
    Delivered,
    /// It is given up; the plan goes on.
    Failed,
}

fn dispatch_state(text: &str) -> Result<DispatchState, String> {
    let known = DispatchState::ALL;
    known
        .into_iter()
        .find(|state| state.word() == text)
        .ok_or_else(|| format!("it can be {}", known.map(DispatchState::word).join(", ")))
}

/// `90s`, `30m`, `2h`, `3d`; at most ten years.
fn time_span(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is like 90s, 30m, 2h or 3d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let span = Duration::from_secs(u64::from(number) * seconds);
    if span > Duration::from_secs(3_650 * 86_400) { Err(wrong()) } else { Ok(span) }
}

/// `messo qr …`.
#[derive(Subcommand)]
pub enum Qr {
    /// Whose a code is and whether its seal holds, without database or network.
    #[command(after_help = "Example:\n  messo qr verify HTTPS://MESSO.EXAMPLE/Q/… --json")]
    Verify {
        /// Text of the code.
        text: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new key for codes; letters sealed with the old ones stay valid.
    Rotate,
}

/// `messo mail …`.
#[derive(Subcommand)]
pub enum Mail {
    /// What a message is, what it is about, and what its author wrote.
    #[command(
        after_help = "Examples:\n  messo mail read risposta.eml --json\n  messo mail read - < risposta.eml"
    )]
    Read {
        /// File of the message; - for standard input.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `messo pec …`.
#[derive(Subcommand)]
pub enum Pec {
    /// What a message of certified mail says, and whether its provider's signature holds.
    #[command(
        after_help = "Example:\n  messo pec read consegna.eml --json --trust /etc/messo/trust"
    )]
    Read {
        /// File of the message; - for standard input.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Folder of trust anchors; that of the data folder by default, none without one.
        #[arg(long, value_name = "DIR")]
        trust: Option<PathBuf>,
    },
}

/// `messo queue …`.
#[derive(Subcommand)]
pub enum Queue {
    /// For each channel: what waits, how fast it may leave, when the last of it will have left. Certified mail
    /// hour by hour, within what its mailbox takes.
    #[command(after_help = "Example:\n  messo queue plan --json")]
    Plan {
        /// Size of a certified message with its files, in bytes: its receipts take space in the mailbox.
        #[arg(long, value_name = "BYTES", default_value_t = 100_000)]
        bytes: u64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `messo evidence …`.
#[derive(Subcommand)]
pub enum Evidence {
    /// Write the proof bundle of a dispatch.
    #[command(after_help = "Example:\n  messo evidence export 0192d3c4-… --out prova.zip")]
    Export {
        /// The dispatch.
        id: DispatchId,
        /// File to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check a proof bundle with nothing but the file; fails when anything does not hold.
    #[command(
        after_help = "Example:\n  messo evidence verify prova.zip --trust certificati --json"
    )]
    Verify {
        /// The bundle.
        file: PathBuf,
        /// Public key (64 hexadecimal characters) that must have sealed it.
        #[arg(long, value_name = "HEX")]
        key: Option<String>,
        /// Folder with the certificates of the authorities that are trusted to answer for providers of
        /// certified mail and of time stamps; without it their signatures are checked, not who they are.
        #[arg(long, value_name = "DIR")]
        trust: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `messo body …`.
#[derive(Subcommand)]
pub enum Body {
    /// Show it.
    Show(Json),
    /// Change what is named, and nothing else. What was released before keeps its words.
    #[command(
        after_help = "Example:\n  messo body set --email segreteria@alfa.it --pec alfa@pec.it --address \"Via Larga 7\" --address \"50123 Firenze FI\""
    )]
    Set(Box<BodySet>),
}

/// `messo body set`.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct BodySet {
    /// Full name, as in the letterhead.
    #[arg(long)]
    pub name: Option<String>,
    /// E-mail address from which it writes, shown in letters.
    #[arg(long)]
    pub email: Option<String>,
    /// Certified mail: shown in letters, and the address from which it leaves.
    #[arg(long)]
    pub pec: Option<String>,
    /// Answers to e-mail also reach the mailbox at `local+tag@domain`: each mail then asks for its answer at
    /// an address of its own. true or false.
    #[arg(long)]
    pub reply_tags: Option<bool>,
    /// Telephone, as printed.
    #[arg(long)]
    pub phone: Option<String>,
    /// Web site, as printed.
    #[arg(long)]
    pub website: Option<String>,
    /// Number in the ministry's register, as printed.
    #[arg(long)]
    pub register_number: Option<String>,
    /// A line of the postal address; given once for each line.
    #[arg(long, value_name = "LINE")]
    pub address: Vec<String>,
    /// Sender of SMS: an alias of at most 11 letters and digits, or a number.
    #[arg(long)]
    pub sms_sender: Option<String>,
    /// Day of the local patron saint, a holiday there, as MM-DD.
    #[arg(long, value_name = "MM-DD")]
    pub patron_saint: Option<String>,
}

/// `messo user …`.
#[derive(Subcommand)]
pub enum User {
    /// Add somebody, or give them a new password. The password is read from standard input.
    #[command(after_help = "Example:\n  printf 'una frase lunga' | messo user set giulia")]
    Set {
        /// Name to sign in with.
        login: String,
    },
}

/// `messo key …`.
#[derive(Subcommand)]
pub enum Key {
    /// Make a key for the API. It is shown once.
    #[command(after_help = "Example:\n  messo key create gestionale")]
    Create {
        /// What the key is for.
        name: String,
    },
}

/// `messo import …`.
#[derive(Subcommand)]
pub enum Import {
    /// File the cases and people of a CSV, without saying anything to anybody.
    #[command(after_help = "Example:\n  messo import cases pratiche.csv --dry-run")]
    Cases {
        /// CSV file.
        file: PathBuf,
        /// Only validate; the faults go to standard output as CSV.
        #[arg(long)]
        dry_run: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_line_contradicts_itself_nowhere() {
        Line::command().debug_assert();
    }

    #[test]
    fn a_time_is_a_number_with_its_unit() {
        assert_eq!(time_span("2h"), Ok(Duration::from_secs(7_200)));
        for wrong in ["", "h", "2", "2w", "-2h", "9999999d", "2è"] {
            assert!(time_span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn many_are_settled_by_state_and_one_by_its_name() {
        let line = |text: &str| Line::try_parse_from(text.split(' ')).is_ok();
        let id = "01a201ba-45bc-7258-8644-a2d92fafdfa7";
        assert!(line(&format!("messo dispatch settle {id} --leg 1 --sent")));
        assert!(line(&format!("messo dispatch settle {id} --as failed")));
        assert!(line(
            "messo dispatch settle --state doubtful --older-than 2d --as failed --dry-run"
        ));
        for wrong in [
            "messo dispatch settle --as failed".to_owned(),
            format!("messo dispatch settle {id}"),
            format!("messo dispatch settle {id} --sent --not-sent"),
            format!("messo dispatch settle {id} --sent --older-than 2d"),
            "messo dispatch settle --state failed --as delivered".to_owned(),
            "messo dispatch settle --state doubtful --not-sent".to_owned(),
        ] {
            assert!(!line(&wrong), "{wrong}");
        }
    }
}
