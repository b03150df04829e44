//! `messo evidence`: proof bundles, made and checked.

use crate::cli::Evidence;
use crate::config::Place;
use crate::house::House;
use crate::rim::unhex;
use anyhow::Context;
use messo_core::ports::SignatureCheck;
use messo_core::signatures::SignatureReport;
use messo_core::time::Timestamp;
use messo_engine::verify::{Checks, Verification, verify};
use messo_mail::Reader;
use messo_signatures::Anchors;
use messo_timestamps::Stamps;
use std::io::Write as _;
use std::path::Path;
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
        Evidence::Verify { file, key, trust, json } => {
            let key = key.as_deref().map(unhex).transpose().context("--key")?;
            let verification = check(&file, key, trust.as_deref())?;
            if json {
                writeln!(std::io::stdout(), "{}", serde_json::to_string(&verification)?)?;
            } else {
                tell(&verification);
            }
            Ok(if verification.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// Whom the folder answers for; nobody without one.
struct Trusted(Anchors);

impl SignatureCheck for Trusted {
    fn check(&self, raw: &[u8], at: Timestamp) -> SignatureReport {
        messo_signatures::verify_message(raw, at, &self.0)
    }
}

fn check(file: &Path, key: Option<[u8; 32]>, trust: Option<&Path>) -> anyhow::Result<Verification> {
    if let Some(folder) = trust.filter(|folder| !folder.is_dir()) {
        anyhow::bail!("{} is no folder of certificates", folder.display());
    }
    let bundle = crate::commands::sheet::open(file)?;
    let anchors = trust.map_or_else(Anchors::empty, Anchors::read);
    for problem in anchors.problems() {
        eprintln!("messo: {}: {}", problem.file, problem.why);
    }
    let (reader, signatures) = (Reader::default(), Trusted(anchors));
    let stamps = trust.map_or_else(Stamps::trusting_nobody, Stamps::trusting);
    let checks =
        Checks { key, reader: Some(&reader), signatures: Some(&signatures), stamps: Some(&stamps) };
    Ok(verify(bundle, &checks))
}

/// In words, for whoever has the bundle before them.
fn tell(found: &Verification) {
    for receipt in &found.receipts {
        let signature = match receipt.signature {
            "valid" => "firma valida",
            "not_verifiable" => "firma integra, firmatario non verificabile senza --trust",
            "invalid" => "firma NON valida",
            "missing" => "senza firma",
            _ => "firma non controllata",
        };
        let at = receipt.instant.as_deref().unwrap_or("istante non indicato");
        println!("{}: {}, {at}, {signature}", receipt.member, receipt.kind);
    }
    if let Some(stamp) = &found.stamp {
        let at = stamp.at.as_deref().unwrap_or("istante non leggibile");
        let authority = stamp.authority.as_deref().unwrap_or("autorità non leggibile");
        println!("Marca temporale: {at}, {authority} ({})", stamp.verdict);
    }
    if found.valid {
        let fingerprint = found.fingerprint.as_deref().unwrap_or("sconosciuto");
        println!("Tutto torna: {} file, sigillo {fingerprint}", found.files);
    }
    for problem in &found.problems {
        println!("{}: {}", problem.member, problem.text);
    }
}
