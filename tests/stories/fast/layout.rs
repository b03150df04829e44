//! The rules of the house, as tests: who may import whom, how files begin, where SQL and output live.
//!
//! Guarantee: a breach is named with its file or crate. Limit: text is searched, not parsed; the
//! rules are meant for people who make mistakes, not for people who hide.

use messo_tests::checkout;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest file of Rust, in lines.
const MAX_LINES: usize = 600;

/// Crate, the crates of ours that it may import, what of the outside it must never see.
const IMPORTS: &[(&str, &[&str], &[&str])] = &[
    ("messo-core", &[], &["tokio", "sqlx", "http", "axum", "reqwest", "lapin", "lettre", "rand"]),
    ("messo-engine", &["messo-core"], &["sqlx", "http", "hyper", "axum", "reqwest", "lapin"]),
    // Its own tests hand certified mail to the sandbox post office.
    ("messo-channels", &["messo-core", "messo-postoffice"], &["sqlx", "axum"]),
    ("messo-templates", &["messo-core", "messo-typesetting"], &["sqlx", "axum", "reqwest"]),
    ("messo-typesetting", &["messo-core", "messo-templates"], &["sqlx", "axum", "reqwest"]),
    ("messo-storage", &["messo-core"], &["axum", "reqwest", "lapin"]),
    ("messo-wakeup", &["messo-core"], &["sqlx", "axum", "reqwest"]),
    ("messo-mailboxes", &["messo-core"], &["sqlx", "axum", "reqwest", "mail-parser"]),
    // Its own tests see its feature `testing`, hence itself.
    (
        "messo-signatures",
        &["messo-core", "messo-signatures"],
        &["sqlx", "axum", "reqwest", "tokio"],
    ),
    // The transport of what `messo-signatures` makes and checks; its own tests see its feature `testing`.
    (
        "messo-timestamps",
        &["messo-core", "messo-signatures", "messo-timestamps"],
        &["sqlx", "axum", "lapin"],
    ),
    ("messo-mail", &["messo-core"], &["sqlx", "axum", "reqwest", "tokio", "openssl", "rand"]),
    (
        "messo-postoffice",
        &["messo-core"],
        &["sqlx", "axum", "reqwest", "lapin", "mail-parser", "rand"],
    ),
    (
        "messo-web",
        &["messo-core", "messo-engine", "messo-templates", "messo-typesetting"],
        &["sqlx", "lapin", "lettre", "reqwest"],
    ),
];

/// The crates that see everything: the binary that wires, the stories, the benches.
const SEE_ALL: &[&str] = &["messo", "messo-tests", "messo-bench"];

/// Packages that must not enter the build, and why.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("aws-lc-sys", "", "ring is the one TLS provider; this one wants cmake"),
    ("aws-lc-rs", "", "ring is the one TLS provider"),
    ("native-tls", "", "rustls is the one TLS"),
    ("sqlx", "0.8.", "two sqlx pull an old SQLite in"),
];

/// Libraries that serve named crates alone. OpenSSL: CMS in BER is read by nothing else; TLS stays with rustls.
/// chrono: jiff is the one calendar; a foreign IMAP client that judges the post office in its tests brings it.
const SEEN_BY: &[(&str, &[&str])] = &[
    ("openssl-sys", &["openssl"]),
    ("openssl", &["messo-signatures", "messo-postoffice"]),
    ("chrono", &["async-imap"]),
    ("async-imap", &["messo-postoffice"]),
];

#[test]
fn each_crate_imports_only_what_the_table_allows() {
    let mut breaches = Vec::new();
    for package in members() {
        let name = text(&package, "name");
        if SEE_ALL.contains(&name) {
            continue;
        }
        let Some((_, ours, never)) = IMPORTS.iter().find(|(krate, ..)| *krate == name) else {
            breaches.push(format!("{name} has no line in the table"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let dependency = text(dependency, "name");
            let is_ours = dependency == "messo" || dependency.starts_with("messo-");
            if is_ours && !ours.contains(&dependency) || never.contains(&dependency) {
                breaches.push(format!("{name} imports {dependency}"));
            }
        }
    }
    none(breaches);
}

#[test]
fn forbidden_packages_stay_out() {
    let lock = read(&checkout().join("Cargo.lock"));
    let mut breaches = Vec::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim_matches([' ', '=', '"']).to_owned()
        };
        let (name, version) = (field("name"), field("version"));
        for (forbidden, versions, why) in FORBIDDEN {
            if name == *forbidden && version.starts_with(versions) {
                breaches.push(format!("{name} {version}: {why}"));
            }
        }
    }
    none(breaches);
}

#[test]
fn some_libraries_serve_named_crates_alone() {
    let lock = read(&checkout().join("Cargo.lock"));
    let mut breaches = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let quoted = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
        let name = package.lines().find(|line| line.starts_with("name = ")).map(quoted);
        let name = name.unwrap_or_default();
        let listed = package.lines().filter(|line| line.starts_with(" \"")).map(quoted);
        for dependency in listed {
            let dependency = dependency.split(' ').next().unwrap_or_default();
            let rule = SEEN_BY.iter().find(|(library, _)| *library == dependency);
            if rule.is_some_and(|(_, users)| !users.contains(&name.as_str())) {
                breaches.push(format!("{name} uses {dependency}"));
            }
        }
    }
    none(breaches);
}

#[test]
fn every_file_opens_by_saying_its_duty() {
    none(breaches(&rust_files(), |_, text| !text.starts_with("//! ")));
}

#[test]
fn no_file_is_longer_than_six_hundred_lines() {
    none(breaches(&rust_files(), |_, text| text.lines().count() > MAX_LINES));
}

#[test]
fn no_module_hides_in_a_mod_rs() {
    none(breaches(&rust_files(), |path, _| path.ends_with("mod.rs")));
}

#[test]
fn sql_lives_in_the_storage_adapter_alone() {
    const WORDS: &[&str] = &["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE "];
    let files = product_files(&["adapters/storage"]);
    none(breaches(&files, |_, text| {
        code(text).any(|line| {
            let begins = line.trim_start().trim_start_matches(['r', '#', '"']);
            WORDS.iter().any(|word| begins.starts_with(word) || line.contains(&format!("\"{word}")))
                || line.contains("UPDATE ") && line.contains(" SET ")
        })
    }));
}

#[test]
fn only_the_commands_print() {
    const PRINTS: &[&str] = &["println!", "eprintln!", "print!(", "eprint!(", "dbg!"];
    let files = product_files(&["gateway/server"]);
    none(breaches(&files, |_, text| {
        code(text).any(|line| PRINTS.iter().any(|print| line.contains(print)))
    }));
}

#[test]
fn no_log_line_names_personal_data() {
    const PERSONAL: &[&str] = &[
        "address",
        "addresses",
        "email",
        "mobile",
        "phone",
        "recipient",
        "recipients",
        "party",
        "given_name",
        "family_name",
        "fiscal_code",
        "subject",
        "message",
        "sms",
        "token",
        "password",
    ];
    let mut breaches = Vec::new();
    for path in product_files(&[]) {
        for statement in log_statements(&read(&path)) {
            let named = logged_names(&statement);
            let personal: Vec<_> =
                named.iter().filter(|name| PERSONAL.contains(&name.as_str())).collect();
            if !personal.is_empty() {
                breaches.push(format!("{} logs {personal:?}: {statement}", shown(&path)));
            }
        }
    }
    none(breaches);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| -> BTreeSet<String> {
        let folder = checkout().join("migrations").join(database);
        let entries = fs::read_dir(folder).expect("the folder of migrations").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert_eq!(sqlite, postgres);
    let mut numbers: Vec<_> = sqlite.iter().filter_map(|name| name.split('_').next()).collect();
    let expected: Vec<_> = (1..=numbers.len()).map(|number| format!("{number:04}")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, expected, "migrations are numbered without gaps from 0001");
}

#[test]
fn time_and_chance_stay_banned() {
    let clippy = read(&checkout().join("clippy.toml"));
    for banned in [
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "jiff::Timestamp::now",
        "jiff::Zoned::now",
        "uuid::Uuid::now_v7",
        "rand::rng",
    ] {
        assert!(clippy.contains(&format!("path = \"{banned}\"")), "{banned} is no longer banned");
    }
}

#[test]
fn a_log_statement_gives_up_its_names() {
    let statements =
        log_statements("tracing::warn!(\n  id = %job.id, \"to {address} at once\"\n);");
    assert_eq!(statements.len(), 1);
    assert_eq!(logged_names(&statements[0]), ["id", "job", "id", "address"]);
}

// --- reading the checkout ------------------------------------------------------------------------

fn members() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(checkout())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for room in ["gateway", "channels", "templates", "adapters", "tests", "ops"] {
        collect(&checkout().join(room), &mut files);
    }
    assert!(files.len() > 30, "the checkout was not found");
    files
}

/// The product's own sources, but for some folders; no tests, examples or build scripts.
fn product_files(but: &[&str]) -> Vec<PathBuf> {
    let mut files = rust_files();
    files.retain(|path| {
        let shown = shown(path);
        shown.contains("/src/")
            && !shown.ends_with("/tests.rs")
            && !["tests", "ops"]
                .iter()
                .chain(but)
                .any(|room| shown.starts_with(&format!("{room}/")))
    });
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn breaches(files: &[PathBuf], broken: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    files.iter().filter(|path| broken(path, &read(path))).map(|path| shown(path)).collect()
}

fn none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(checkout()).unwrap_or(path).display().to_string()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The lines that are neither comments nor unit tests, which stand last in a file.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    product.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// What stands between the brackets of each `tracing` macro.
fn log_statements(text: &str) -> Vec<String> {
    let code = code(text).collect::<Vec<_>>().join("\n");
    let levels = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
    let begins = levels.iter().flat_map(|level| code.match_indices(level));
    begins.map(|(at, level)| inside(&code[at + level.len()..])).collect()
}

/// Up to the bracket that closes the one before; strings may hold brackets of their own.
fn inside(text: &str) -> String {
    let (mut depth, mut quoted) = (1, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text[..at].to_owned();
        }
    }
    text.to_owned()
}

/// The identifiers of a log statement: those outside its strings, and those in braces inside.
fn logged_names(statement: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (index, piece) in statement.split('"').enumerate() {
        if index % 2 == 0 {
            names.extend(identifiers(piece));
        } else {
            let captures = piece.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            names.extend(captures.flat_map(identifiers));
        }
    }
    names
}

fn identifiers(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| word.starts_with(|first: char| first.is_alphabetic()))
        .map(str::to_owned)
}
