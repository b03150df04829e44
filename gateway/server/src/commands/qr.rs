//! `messo qr`: whose a code is, and new keys.

use crate::cli::Qr;
use crate::config::Place;
use crate::house::token_keys;
use crate::rim::Keys;
use messo_core::tokens::TokenError;
use std::process::ExitCode;

/// Verifies a code, or makes a new key. Needs the file of secrets alone.
pub fn run(qr: &Qr, place: &Place) -> anyhow::Result<ExitCode> {
    let mut keys = Keys::load(&place.data)?;
    match qr {
        Qr::Verify { text, json } => Ok(verify(&keys, text, *json)?),
        Qr::Rotate => {
            let id = keys.rotate()?;
            keys.save(&place.data)?;
            eprintln!(
                "New codes are sealed with key {id}; older letters stay valid. Running processes \
                 find the key when they meet it, and seal with it from then on."
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn verify(keys: &Keys, text: &str, json: bool) -> anyhow::Result<ExitCode> {
    let opened = token_keys(keys)?.open(text);
    let valid = opened.is_ok();
    if json {
        let report = match &opened {
            Ok(token) => serde_json::json!({
                "valid": true, "body": token.body, "case": token.case, "party": token.party,
                "document": token.document, "page": token.page, "pages": token.pages,
            }),
            Err(error) => serde_json::json!({ "valid": false, "reason": error.to_string() }),
        };
        println!("{report}");
    } else {
        match &opened {
            Ok(token) => println!(
                "The seal holds: body {}, case {}, party {}, document {}, page {} of {}",
                token.body, token.case, token.party, token.document, token.page, token.pages
            ),
            Err(TokenError::Malformed) => println!("This is no code of ours"),
            Err(TokenError::UnknownKey(id)) => {
                println!("The code names key {id}, which is not here")
            }
            Err(TokenError::BadSeal) => println!("The seal does not hold"),
        }
    }
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
