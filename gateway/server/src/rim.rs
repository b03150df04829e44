//! Where the pure parts meet the machine: the wall clock, new identities, secrets, seals.

use anyhow::Context;
use ed25519_dalek::{Signer, SigningKey};
use messo_core::ports::{Clock, Ids, Seal};
use messo_core::time::Timestamp;
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use uuid::Uuid;

/// The wall clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock of the program")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

/// UUID version 7 from the machine's randomness.
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one source of identities")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A random number from 0 up to 1, to spread things in time. Not for secrets.
pub fn chance() -> f64 {
    let bytes = secret();
    f64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        / (f64::from(u32::MAX) + 1.0)
}

/// 32 random bytes from the operating system.
pub fn secret() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .expect("without the operating system's randomness no secret can be made");
    bytes
}

/// The secrets of an installation, in a file of their own that only its owner can read.
#[derive(Serialize, Deserialize)]
pub struct Keys {
    /// Keys of the codes on paper and of callback addresses: the last one signs, all verify. A key
    /// must never be removed while letters with its codes are about.
    pub tokens: Vec<TokenKey>,
    /// Secret half of the key that seals exports.
    pub seal: String,
    /// Path segment under which providers deliver messages that people write to us.
    pub messages: String,
}

/// One key of the codes.
#[derive(Serialize, Deserialize)]
pub struct TokenKey {
    /// Small number printed with each code, from 1.
    pub id: u8,
    /// 32 bytes in hexadecimal.
    pub secret: String,
}

/// Highest number of a key: it is printed in six bits.
const MAX_KEY: u8 = 63;

/// Name of the file of secrets in the data folder.
pub const KEYS_FILE: &str = "keys.json";

impl Keys {
    /// New secrets.
    pub fn generate() -> Self {
        Self {
            tokens: vec![TokenKey { id: 1, secret: hex(&secret()) }],
            seal: hex(&secret()),
            messages: hex(&secret()[..16]),
        }
    }

    /// Reads the file of secrets.
    pub fn load(data: &Path) -> anyhow::Result<Self> {
        let file = data.join(KEYS_FILE);
        let text = std::fs::read_to_string(&file).with_context(|| {
            format!("the secrets {} cannot be read; `messo init` makes them", file.display())
        })?;
        // serde's message could quote the file: it is left out.
        serde_json::from_str(&text)
            .map_err(|_| anyhow::anyhow!("the secrets {} are damaged", file.display()))
    }

    /// Writes the file, readable by its owner alone. An existing file is replaced only as a whole.
    pub fn save(&self, data: &Path) -> anyhow::Result<()> {
        let (file, new) = (data.join(KEYS_FILE), data.join(format!("{KEYS_FILE}.new")));
        write_private(&new, serde_json::to_string_pretty(self)?.as_bytes())
            .with_context(|| format!("the secrets {} cannot be written", new.display()))?;
        std::fs::rename(&new, &file)?;
        Ok(())
    }

    /// Adds a new key for codes; the old ones go on verifying.
    pub fn rotate(&mut self) -> anyhow::Result<u8> {
        let last = self.tokens.iter().map(|key| key.id).max().unwrap_or(0);
        let id = last + 1;
        anyhow::ensure!(id <= MAX_KEY, "all {MAX_KEY} key numbers are used");
        self.tokens.push(TokenKey { id, secret: hex(&secret()) });
        Ok(id)
    }

    /// The seal.
    pub fn sealer(&self) -> anyhow::Result<Sealer> {
        Ok(Sealer(SigningKey::from_bytes(&unhex(&self.seal)?)))
    }
}

/// Writes a file that only its owner can read, durably.
pub fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut options = std::fs::OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    // The mode counts for a new file only.
    out.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    out.write_all(bytes)?;
    out.sync_all()
}

/// Seals exports with the installation's key.
pub struct Sealer(SigningKey);

impl Seal for Sealer {
    fn seal(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes from hexadecimal.
pub fn unhex(text: &str) -> anyhow::Result<[u8; 32]> {
    text.parse::<messo_core::ids::BlobHash>()
        .map(|hash| hash.0)
        .map_err(|_| anyhow::anyhow!("a secret is damaged: it must be 64 hexadecimal characters"))
}
