//! `messo doctor`: what works, what does not, and what to do about it.
//!
//! Guarantee: it sends nothing and makes nothing, not even a database that is missing.

use crate::config::{self, Place};
use crate::house::{self, House, mail};
use crate::rim::KEYS_FILE;
use messo_core::addresses::Channel;
use messo_core::bodies::Body;
use serde::Serialize;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use url::{Host, Url};

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
    let body = house.body().await;
    findings.push(finding(
        "body",
        match &body {
            Ok(body) => Ok(body.facts.name.clone()),
            Err(error) => Err(error.to_string()),
        },
    ));
    findings.extend(private(&house, place));
    if engine.providers.iter().any(|provider| !provider.spec().sandbox) {
        findings.push(public_address(&house.settings.server.public_url));
        findings.extend(body.as_ref().ok().map(sender));
    }
    if engine.providers.sending(Channel::Pec).is_some_and(|provider| !provider.spec().sandbox) {
        findings.extend(body.as_ref().ok().map(pec_sender));
    }
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
    findings.extend(mailboxes(&house, place).await);
    findings
}

/// Whether mailboxes can be read, and whether their receipts can be verified.
async fn mailboxes(house: &House, place: &Place) -> Vec<Finding> {
    let bodies = house.engine.store.bodies().await.unwrap_or_default();
    let list = match mail::mailboxes(&house.settings, &bodies) {
        Ok(list) => list,
        Err(error) => return vec![finding("mailboxes", Err(format!("{error:#}")))],
    };
    let mut findings = Vec::new();
    for (_, settings) in &list {
        let seen = messo_mailboxes::check(settings).await.map(|folders| {
            let folders: Vec<_> =
                folders.iter().map(|(name, count)| format!("{name} ({count})")).collect();
            format!("can be read: {}", folders.join(", "))
        });
        findings.push(finding(format!("mailbox {}", settings.name), seen));
    }
    let certified = list.iter().any(|(_, settings)| settings.channel == Channel::Pec);
    let sends = house.engine.providers.sending(Channel::Pec);
    if sends.is_some_and(|provider| provider.spec().name != "sandbox-pec") && !certified {
        let detail = "certified mail is sent but no [[mailboxes]] with channel = \"pec\" is read: no \
                      receipt will ever be seen";
        findings.push(finding("receipts", Err(detail.into())));
    }
    if certified {
        findings.push(trust(house, place));
    }
    findings
}

/// Without anybody trusted, no receipt counts.
fn trust(house: &House, place: &Place) -> Finding {
    let folder = mail::trust_folder(&house.settings, place);
    let anchors = messo_signatures::Anchors::read(&folder);
    let shown = folder.display();
    finding(
        "trust",
        match (anchors.problems().first(), anchors.is_empty()) {
            (Some(problem), _) => Err(format!("{shown}: {}: {}", problem.file, problem.why)),
            (None, true) => Err(format!(
                "{shown} holds no certificate: no receipt of certified mail can be verified"
            )),
            // An authority that also issues to the public would let anybody sign for a domain of his own.
            (None, false) if !folder.join(messo_signatures::LIST).exists() => Err(format!(
                "{shown} has no {}: name there the providers whose receipts count (fingerprint and \
                 domains, one a line), or whoever has a certificate of these authorities may sign some",
                messo_signatures::LIST
            )),
            (None, false) => Ok(format!("{} certificates in {shown}", anchors.len())),
        },
    )
}

/// Files that hold secrets or people's data and that others on this machine can read.
fn private(house: &House, place: &Place) -> Vec<Finding> {
    let files = [place.data.join(KEYS_FILE), place.file.clone()].into_iter();
    files
        .chain(house::embedded(&house.settings, &place.data))
        .filter(|file| {
            let mode = std::fs::metadata(file).map_or(0, |about| about.permissions().mode());
            mode & 0o077 != 0
        })
        .map(|file| {
            let name = file.display();
            finding("rights", Err(format!("others can read {name}: chmod 600 {name}")))
        })
        .collect()
}

/// A code that is printed for good must lead to a place that people can reach.
fn public_address(url: &str) -> Finding {
    let host = Url::parse(url).ok().and_then(|url| url.host().map(|host| host.to_owned()));
    let problem = match host {
        None => Some("is no address"),
        Some(Host::Domain(name)) if name == "localhost" || is_reserved(&name) => {
            Some("can be reached by nobody")
        }
        Some(Host::Ipv4(address)) if address.is_loopback() || address.is_unspecified() => {
            Some("can be reached from this machine alone")
        }
        Some(Host::Ipv6(address)) if address.is_loopback() || address.is_unspecified() => {
            Some("can be reached from this machine alone")
        }
        Some(_) => None,
    };
    finding(
        "public address",
        problem.map_or(Ok(url.to_owned()), |problem| {
            Err(format!(
                "{url} {problem}, and stands in the codes of real notices: set server.public_url"
            ))
        }),
    )
}

/// Answers and bounces go to the address from which real mail leaves.
fn sender(body: &Body) -> Finding {
    let address = &body.sender.email;
    finding(
        "sender",
        if is_reserved(address.domain()) {
            Err(format!(
                "{address} is an address that cannot exist, and real mail would leave from it: {}",
                "`messo body set --email ADDRESS` gives the body its own"
            ))
        } else {
            Ok(address.to_string())
        },
    )
}

/// Certified mail leaves from an address of its own.
fn pec_sender(body: &Body) -> Finding {
    finding(
        "PEC sender",
        body.sender.pec.as_ref().map(ToString::to_string).ok_or_else(|| {
            "the body has no PEC address to write from: `messo body set --pec ADDRESS`".to_owned()
        }),
    )
}

/// Domains that are kept for examples and for what does not exist (RFC 2606).
fn is_reserved(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let top = domain.rsplit('.').next().unwrap_or_default();
    let examples = ["example.com", "example.net", "example.org"];
    matches!(top, "example" | "invalid" | "localhost")
        || examples.iter().any(|name| {
            domain.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_nobody_can_reach_is_a_problem() {
        for url in
            ["http://127.0.0.1:8080", "http://[::1]/", "https://localhost", "https://a.example"]
        {
            assert!(!public_address(url).ok, "{url}");
        }
        for url in ["https://messo.alfa.it", "http://192.168.1.7:8080"] {
            assert!(public_address(url).ok, "{url}");
        }
    }

    #[test]
    fn a_domain_of_examples_is_no_sender() {
        for domain in ["organismo.example", "x.invalid", "mail.example.org", "example.com"] {
            assert!(is_reserved(domain), "{domain}");
        }
        for domain in ["example.it", "notexample.com", "alfa.test"] {
            assert!(!is_reserved(domain), "{domain}");
        }
    }
}
