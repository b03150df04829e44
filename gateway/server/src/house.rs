//! The house: the one place that names concrete types and puts them together.

pub mod carriers;
pub mod mail;
pub mod stamps;

use crate::config::{self, Place, Settings};
use crate::rim::{Keys, RandomIds, SystemClock};
use anyhow::Context;
use messo_core::bodies::Body;
use messo_core::ports::{Doorbell, Store, Typeset};
use messo_core::tokens::TokenKeys;
use messo_engine::{BodyCache, Engine, KeyRing, Providers};
use messo_storage::Storage;
use messo_templates::Templates;
use messo_typesetting::Typesetter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An installation, opened.
pub struct House {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The configuration.
    pub settings: Settings,
    /// The secrets.
    pub keys: Keys,
}

impl House {
    /// Opens the installation at a place. The database must be there, and of this release's form
    /// (`messo migrate`); an embedded SQLite file is brought to that form by itself.
    pub async fn open(place: &Place) -> anyhow::Result<Self> {
        let settings = config::load(&place.file)?;
        if let Some(file) = embedded(&settings, &place.data).filter(|file| !file.exists()) {
            anyhow::bail!(
                "the database {} is not there, and a new one would be empty: is {} the right folder?",
                file.display(),
                place.data.display()
            );
        }
        let storage = open_storage(&settings, &place.data).await?;
        Self::with(settings, storage, place).await
    }

    /// Puts the parts together.
    pub async fn with(settings: Settings, storage: Storage, place: &Place) -> anyhow::Result<Self> {
        let keys = Keys::load(&place.data)?;
        let doorbell: Arc<dyn Doorbell> = match settings.doorbell.url.expose() {
            "local" | "" => Arc::new(messo_wakeup::LocalDoorbell::new()),
            url => Arc::new(messo_wakeup::RabbitDoorbell::new(url).context("doorbell.url")?),
        };
        let (templates, typesetter) = templates()?;
        let store: Arc<dyn Store> = Arc::new(storage);
        let providers = Providers::new(carriers::configured(&settings, &store)?);
        let engine = Engine {
            store,
            doorbell,
            renderer: Arc::new(templates),
            typesetter,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            seal: Arc::new(keys.sealer()?),
            tokens: key_ring(&keys, place.data.clone())?,
            providers,
            intake: mail::intake(&settings, place),
            time_authority: stamps::authority(&settings, place)?,
            settings: engine_settings(&settings),
            bodies: BodyCache::default(),
        };
        Ok(Self { engine: Arc::new(engine), settings, keys })
    }

    /// The body for which commands act: the only one, or the first.
    pub async fn body(&self) -> anyhow::Result<Body> {
        self.engine
            .store
            .bodies()
            .await?
            .into_iter()
            .min_by_key(|body| body.number)
            .context("this installation has no body yet: `messo init` makes one")
    }

    /// The public half of the key that seals exports, in hexadecimal.
    pub fn public_key(&self) -> String {
        messo_core::ids::BlobHash(self.engine.seal.public_key()).hex()
    }
}

/// The file of the embedded database, when it is one; relative names are in the data folder.
pub fn embedded(settings: &Settings, data: &Path) -> Option<PathBuf> {
    let name = settings.database.url.expose().strip_prefix("sqlite://")?;
    Some(data.join(name.split('?').next().unwrap_or(name)))
}

/// Opens the database that the configuration names. A SQLite file that is not there is made, for its
/// owner alone.
pub async fn open_storage(settings: &Settings, data: &Path) -> anyhow::Result<Storage> {
    let Some(file) = embedded(settings, data) else {
        let url = settings.database.url.expose();
        return Storage::open(url).await.context("the database cannot be opened");
    };
    let opening = || format!("the database {} cannot be opened", file.display());
    if !file.exists() {
        // SQLite gives its log the rights of the file.
        crate::rim::write_private(&file, &[]).with_context(opening)?;
    }
    let storage =
        Storage::open(&format!("sqlite://{}", file.display())).await.with_context(opening)?;
    storage.migrate().await.context("the database cannot be brought up to date")?;
    Ok(storage)
}

/// The templates and the typesetter behind them.
pub fn templates() -> anyhow::Result<(Templates, Arc<dyn Typeset>)> {
    let typesetter: Arc<dyn Typeset> = Arc::new(Typesetter::new()?);
    let templates = Templates::new(Some(Arc::clone(&typesetter)))?;
    Ok((templates.with_logo(messo_templates::DEMO_LOGO), typesetter))
}

/// The keys of the codes.
pub fn token_keys(keys: &Keys) -> anyhow::Result<TokenKeys> {
    let list = keys
        .tokens
        .iter()
        .map(|key| Ok((key.id, crate::rim::unhex(&key.secret)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    TokenKeys::new(list).context("the keys of the codes cannot be used")
}

/// The keys of the codes, read again from their file when a code names one that is not among them:
/// `messo qr rotate` may have made it since.
fn key_ring(keys: &Keys, data: PathBuf) -> anyhow::Result<KeyRing> {
    let again = move || {
        let read = Keys::load(&data).and_then(|keys| token_keys(&keys));
        read.map_err(
            |error| tracing::warn!(%error, "the keys of the codes could not be read again"),
        )
        .ok()
    };
    Ok(KeyRing::new(token_keys(keys)?, Arc::new(SystemClock), Box::new(again)))
}

fn engine_settings(settings: &Settings) -> messo_engine::Settings {
    let trim = |url: &str| url.trim_end_matches('/').to_owned();
    messo_engine::Settings {
        public_url: trim(&settings.server.public_url),
        callback_url: settings.server.callback_url.as_deref().map(trim),
        lease: Duration::from_secs(settings.worker.lease_s.max(3)),
        sweep: Duration::from_millis(settings.worker.sweep_ms.max(50)),
        stop_within: Duration::from_secs(settings.worker.stop_within_s),
    }
}
