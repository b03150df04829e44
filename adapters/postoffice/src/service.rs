//! The post office as others see it: started, fed with mail, told to misbehave, and closed.
//!
//! Guarantee: it listens on the loopback only, and closing it ends every connection and every message under way. Limit: see the crate.

use crate::authority::{Authority, AuthorityError};
use crate::behaviour::Behaviour;
use crate::boxes::{BoxError, Fault, MailBox, SubmissionFault};
use crate::config::Config;
use crate::imap;
use crate::letters::Letter;
use crate::office::Office;
use crate::ordinary::DeliveryError;
use crate::provider::{Flaws, Provider};
use crate::smtp;
use crate::wire::Wire;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Wait after a failed accept, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the post office did not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No keys or certificates.
    #[error("the test authority could not be made")]
    Authority(#[from] AuthorityError),
    /// A port is taken.
    #[error("a port of the sandbox post office could not be opened")]
    Port(#[from] std::io::Error),
}

/// Where it listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Submission, TLS from the first byte.
    pub smtps: SocketAddr,
    /// Submission, clear text and STARTTLS.
    pub smtp: SocketAddr,
    /// IMAP, TLS from the first byte.
    pub imaps: SocketAddr,
    /// IMAP, clear text.
    pub imap: SocketAddr,
}

/// A running post office. Dropping it closes it.
pub struct PostOffice {
    office: Arc<Office>,
    authority: Arc<Authority>,
    addresses: Addresses,
}

#[derive(Clone, Copy)]
enum Port {
    Smtps,
    Smtp,
    Imaps,
    Imap,
}

impl PostOffice {
    /// Makes keys, opens the ports and serves.
    ///
    /// # Errors
    /// When keys cannot be made or a port is taken.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let now = config.clock.now();
        let made = tokio::task::spawn_blocking(move || -> Result<_, AuthorityError> {
            let authority = match config.authority.clone() {
                Some(authority) => authority,
                None => Arc::new(Authority::new(now)?),
            };
            let tls = acceptor(&authority)?;
            let office = Arc::new(Office::new(config, &authority)?);
            Ok((authority, tls, office))
        });
        let (authority, tls, office) = made.await.map_err(std::io::Error::other)??;
        let connections = Arc::new(Semaphore::new(office.config.limits.max_connections));
        let ports = office.config.ports;
        let mut addresses = Vec::new();
        for (kind, port) in [
            (Port::Smtps, ports.smtps),
            (Port::Smtp, ports.smtp),
            (Port::Imaps, ports.imaps),
            (Port::Imap, ports.imap),
        ] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            addresses.push(listener.local_addr()?);
            let door = Door { kind, office: office.clone(), tls: tls.clone() };
            office.tasks.spawn(door.keep(listener, connections.clone()));
        }
        let [smtps, smtp, imaps, imap] = [addresses[0], addresses[1], addresses[2], addresses[3]];
        let addresses = Addresses { smtps, smtp, imaps, imap };
        Ok(Self { office, authority, addresses })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The root certificate as PEM: of the signatures, and of TLS.
    pub fn ca_pem(&self) -> Vec<u8> {
        self.authority.root_pem()
    }

    /// Its keys, for another post office.
    pub fn authority(&self) -> Arc<Authority> {
        self.authority.clone()
    }

    /// The provider of its certified accounts.
    pub fn home(&self) -> &Provider {
        &self.office.home
    }

    /// The provider of certified addresses elsewhere.
    pub fn away(&self) -> &Provider {
        &self.office.away
    }

    /// Sets what becomes of certified mail to an address, from now on.
    pub fn behave(&self, address: &str, behaviour: Behaviour) {
        self.office.script(address, behaviour);
    }

    /// A certified message of somebody elsewhere arrives: a petition, an answer, a PEC with a PEC inside.
    ///
    /// # Errors
    /// When there is no such account, or its box is full.
    pub fn deliver_petition(&self, to: &str, letter: &Letter) -> Result<u32, DeliveryError> {
        let account = self.office.account_of(to).ok_or(BoxError::NoAccount)?;
        let envelope =
            self.office.transport_from_outside(letter, self.office.now(), Flaws::default())?;
        Ok(self.office.put(&account.address, "INBOX", &envelope)?)
    }

    /// The same with something wrong in the envelope.
    ///
    /// # Errors
    /// When there is no such account, or its box is full.
    pub fn deliver_flawed(
        &self,
        to: &str,
        letter: &Letter,
        flaws: Flaws,
    ) -> Result<u32, DeliveryError> {
        let account = self.office.account_of(to).ok_or(BoxError::NoAccount)?;
        let envelope = self.office.transport_from_outside(letter, self.office.now(), flaws)?;
        Ok(self.office.put(&account.address, "INBOX", &envelope)?)
    }

    /// An ordinary message arrives; on a certified account in an anomaly envelope.
    ///
    /// # Errors
    /// When there is no such account, or its box is full.
    pub fn deliver_letter(&self, to: &str, letter: &Letter) -> Result<u32, DeliveryError> {
        let domain = letter.from.rsplit_once('@').map_or("", |(_, domain)| domain);
        let message = letter.write(&self.office.letter_id(domain), self.office.now());
        self.office.deliver_ordinary(to, &message)
    }

    /// These bytes arrive as ordinary mail; on a certified account in an anomaly envelope.
    ///
    /// # Errors
    /// When there is no such account, or its box is full.
    pub fn deliver_ordinary(&self, to: &str, message: &[u8]) -> Result<u32, DeliveryError> {
        self.office.deliver_ordinary(to, message)
    }

    /// Puts these very bytes into a folder.
    ///
    /// # Errors
    /// When there is no such account or folder, or the box is full.
    pub fn put(&self, account: &str, folder: &str, message: &[u8]) -> Result<u32, BoxError> {
        self.with_box(account, |mailbox| mailbox.folder(folder).map(drop))?;
        self.office.put(account, folder, message)
    }

    /// The messages of a folder, in order.
    ///
    /// # Errors
    /// When there is no such account or folder.
    pub fn messages(&self, account: &str, folder: &str) -> Result<Vec<Arc<[u8]>>, BoxError> {
        self.office.with_box(account, |mailbox| {
            let messages = &mailbox.folder(folder)?.messages;
            Ok(messages.iter().map(|message| message.bytes.clone()).collect())
        })
    }

    /// The IMAP server misbehaves towards this account, once per fault.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn fault(&self, account: &str, fault: Fault) -> Result<(), BoxError> {
        self.with_box(account, |mailbox| {
            mailbox.arm(fault);
            Ok(())
        })
    }

    /// The submission server misbehaves towards this account, once per fault.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn submission_fault(&self, account: &str, fault: SubmissionFault) -> Result<(), BoxError> {
        self.with_box(account, |mailbox| {
            mailbox.arm_submission(fault);
            Ok(())
        })
    }

    /// New UIDVALIDITY, new UIDs. Clients that have the folder open are sent away.
    ///
    /// # Errors
    /// When there is no such account or folder.
    pub fn renumber(&self, account: &str, folder: &str) -> Result<(), BoxError> {
        self.with_box(account, |mailbox| mailbox.renumber(folder))
    }

    /// New UIDVALIDITY, and the messages in opposite order.
    ///
    /// # Errors
    /// When there is no such account or folder.
    pub fn reorder(&self, account: &str, folder: &str) -> Result<(), BoxError> {
        self.with_box(account, |mailbox| mailbox.reorder(folder))
    }

    /// A second copy of every message, with a UID of its own.
    ///
    /// # Errors
    /// When there is no such account or folder, or the box is full.
    pub fn duplicate(&self, account: &str, folder: &str) -> Result<(), BoxError> {
        self.with_box(account, |mailbox| mailbox.duplicate(folder))
    }

    /// Messages that were lost because a box was full.
    pub fn lost(&self) -> u64 {
        self.office.lost()
    }

    /// Ends every connection and waits for that.
    pub async fn close(self) {
        self.office.stop.cancel();
        self.office.tasks.close();
        self.office.tasks.wait().await;
    }

    fn with_box<T>(
        &self,
        account: &str,
        work: impl FnOnce(&mut MailBox) -> Result<T, BoxError>,
    ) -> Result<T, BoxError> {
        let done = self.office.with_box(account, work);
        self.office.changed();
        done
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        self.office.stop.cancel();
    }
}

fn acceptor(authority: &Authority) -> Result<TlsAcceptor, AuthorityError> {
    let (certificate, key) = authority.tls();
    let certificate = CertificateDer::from(certificate);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// One port.
struct Door {
    kind: Port,
    office: Arc<Office>,
    tls: TlsAcceptor,
}

impl Door {
    /// Lets clients in, so many at once, until the office closes.
    async fn keep(self, listener: TcpListener, connections: Arc<Semaphore>) {
        let stop = self.office.stop.clone();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // One client too many is sent away rather than kept waiting.
            let Ok(place) = connections.clone().try_acquire_owned() else { continue };
            let door = Self { kind: self.kind, office: self.office.clone(), tls: self.tls.clone() };
            self.office.tasks.spawn(async move {
                let stop = door.office.stop.clone();
                tokio::select! {
                    () = stop.cancelled() => {}
                    served = door.serve(stream) => {
                        if let Err(error) = served {
                            tracing::debug!(kind = ?error.kind(), "a client of the sandbox post office left");
                        }
                    }
                }
                drop(place);
            });
        }
    }

    async fn serve(self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let wire = Wire::new(Box::new(stream), self.office.config.limits.patience);
        let wire = match self.kind {
            Port::Smtps | Port::Imaps => wire.secured(&self.tls).await?,
            Port::Smtp | Port::Imap => wire,
        };
        match self.kind {
            Port::Smtps => smtp::Session::new(self.office, None).serve(wire).await,
            Port::Smtp => smtp::Session::new(self.office, Some(self.tls)).serve(wire).await,
            Port::Imaps | Port::Imap => imap::Session::new(self.office).serve(wire).await,
        }
    }
}
