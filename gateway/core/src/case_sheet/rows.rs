//! From the cells of a row to what it asks for, with every error of the row.

use super::cells;
use super::columns::{Column, Header, Slot};
use super::records::Record;
use super::{RowError, SheetRow, fiscal_code};
use crate::addresses::postal::{check_postal_code, provinces};
use crate::addresses::{
    Address, EmailAddress, InvalidAddress, PhoneNumber, PostalBlock, PostalParts,
};
use crate::cases::Role;
use crate::notices::{
    CaseFacts, LawyerFacts, Locale, MeetingFacts, NoticeFacts, RecipientFacts, RecipientRequest,
};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// Reads a row. `today` is the day after which nothing can have been filed, where it is known.
pub(super) fn read(header: &Header, record: Record, today: Option<Date>) -> SheetRow {
    let row = record.row;
    let mut reading = Reading {
        row,
        today,
        known: vec![String::new(); Column::ALL.len()],
        extra: BTreeMap::new(),
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    if !record.well_formed {
        reading.error("row", "le virgolette di una cella non sono chiuse bene".to_owned());
    }
    reading.take_cells(header, record.cells);
    let request = reading.request();
    let Reading { errors, warnings, .. } = reading;
    SheetRow { row, outcome: if errors.is_empty() { Ok(request) } else { Err(errors) }, warnings }
}

/// A row being read.
struct Reading {
    row: u32,
    today: Option<Date>,
    /// Cells by column, trimmed; empty when absent or refused.
    known: Vec<String>,
    extra: BTreeMap<String, String>,
    errors: Vec<RowError>,
    warnings: Vec<RowError>,
}

impl Reading {
    fn error(&mut self, field: &str, reason: String) {
        self.errors.push(RowError { row: self.row, field: field.to_owned(), reason });
    }

    fn warn(&mut self, field: &str, reason: String) {
        self.warnings.push(RowError { row: self.row, field: field.to_owned(), reason });
    }

    fn take_cells(&mut self, header: &Header, cells: Vec<String>) {
        let nameless = "c'è un valore in una colonna senza nome: forse un separatore dentro un testo senza virgolette";
        for (index, cell) in cells.into_iter().enumerate() {
            let text = cell.trim();
            // A dash is how people leave a cell empty.
            if text.is_empty() || text == "-" {
                continue;
            }
            let slot = header.slots.get(index).unwrap_or(&Slot::Nameless);
            let (field, known) = match slot {
                Slot::Known(column) => (column.name(), true),
                Slot::Extra { written, .. } => (written.as_str(), false),
                Slot::Nameless => {
                    self.error("row", nameless.to_owned());
                    return;
                }
            };
            if let Err(reason) = cells::check(&cell, known) {
                self.error(field, reason);
                continue;
            }
            match slot {
                Slot::Known(column) => {
                    self.known[*column as usize] =
                        text.split_whitespace().collect::<Vec<_>>().join(" ");
                }
                Slot::Extra { key, .. } => {
                    self.extra.insert(key.clone(), text.to_owned());
                }
                Slot::Nameless => {}
            }
        }
    }

    fn text(&self, column: Column) -> &str {
        &self.known[column as usize]
    }

    fn refused(&self, column: Column) -> bool {
        self.errors.iter().any(|error| error.field == column.name())
    }

    /// Reads a cell that is not empty; an error is kept.
    fn parsed<T, E: ToString>(
        &mut self,
        column: Column,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        match parse(text) {
            Ok(value) => Some(value),
            Err(reason) => {
                let reason = reason.to_string();
                self.error(column.name(), reason);
                None
            }
        }
    }

    fn required(&mut self, column: Column, reason: &str) {
        if self.text(column).is_empty() && !self.refused(column) {
            self.error(column.name(), reason.to_owned());
        }
    }

    fn request(&mut self) -> RecipientRequest {
        let case = self.case();
        let mut recipient = self.recipient();
        let locale = self.parsed(Column::Language, str::parse::<Locale>).unwrap_or_default();
        let (addresses, postal_lines) = self.addresses(&recipient);
        recipient.postal_lines = postal_lines;
        let lawyer = self.lawyer();
        let meeting = self.meeting();
        let facts = NoticeFacts {
            locale,
            case,
            recipient,
            lawyer,
            meeting,
            extra: std::mem::take(&mut self.extra),
            ..NoticeFacts::default()
        };
        RecipientRequest { row: self.row, facts, addresses }
    }

    fn case(&mut self) -> CaseFacts {
        self.required(Column::CaseNumber, "manca il numero della pratica");
        self.required(Column::CaseYear, "manca l'anno della pratica");
        CaseFacts {
            number: self.parsed(Column::CaseNumber, cells::case_number).unwrap_or_default(),
            year: self.parsed(Column::CaseYear, cells::case_year).unwrap_or_default(),
            filed_on: self.filed_on(),
            matter: self.text(Column::Matter).to_owned(),
            value_cents: self.parsed(Column::Value, cells::amount).flatten(),
        }
    }

    fn filed_on(&mut self) -> Option<Date> {
        let today = self.today;
        self.parsed(Column::FiledOn, |text| {
            let date = cells::date(text)?;
            check_filed_on(date, today).map(|()| date).map_err(str::to_owned)
        })
    }

    fn recipient(&mut self) -> RecipientFacts {
        let names = [Column::FamilyName, Column::Company, Column::GivenName];
        if names.iter().all(|column| self.text(*column).is_empty() && !self.refused(*column)) {
            self.error(
                Column::FamilyName.name(),
                "manca il nome: serve il cognome o la ragione sociale".to_owned(),
            );
        }
        let role = self.parsed(Column::Role, cells::role);
        let fiscal_code = self.parsed(Column::FiscalCode, |text| {
            cells::check_unmangled(text)?;
            fiscal_code::parse(text).map_err(str::to_owned)
        });
        RecipientFacts {
            role: role.map_or("", Role::italian).to_owned(),
            given_name: self.text(Column::GivenName).to_owned(),
            family_name: self.text(Column::FamilyName).to_owned(),
            company: self.text(Column::Company).to_owned(),
            fiscal_code: fiscal_code.unwrap_or_default(),
            postal_lines: Vec::new(),
        }
    }

    fn addresses(&mut self, recipient: &RecipientFacts) -> (Vec<Address>, Vec<String>) {
        let email = self.parsed(Column::Email, EmailAddress::parse).map(Address::Email);
        let pec = self.parsed(Column::Pec, EmailAddress::parse).map(Address::Pec);
        let mobile = self.parsed(Column::Mobile, mobile).map(Address::Mobile);
        let fax = self.parsed(Column::Fax, phone).map(Address::Fax);
        let block = self.postal(recipient);
        let lines = block.as_ref().map(|block| block.lines().to_vec()).unwrap_or_default();
        let postal = block.map(Address::Postal);
        ([email, pec, mobile, fax, postal].into_iter().flatten().collect(), lines)
    }

    /// The postal block, where there is a street. What is known without one is checked all the same.
    fn postal(&mut self, recipient: &RecipientFacts) -> Option<PostalBlock> {
        let parts = PostalParts {
            recipient: recipient.full_name(),
            street: self.text(Column::Street).to_owned(),
            house_number: self.text(Column::HouseNumber).to_owned(),
            postal_code: self.text(Column::PostalCode).to_owned(),
            city: self.text(Column::City).to_owned(),
            province: self.text(Column::Province).to_owned(),
            country: self.text(Column::Country).to_owned(),
            ..PostalParts::default()
        };
        self.parsed(Column::HouseNumber, cells::check_unmangled);
        if !parts.is_abroad() {
            self.parsed(Column::PostalCode, |text| {
                cells::check_unmangled(text)?;
                check_postal_code(text).map_err(|error| error.0)
            });
            if !parts.is_in_an_enclave() {
                self.parsed(Column::Province, |text| {
                    provinces::province(text)
                        .ok_or("la provincia non esiste: si scrive la sigla, per esempio MI")
                });
            }
        }
        if parts.street.is_empty() {
            if !parts.city.is_empty() && !self.refused(Column::Street) {
                self.warn(
                    Column::Street.name(),
                    "manca la via: non c'è un indirizzo postale".to_owned(),
                );
            }
            return None;
        }
        self.required(Column::City, "manca il comune");
        if !parts.is_abroad() {
            self.required(Column::PostalCode, "manca il CAP");
        }
        let columns = [
            Column::HouseNumber,
            Column::PostalCode,
            Column::City,
            Column::Province,
            Column::Country,
        ];
        if columns.into_iter().any(|column| self.refused(column)) || parts.recipient.is_empty() {
            return None;
        }
        match PostalBlock::compose(&parts) {
            Ok(block) => {
                for warning in block.warnings() {
                    self.warn(Column::Street.name(), warning.clone());
                }
                Some(block)
            }
            Err(InvalidAddress(reason)) => {
                self.error(Column::Street.name(), reason);
                None
            }
        }
    }

    fn lawyer(&mut self) -> Option<LawyerFacts> {
        let pec = self.parsed(Column::LawyerPec, EmailAddress::parse).map(String::from);
        let name = self.text(Column::LawyerName).to_owned();
        let known = pec.is_some() || !name.is_empty();
        known.then(|| LawyerFacts { name, pec: pec.unwrap_or_default() })
    }

    fn meeting(&mut self) -> Option<MeetingFacts> {
        let at = self.parsed(Column::MeetingAt, cells::date_time);
        let place = self.text(Column::MeetingPlace).to_owned();
        if at.is_none() && !place.is_empty() {
            // No meeting yet, but what the file says is not lost.
            self.extra.insert(Column::MeetingPlace.name().to_owned(), place.clone());
        }
        at.map(|at| MeetingFacts { at, place })
    }
}

/// A petition is filed before anybody is told of it.
pub(super) fn check_filed_on(date: Date, today: Option<Date>) -> Result<(), &'static str> {
    if today.is_some_and(|today| date > today) {
        return Err("la data di deposito è nel futuro");
    }
    Ok(())
}

fn phone(text: &str) -> Result<PhoneNumber, String> {
    cells::check_unmangled(text)?;
    PhoneNumber::parse(text).map_err(|error| error.0)
}

fn mobile(text: &str) -> Result<PhoneNumber, String> {
    let number = phone(text)?;
    if number.accepts_sms() {
        Ok(number)
    } else {
        Err("non è un numero di cellulare: a un numero fisso o speciale non si mandano SMS"
            .to_owned())
    }
}
