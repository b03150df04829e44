//! The header: which column says what, whatever its language, order and spelling.

use super::records::{Records, Splitter};
use super::{MAX_COLUMNS, SheetError};
use std::io::BufRead;
use unicode_normalization::UnicodeNormalization;

macro_rules! columns {
    ($($name:ident $english:literal $($italian:literal)|+;)*) => {
        /// A column that we know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Column { $($name),* }

        impl Column {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The English name, as in errors and in the documentation.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $english),* }
            }

            /// The Italian names; the first is the documented one.
            const fn italian(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($italian),+]),* }
            }
        }
    };
}

columns! {
    CaseNumber "case_number" "numero" | "numero_pratica" | "numero_procedimento";
    CaseYear "case_year" "anno";
    FiledOn "filed_on" "data_presentazione" | "data_deposito";
    Matter "matter" "materia";
    Value "value" "valore";
    Role "role" "ruolo";
    GivenName "given_name" "nome";
    FamilyName "family_name" "cognome";
    Company "company" "ragione_sociale";
    FiscalCode "fiscal_code" "codice_fiscale";
    Email "email" "posta_elettronica";
    Pec "pec" "posta_certificata";
    Mobile "mobile" "cellulare";
    Fax "fax" "telefax";
    Street "street" "indirizzo";
    HouseNumber "house_number" "civico" | "numero_civico";
    PostalCode "postal_code" "cap";
    City "city" "comune";
    Province "province" "provincia";
    Country "country" "nazione";
    Language "language" "lingua";
    MeetingAt "meeting_at" "data_incontro";
    MeetingPlace "meeting_place" "sede";
    LawyerName "lawyer_name" "avvocato";
    LawyerPec "lawyer_pec" "pec_avvocato";
}

impl Column {
    /// Finds a column by a header as written, also in the form `english [italian]`.
    fn find(written: &str) -> Option<Self> {
        let named = |text: &str| {
            let key = key(text);
            let same = |name: &str| self::key(name) == key;
            Self::ALL
                .iter()
                .copied()
                .find(|column| same(column.name()) || column.italian().iter().any(|n| same(n)))
        };
        named(written).or_else(|| {
            let (before, rest) = written.split_once('[')?;
            named(before).or_else(|| named(rest.trim_end().strip_suffix(']')?))
        })
    }
}

/// What a position of a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Known(Column),
    /// Kept for templates.
    Extra {
        /// Lower case, without accents, words joined by `_`: a name that a template can say.
        key: String,
        written: String,
    },
    /// A column without a name.
    Nameless,
}

/// The positions, in order.
#[derive(Debug)]
pub(super) struct Header {
    pub slots: Vec<Slot>,
}

impl Header {
    /// Reads the header, and tells the records which delimiter they have.
    pub fn read<R: BufRead>(records: &mut Records<R>) -> Result<Self, SheetError> {
        let mut line = loop {
            match records.next_line()? {
                None => return Err(SheetError::Empty),
                Some(line) if line.trim().is_empty() => {}
                Some(line) => break line,
            }
        };
        let mut candidates = vec![';', ',', '\t'];
        if let Some(delimiter) = declared_delimiter(&line) {
            candidates = vec![delimiter];
            // A spreadsheet does not show this line.
            records.row -= 1;
            line = records.next_line()?.ok_or(SheetError::Empty)?;
        }
        let (delimiter, header) = candidates
            .into_iter()
            .map(|delimiter| (delimiter, Self::split(&line, delimiter)))
            .max_by_key(|(_, header)| (header.known().count(), header.slots.len()))
            .ok_or(SheetError::NoHeader)?;
        records.delimiter = delimiter;
        header.check()?;
        Ok(header)
    }

    fn split(line: &str, delimiter: char) -> Self {
        let mut splitter = Splitter::new(delimiter);
        splitter.take(line);
        let (cells, _) = splitter.finish();
        let slot = |written: String| {
            let written = written.trim();
            if written.is_empty() {
                return Slot::Nameless;
            }
            Column::find(written).map_or_else(
                || Slot::Extra { key: template_name(written), written: cut(written) },
                Slot::Known,
            )
        };
        Self { slots: cells.into_iter().map(slot).collect() }
    }

    fn known(&self) -> impl Iterator<Item = Column> + '_ {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Known(column) => Some(*column),
            _ => None,
        })
    }

    fn check(&self) -> Result<(), SheetError> {
        let has = |column| self.known().any(|known| known == column);
        if self.known().next().is_none() {
            return Err(SheetError::NoHeader);
        }
        if self.slots.len() > MAX_COLUMNS {
            return Err(SheetError::TooManyColumns);
        }
        for (index, slot) in self.slots.iter().enumerate() {
            if *slot != Slot::Nameless && self.slots[..index].iter().any(|other| same(other, slot))
            {
                return Err(SheetError::RepeatedColumn(match slot {
                    Slot::Known(column) => column.italian()[0].to_owned(),
                    Slot::Extra { written, .. } => written.clone(),
                    Slot::Nameless => String::new(),
                }));
            }
        }
        if !has(Column::CaseNumber) {
            return Err(SheetError::MissingColumn("numero"));
        }
        if !has(Column::CaseYear) {
            return Err(SheetError::MissingColumn("anno"));
        }
        if ![Column::GivenName, Column::FamilyName, Column::Company].into_iter().any(has) {
            return Err(SheetError::MissingColumn("cognome"));
        }
        Ok(())
    }
}

fn same(one: &Slot, other: &Slot) -> bool {
    match (one, other) {
        (Slot::Extra { key: one, .. }, Slot::Extra { key: other, .. }) => one == other,
        _ => one == other,
    }
}

/// Excel's own line before the header, e.g. `sep=;`.
fn declared_delimiter(line: &str) -> Option<char> {
    let rest = line.trim_matches(['"', ' ', '\u{feff}']);
    let delimiter =
        rest.get(..4).filter(|word| word.eq_ignore_ascii_case("sep=")).map(|_| &rest[4..])?;
    match delimiter {
        "," => Some(','),
        ";" => Some(';'),
        "\t" => Some('\t'),
        "|" => Some('|'),
        _ => None,
    }
}

/// A header without case, accents, blanks and marks.
fn key(text: &str) -> String {
    text.nfd().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The name under which templates find a column: `Sala riunioni` becomes `sala_riunioni`.
fn template_name(written: &str) -> String {
    let bare: String = written
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .flat_map(char::to_lowercase)
        .collect();
    let name = bare.split_whitespace().collect::<Vec<_>>().join("_");
    name.chars().take(60).collect()
}

fn cut(written: &str) -> String {
    written.chars().filter(|c| !c.is_control()).take(60).collect()
}
