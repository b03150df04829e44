//! One file per command.

mod body;
mod demo;
mod dispatch;
mod doctor;
mod evidence;
mod import;
mod init;
mod keys;
mod mail;
mod notice;
mod pec;
mod qr;
mod queue;
mod register;
mod send;
mod serve;
mod sheet;

use crate::cli::{Command, Line};
use crate::config::{self, Place};
use crate::house;
use crate::logging;
use std::process::ExitCode;

/// Does what the line says. An `Err` is one sentence for the operator; an exit code without one means
/// that the command has already said what does not hold.
pub async fn run(line: Line) -> anyhow::Result<ExitCode> {
    let named = line.data.is_some();
    let place = Place::new(line.data, line.config);
    if !matches!(line.command, Command::Init(_) | Command::Demo(_) | Command::Qr(_))
        && place.file.exists()
    {
        logging::start(&config::load(&place.file)?.log);
    }
    match line.command {
        Command::Demo(demo) => demo::run(demo, named.then_some(place)).await?,
        Command::Init(init) => init::run(&init, &place).await?,
        Command::Serve(serve) => serve::run(&serve, &place).await?,
        Command::Doctor(json) => return doctor::run(&place, json.json).await,
        Command::Migrate => migrate(&place).await?,
        Command::Notice(notice) => notice::run(notice, &place)?,
        Command::Send(send) => return send::run(&send, &place).await,
        Command::Dispatch(dispatch) => dispatch::run(dispatch, &place).await?,
        Command::Queue(queue) => queue::run(queue, &place).await?,
        Command::Qr(qr) => return qr::run(&qr, &place),
        Command::Mail(one) => mail::run(&one)?,
        Command::Pec(one) => pec::run(&one, &place)?,
        Command::Register(one) => register::run(one, &place).await?,
        Command::Evidence(evidence) => return evidence::run(evidence, &place).await,
        Command::Body(body) => body::run(body, &place).await?,
        Command::User(user) => keys::user(user, &place).await?,
        Command::Key(key) => keys::api_key(key, &place).await?,
        Command::Import(import) => return import::run(import, &place).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(place: &Place) -> anyhow::Result<()> {
    let settings = config::load(&place.file)?;
    let storage = house::open_storage(&settings, &place.data).await?;
    storage.migrate().await?;
    eprintln!("The database is up to date.");
    Ok(())
}
