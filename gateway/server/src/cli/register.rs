//! `messo register …`: the protocol register.

use clap::Subcommand;
use jiff::civil::Date;
use std::path::PathBuf;

/// `messo register …`.
#[derive(Subcommand)]
pub enum Register {
    /// The entries of a year, by number.
    #[command(after_help = "Example:\n  messo register list --year 2026 --json")]
    List {
        /// Year; this one by default.
        #[arg(long)]
        year: Option<i16>,
        /// From this number on.
        #[arg(long, default_value_t = 1)]
        from: i64,
        /// At most so many.
        #[arg(long, default_value_t = 1_000)]
        limit: u32,
        /// One JSON object with all of them.
        #[arg(long)]
        json: bool,
    },
    /// One entry with its annotations.
    #[command(after_help = "Example:\n  messo register show 123 --year 2026")]
    Show {
        /// Number.
        number: i64,
        /// Year; this one by default.
        #[arg(long)]
        year: Option<i16>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put an annotation beside an entry; the entry itself never changes.
    #[command(
        after_help = "Example:\n  messo register annotate 123 --year 2026 --reason correzione --text \"Il mittente è Bianchi\""
    )]
    Annotate {
        /// Number.
        number: i64,
        /// Year; this one by default.
        #[arg(long)]
        year: Option<i16>,
        /// Why, in a word or two.
        #[arg(long, default_value = "correzione")]
        reason: String,
        /// What it says.
        #[arg(long)]
        text: String,
        /// Who makes it.
        #[arg(long, default_value = "command line")]
        who: String,
    },
    /// Write the register of a day as CSV and PDF; a day that is over is closed for good.
    #[command(after_help = "Example:\n  messo register day 2026-11-21 --out registro")]
    Day {
        /// Day, as YYYY-MM-DD.
        day: Date,
        /// Folder for the files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// What was written, as JSON.
        #[arg(long)]
        json: bool,
    },
}
