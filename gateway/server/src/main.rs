//! The program `messo`: reads the command line, and does one thing.

mod cli;
mod commands;
mod config;
mod house;
mod listening;
mod logging;
mod progress;
mod rim;
mod running;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // One provider of cryptography for every connection; chosen before anything can connect.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("messo: cryptography could not be set up");
        return ExitCode::FAILURE;
    }
    let line = cli::Line::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("messo: the program cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(line)) {
        Ok(code) => code,
        // Whoever read us has had enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence: the outermost cause first, then what is behind it.
            eprintln!("messo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
