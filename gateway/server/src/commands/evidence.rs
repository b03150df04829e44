//! `messo evidence`: proof bundles, made and checked.

use crate::cli::Evidence;
use crate::config::Place;
use crate::house::House;
use crate::rim::unhex;
use anyhow::Context;
use std::process::ExitCode;

/// Makes or checks a bundle. Checking needs the file alone.
pub async fn run(evidence: Evidence, place: &Place) -> anyhow::Result<ExitCode> {
    match evidence {
        Evidence::Export { id, out } => {
            let house = House::open(place).await?;
            let body = house.body().await?;
            let bundle = house.engine.certify(body.id, id).await?;
            std::fs::write(&out, bundle)
                .with_context(|| format!("{} cannot be written", out.display()))?;
            eprintln!("Sealed with key {}", house.public_key());
            println!("{}", out.display());
            Ok(ExitCode::SUCCESS)
        }
        Evidence::Verify { file, key, json } => {
            let key = key.as_deref().map(unhex).transpose().context("--key")?;
            let bundle = crate::commands::sheet::open(&file)?;
            let verification = messo_engine::verify::verify(bundle, key);
            if json {
                println!("{}", serde_json::to_string(&verification)?);
            } else if verification.valid {
                println!(
                    "Tutto torna: {} file, sigillo {}",
                    verification.files,
                    verification.fingerprint.as_deref().unwrap_or("sconosciuto")
                );
            } else {
                for problem in &verification.problems {
                    println!("{}: {}", problem.member, problem.text);
                }
            }
            Ok(if verification.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}
