//! Trying a mailbox without reading it, for `messo doctor`.

use crate::fault::Fault;
use crate::session::Session;
use crate::settings::{After, MailboxSettings};

/// Connects, signs in and opens each folder for reading only. The folders with the number of their messages, or one
/// sentence for the operator.
pub async fn check(settings: &MailboxSettings) -> Result<Vec<(String, u32)>, String> {
    settings.check().map_err(|invalid| invalid.to_string())?;
    let mut session = Session::open(settings).await.map_err(|fault| sentence(&fault))?;
    let seen = folders(&mut session, settings).await;
    session.close().await;
    seen
}

async fn folders(
    session: &mut Session,
    settings: &MailboxSettings,
) -> Result<Vec<(String, u32)>, String> {
    let mut seen = Vec::new();
    for folder in &settings.folders {
        let names = match folder.ends_with('*') {
            true => session.list(folder).await.map_err(|fault| sentence(&fault))?,
            false => vec![folder.clone()],
        };
        for name in names {
            match session.select(&name, &After::Keep).await {
                Ok(selected) => seen.push((name, selected.exists)),
                Err(Fault::Refused { .. }) => {
                    let there = session.list("*").await.unwrap_or_default().join(", ");
                    return Err(format!("the folder {name} cannot be opened; there are: {there}"));
                }
                Err(fault) => return Err(sentence(&fault)),
            }
        }
    }
    if seen.is_empty() {
        return Err("no folder has such a name".to_owned());
    }
    if let After::Move(target) = &settings.after {
        if !session.offers("MOVE") && !session.offers("UIDPLUS") {
            return Err(sentence(&Fault::NotOffered("moving messages")));
        }
        if session.select(target, &After::Keep).await.is_err() {
            return Err(format!("the folder {target}, to which mail is moved, cannot be opened"));
        }
    }
    Ok(seen)
}

fn sentence(fault: &Fault) -> String {
    fault.to_string()
}
