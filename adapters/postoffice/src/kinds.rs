//! The kinds of certified mail and the words in which a provider states them (RFC 6109, 3 and 4.4).
//!
//! Guarantee: header, subject prefix and record of a kind come from one table and cannot disagree. Limit: the
//! Italian words of practice are used where the English text of the RFC translates them.

/// What a certified provider can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// *Accettazione*: the sender's provider has taken the message.
    Acceptance,
    /// *Non accettazione* for a formal fault.
    NonAcceptance,
    /// *Non accettazione* because of a virus.
    NonAcceptanceVirus,
    /// *Presa in carico*, between providers.
    TakenInCharge,
    /// *Avvenuta consegna*: the message is in the recipient's box.
    Delivery,
    /// *Mancata consegna*: it will not be.
    DeliveryError,
    /// *Mancata consegna* because of a virus.
    DeliveryErrorVirus,
    /// First warning: nothing heard for 12 hours.
    Timeout12h,
    /// Second warning: nothing heard for 24 hours; the provider stops looking.
    Timeout24h,
    /// *Rilevazione virus*, between providers.
    VirusDetected,
    /// *Busta di trasporto*: certified mail on its way to a recipient.
    Transport,
    /// *Busta di anomalia*: ordinary or faulty mail put into a certified box.
    Anomaly,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Acceptance,
        Self::NonAcceptance,
        Self::NonAcceptanceVirus,
        Self::TakenInCharge,
        Self::Delivery,
        Self::DeliveryError,
        Self::DeliveryErrorVirus,
        Self::Timeout12h,
        Self::Timeout24h,
        Self::VirusDetected,
        Self::Transport,
        Self::Anomaly,
    ];

    /// Value of `X-Ricevuta`; envelopes have none.
    pub const fn receipt(self) -> Option<&'static str> {
        Some(match self {
            Self::Acceptance => "accettazione",
            Self::NonAcceptance | Self::NonAcceptanceVirus => "non-accettazione",
            Self::TakenInCharge => "presa-in-carico",
            Self::Delivery => "avvenuta-consegna",
            Self::DeliveryError | Self::DeliveryErrorVirus => "errore-consegna",
            Self::Timeout12h | Self::Timeout24h => "preavviso-errore-consegna",
            Self::VirusDetected => "rilevazione-virus",
            Self::Transport | Self::Anomaly => return None,
        })
    }

    /// Whether `X-VerificaSicurezza: errore` stands in the header.
    pub const fn is_security_notice(self) -> bool {
        matches!(self, Self::NonAcceptanceVirus | Self::DeliveryErrorVirus)
    }

    /// What stands before the original subject.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Acceptance => "ACCETTAZIONE",
            Self::NonAcceptance => "AVVISO DI NON ACCETTAZIONE",
            Self::NonAcceptanceVirus => "AVVISO DI NON ACCETTAZIONE PER VIRUS",
            Self::TakenInCharge => "PRESA IN CARICO",
            Self::Delivery => "CONSEGNA",
            Self::DeliveryError => "AVVISO DI MANCATA CONSEGNA",
            Self::DeliveryErrorVirus => "AVVISO DI MANCATA CONSEGNA PER VIRUS",
            Self::Timeout12h | Self::Timeout24h => {
                "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO"
            }
            Self::VirusDetected => "PROBLEMA DI SICUREZZA",
            Self::Transport => "POSTA CERTIFICATA",
            Self::Anomaly => "ANOMALIA MESSAGGIO",
        }
    }

    /// Value of `/postacert/@tipo`; an anomaly has no record.
    pub const fn record(self) -> Option<&'static str> {
        match self {
            Self::Transport => Some("posta-certificata"),
            _ => self.receipt(),
        }
    }

    /// Value of `/postacert/@errore` where nothing more exact is known.
    pub const fn usual_error(self) -> &'static str {
        match self {
            Self::NonAcceptanceVirus | Self::DeliveryErrorVirus | Self::VirusDetected => "virus",
            Self::NonAcceptance | Self::DeliveryError => "altro",
            _ => "nessuno",
        }
    }

    /// Whether the record names one recipient in `consegna`.
    pub const fn names_recipient(self) -> bool {
        !matches!(
            self,
            Self::Acceptance
                | Self::NonAcceptance
                | Self::NonAcceptanceVirus
                | Self::TakenInCharge
                | Self::Transport
                | Self::Anomaly
        )
    }
}

/// How much of the message a delivery receipt gives back, as asked by `X-TipoRicevuta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Form {
    /// The whole message.
    #[default]
    Complete,
    /// The message with hashes in place of its attachments.
    Brief,
    /// The record alone.
    Synthetic,
}

impl Form {
    /// The word of header and record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "completa",
            Self::Brief => "breve",
            Self::Synthetic => "sintetica",
        }
    }

    /// Reads the sender's wish; anything unknown is a complete receipt, the default of RFC 6109.
    pub fn asked(value: &str) -> Self {
        match value.trim().to_ascii_lowercase().as_str() {
            "breve" => Self::Brief,
            "sintetica" => Self::Synthetic,
            _ => Self::Complete,
        }
    }
}
