//! Sheets of cases for the stories.

use std::fmt::Write;

/// The header that most stories use.
pub const HEADER: &str = "numero;anno;data_presentazione;materia;valore;ruolo;nome;cognome;email;cellulare;indirizzo;civico;cap;comune;provincia;data_incontro;sede\n";

/// Given names with what Italian names have in them.
const NAMES: [&str; 6] = ["Niccolò", "Maria Grazia", "Zoë", "Øystein", "Beatrice", "Totò"];
/// Family names with what Italian names have in them.
const FAMILIES: [&str; 6] =
    ["D'Angelo", "de' Rossi", "Lo Presti", "Müller", "Fàbregas", "Bellucci"];

/// A sheet of `rows` summonses to `anna0@…`, `anna1@…` of this domain, with mobile numbers.
pub fn summonses(rows: usize, domain: &str) -> String {
    let mut sheet = HEADER.to_owned();
    for row in 0..rows {
        let (name, family) = (NAMES[row % 6], FAMILIES[(row / 6) % 6]);
        let case = 1 + row / 2;
        writeln!(
            sheet,
            "{case};2026;02/11/2026;condominio;\"1.200,50\";convocato;{name};{family};anna{row}@{domain};+39333{row:07};Via Roma;{row};50123;Firenze;FI;02/12/2026 10:00;Sala Blu, Via Larga 7, Firenze",
        )
        .expect("a string takes every line");
    }
    sheet
}
