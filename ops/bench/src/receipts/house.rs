//! The engine on a SQLite file in a folder, put together as the binary does it.
//!
//! Limit: keys and seal are fixed, since nothing made here leaves the bench.

use messo_core::addresses::{Channel, EmailAddress};
use messo_core::bodies::{Body, BodyKind, Sender};
use messo_core::ids::BodyId;
use messo_core::notices::{BodyFacts, NoticeFacts};
use messo_core::ports::{
    Clock, Commit, Frame, Ids, MissingField, Provider, RenderError, Renderer, Rendition, Seal,
    SignatureCheck, Store, TemplateInfo, Typeset, Write,
};
use messo_core::signatures::SignatureReport;
use messo_core::time::Timestamp;
use messo_core::tokens::TokenKeys;
use messo_engine::{BodyCache, Engine, Intake, KeyRing, Providers, Settings};
use messo_mail::Reader;
use messo_signatures::TrustFolder;
use messo_storage::Storage;
use messo_templates::Templates;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often the folder of trust anchors is looked at, as in the binary.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where the certified mail of the body comes from.
pub const PEC: &str = "segreteria@pec.sandbox.example";

/// An engine with its database.
pub struct House {
    pub engine: Arc<Engine>,
    pub storage: Arc<Storage>,
    pub body: BodyId,
}

impl House {
    /// Opens the folder; database and body are made when missing. Without letters certified mail is written
    /// like ordinary mail.
    pub async fn open(
        folder: &Path,
        providers: Vec<Arc<dyn Provider>>,
        letters: bool,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let url = format!("sqlite://{}", folder.join("messo.db").display());
        let storage = Arc::new(Storage::open(&url).await?);
        storage.migrate().await?;
        if storage.bodies().await?.is_empty() {
            let writes = vec![Write::Body(Box::new(body()?))];
            storage.commit(Commit { guards: Vec::new(), writes }).await?;
        }
        let body = storage.bodies().await?.first().map(|body| body.id);
        let body = body.ok_or_else(|| anyhow::anyhow!("the body was not made"))?;
        let typesetter: Arc<dyn Typeset> = Arc::new(messo_typesetting::Typesetter::new()?);
        let templates = Templates::new(Some(Arc::clone(&typesetter)))?;
        let templates = templates.with_logo(messo_templates::DEMO_LOGO);
        let renderer: Arc<dyn Renderer> =
            if letters { Arc::new(templates) } else { Arc::new(Unlettered(templates)) };
        let keys = TokenKeys::new([(1, [7; 32])])?;
        let engine = Engine {
            store: storage.clone(),
            doorbell: Arc::new(messo_wakeup::LocalDoorbell::new()),
            renderer,
            typesetter,
            clock: Arc::new(WallClock),
            ids: Arc::new(NewIds),
            seal: Arc::new(NoSeal),
            tokens: KeyRing::new(keys, Arc::new(WallClock), Box::new(|| None)),
            providers: Providers::new(providers),
            intake: Intake {
                reader: Arc::new(Reader::default()),
                signatures: Arc::new(Trust::open(&trust_folder(folder))),
                trust_unverifiable: false,
            },
            time_authority: None,
            settings: Settings::default(),
            bodies: BodyCache::default(),
        };
        Ok(Self { engine: Arc::new(engine), storage, body })
    }
}

/// Where the root of the sandbox's provider is kept.
pub fn trust_folder(folder: &Path) -> PathBuf {
    folder.join("trust")
}

fn body() -> anyhow::Result<Body> {
    let email = EmailAddress::parse("segreteria@organismo.example")?;
    Ok(Body {
        id: BodyId(NewIds.uuid()),
        number: 1,
        kind: BodyKind::Mediation,
        facts: BodyFacts {
            name: "Organismo di prova".into(),
            email: email.to_string(),
            pec: PEC.into(),
            ..BodyFacts::default()
        },
        sender: Sender {
            name: "Organismo di prova".into(),
            email,
            pec: Some(EmailAddress::parse(PEC)?),
            reply_to: None,
            reply_tags: false,
            sms_sender: "Messo".into(),
        },
        patron_saint: None,
    })
}

/// Templates whose certified mail has no letter.
struct Unlettered(Templates);

impl Renderer for Unlettered {
    fn templates(&self) -> Vec<TemplateInfo> {
        self.0.templates()
    }

    fn missing(
        &self,
        facts: &NoticeFacts,
        channels: &[Channel],
    ) -> Result<Vec<MissingField>, RenderError> {
        self.0.missing(facts, channels)
    }

    fn render(
        &self,
        facts: &NoticeFacts,
        _: Channel,
        frame: &Frame,
    ) -> Result<Rendition, RenderError> {
        let Rendition::Mail(mut mail) = self.0.render(facts, Channel::Email, frame)? else {
            return self.0.render(facts, Channel::Pec, frame);
        };
        mail.html = "<p>Convocazione</p>".into();
        mail.inline.clear();
        Ok(Rendition::Mail(mail))
    }
}

/// The providers whose signatures are trusted.
pub struct Trust(TrustFolder);

impl Trust {
    pub fn open(folder: &Path) -> Self {
        Self(TrustFolder::open(folder, LOOK_EVERY))
    }
}

impl SignatureCheck for Trust {
    fn check(&self, raw: &[u8], at: Timestamp) -> SignatureReport {
        messo_signatures::verify_message(raw, at, &self.0.anchors(WallClock.now()))
    }
}

pub struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures the wall clock")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

struct NewIds;

impl Ids for NewIds {
    #[expect(clippy::disallowed_methods, reason = "the one source of identities of the bench")]
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::now_v7()
    }
}

struct NoSeal;

impl Seal for NoSeal {
    fn seal(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }

    fn public_key(&self) -> [u8; 32] {
        [0; 32]
    }
}
