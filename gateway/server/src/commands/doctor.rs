//! `messo doctor`: what works, what does not, and what to do about it.

use crate::config::{self, Place};
use crate::house::House;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Finding {
    what: String,
    ok: bool,
    detail: String,
}

fn finding(what: impl Into<String>, result: Result<String, String>) -> Finding {
    let (ok, detail) = match result {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    Finding { what: what.into(), ok, detail }
}

/// Checks everything that can be checked without sending anything.
pub async fn run(place: &Place, json: bool) -> anyhow::Result<ExitCode> {
    let findings = examine(place).await;
    let healthy = findings.iter().all(|finding| finding.ok);
    if json {
        let report = serde_json::json!({ "healthy": healthy, "findings": findings });
        println!("{report}");
    } else {
        for finding in &findings {
            let mark = if finding.ok { "ok     " } else { "PROBLEM" };
            println!("{mark}  {}: {}", finding.what, finding.detail);
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(place: &Place) -> Vec<Finding> {
    let file = place.file.display().to_string();
    if let Err(error) = config::load(&place.file) {
        return vec![finding("configuration", Err(format!("{error:#}")))];
    }
    let mut findings = vec![finding("configuration", Ok(file))];
    let house = match House::open(place).await {
        Ok(house) => house,
        Err(error) => {
            findings.push(finding("installation", Err(format!("{error:#}"))));
            return findings;
        }
    };
    let engine = &house.engine;
    let database = engine.store.check().await;
    findings.push(finding(
        "database",
        database.map(|()| "answers and takes writes".into()).map_err(|error| error.to_string()),
    ));
    let doorbell = engine.doorbell.check().await;
    findings.push(finding(
        "doorbell",
        doorbell.map(|()| "rings".into()).map_err(|error| {
            format!(
                "{error}; notices still leave, up to {} ms later",
                house.settings.worker.sweep_ms
            )
        }),
    ));
    findings.push(finding(
        "body",
        match house.body().await {
            Ok(body) => Ok(body.facts.name),
            Err(error) => Err(error.to_string()),
        },
    ));
    if engine.providers.iter().next().is_none() {
        let detail = "no channel is configured: set [email] or [sms], or name sandbox channels";
        findings.push(finding("channels", Err(detail.into())));
    }
    for stats in engine.store.lanes(engine.clock.now()).await.unwrap_or_default() {
        if stats.lane.channel().is_some_and(|channel| engine.providers.sending(channel).is_none()) {
            let waiting = stats.due + stats.waiting;
            let detail = format!("{waiting} jobs wait for a provider that is not configured");
            findings.push(finding(format!("lane {}", stats.lane), Err(detail)));
        }
    }
    for provider in engine.providers.iter() {
        let spec = provider.spec();
        let mark = if spec.sandbox { " (sandbox: nothing leaves the machine)" } else { "" };
        let checked = provider.check().await.map(|()| format!("answers{mark}"));
        findings.push(finding(format!("{} by {}", spec.channel, spec.name), checked));
    }
    findings
}
