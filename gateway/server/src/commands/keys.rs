//! `messo user` and `messo key`: who may come in.

use crate::cli::{Key, User};
use crate::config::Place;
use crate::house::House;
use crate::rim;
use anyhow::{Context, bail};
use messo_core::ids::{BlobHash, UserId};
use messo_core::ports::{Commit, Write};
use std::io::Read;

/// Shortest password, in characters: length is what counts (NIST SP 800-63B).
const MIN_PASSWORD: usize = 8;

/// Adds somebody or changes their password.
pub async fn user(command: User, place: &Place) -> anyhow::Result<()> {
    let User::Set { login } = command;
    let mut password = String::new();
    std::io::stdin()
        .take(1024)
        .read_to_string(&mut password)
        .context("the password is read from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.chars().count() < MIN_PASSWORD {
        bail!("a password has at least {MIN_PASSWORD} characters");
    }
    if login.trim().is_empty() {
        bail!("a name to sign in with is needed");
    }
    let house = House::open(place).await?;
    add_user(&house, &login, password).await?;
    eprintln!("{login} can sign in now.");
    Ok(())
}

/// Adds somebody to the staff of the body, or changes their password.
pub async fn add_user(house: &House, login: &str, password: &str) -> anyhow::Result<()> {
    let body = house.body().await?;
    let known = house.engine.store.user(login).await?;
    let user = messo_core::bodies::User {
        id: known.map_or_else(|| UserId(house.engine.ids.uuid()), |user| user.id),
        body: body.id,
        login: login.to_owned(),
        password_hash: messo_web::hash_password(password)?,
    };
    let writes = vec![Write::User(user)];
    house.engine.store.commit(Commit { guards: Vec::new(), writes }).await?;
    Ok(())
}

/// Makes a key for the API and shows it once.
pub async fn api_key(command: Key, place: &Place) -> anyhow::Result<()> {
    let Key::Create { name } = command;
    let house = House::open(place).await?;
    let key = format!("messo_{}", BlobHash(rim::secret()).hex());
    let secret = BlobHash::of(key.as_bytes());
    let body = house.body().await?.id;
    let writes = vec![Write::ApiKey { secret, body, name }];
    house.engine.store.commit(Commit { guards: Vec::new(), writes }).await?;
    println!("{key}");
    Ok(())
}
