//! One authority, a few providers and the `openssl` command for all tests.
//!
//! Guarantee: keys are made once for each run of the tests. Limit: the command must be installed; a test fails without it.

use messo_core::signatures::{SignatureReport, Verdict};
use messo_core::time::Timestamp;
use messo_signatures::Anchors;
use messo_signatures::testing::{Profile, TestCa, TestSigner, pem};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The address that the provider signs as.
pub const PROVIDER: &str = "posta-certificata@pec.example";
/// 2026-06-01T00:00:00Z: the time of the messages.
pub const AT: Timestamp = Timestamp::from_seconds(1_780_272_000);

/// What tests share.
pub struct World {
    pub ca: TestCa,
    pub provider: TestSigner,
    pub other: TestSigner,
    pub folder: TempDir,
}

/// Made at first use.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let ca = TestCa::new("Prova");
        let folder = tempfile::tempdir().unwrap();
        ca.trust_in(folder.path());
        let provider = ca.provider(PROVIDER);
        let other = ca.provider("posta-certificata@altro.example");
        World { ca, provider, other, folder }
    })
}

impl World {
    /// Trust in the test authority.
    pub fn anchors(&self) -> Anchors {
        Anchors::read(self.folder.path())
    }

    /// A provider with one thing changed.
    pub fn changed(&self, change: impl FnOnce(&mut Profile<'_>)) -> TestSigner {
        let mut profile = Profile::provider(PROVIDER);
        change(&mut profile);
        self.ca.issue(&profile)
    }

    /// Checks a message at [`AT`] with trust in the test authority.
    pub fn check(&self, raw: &[u8]) -> SignatureReport {
        messo_signatures::verify_message(raw, AT, &self.anchors())
    }

    /// Where the root is as a file.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }
}

/// The words of the reasons.
pub fn words(report: &SignatureReport) -> Vec<&'static str> {
    report.reasons.iter().map(|reason| reason.word()).collect()
}

/// Says verdict and reasons in one.
pub fn says(report: &SignatureReport) -> (Verdict, Vec<&'static str>) {
    (report.verdict, words(report))
}

/// The signed part of a receipt, about this many bytes long.
pub fn part(bytes: usize) -> Vec<u8> {
    let mut text = String::from(
        "Content-Type: multipart/mixed; boundary=\"----inner\"\r\n\r\n------inner\r\n\
         Content-Type: text/plain; charset=iso-8859-1\r\n\r\nRicevuta di avvenuta consegna\r\n\
         -- \r\n--firma\r\n\r\n------inner\r\nContent-Type: application/xml; name=\"daticert.xml\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n",
    );
    while text.len() + 30 < bytes {
        text.push_str("PD94bWwgdmVyc2lvbj0iMS4wIiBlbmNvZGluZz0iVVRGLTgiPz4KPHBvc3RhY2VydA==\r\n");
    }
    text.push_str("------inner--\r\n");
    text.into_bytes()
}

/// Whether `openssl cms -verify` takes the message, trusting the test authority at [`AT`].
pub fn openssl_takes(raw: &[u8]) -> bool {
    openssl_takes_at(raw, AT)
}

/// The same at another time.
pub fn openssl_takes_at(raw: &[u8], at: Timestamp) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message.eml");
    fs::write(&file, raw).unwrap();
    let at = at.seconds().to_string();
    let root = world().root();
    let arguments = ["cms", "-verify", "-purpose", "smimesign", "-partial_chain", "-attime", &at];
    Command::new("openssl")
        .args(arguments)
        .args(["-CAfile", &root.display().to_string(), "-in", &file.display().to_string()])
        .args(["-out", "/dev/null"])
        .output()
        .unwrap()
        .status
        .success()
}

/// Runs the `openssl` command in a folder; it must succeed.
pub fn openssl(folder: &Path, arguments: &[&str]) {
    let output =
        Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
}

/// Writes key, certificate and issuer of a signer as `NAME.key`, `NAME.pem` and `issuing.pem`.
pub fn write_identity(folder: &Path, name: &str, signer: &TestSigner) {
    let key = signer.identity.key.private_key_to_pem_pkcs8().unwrap();
    fs::write(folder.join(format!("{name}.key")), key).unwrap();
    fs::write(folder.join(format!("{name}.pem")), pem(&signer.identity.certificate)).unwrap();
    fs::write(folder.join("issuing.pem"), pem(&world().ca.issuing.certificate)).unwrap();
    fs::write(folder.join("root.pem"), pem(&world().ca.root.certificate)).unwrap();
}
