//! Sheets as offices really export them, and as attackers and accidents make them.

use super::*;
use crate::addresses::{Address, Channel};
use crate::notices::Locale;
use proptest::prelude::*;
use std::io::Cursor;

const HEADER: &str = "numero;anno;ruolo;nome;cognome;email;cellulare\n";

fn rows(bytes: &[u8]) -> Vec<SheetRow> {
    CaseSheet::open(Cursor::new(bytes)).unwrap().map(Result::unwrap).collect()
}

fn good(text: &str) -> RecipientRequest {
    rows(text.as_bytes())[0].outcome.clone().unwrap()
}

/// `field: reason` of every error of the first row.
fn errors(text: &str) -> Vec<String> {
    let errors = rows(text.as_bytes())[0].outcome.clone().unwrap_err();
    errors.iter().map(|error| format!("{}: {}", error.field, error.reason)).collect()
}

/// The sentence with which a file is refused, at the header or at a row.
fn refusal(bytes: &[u8]) -> String {
    match CaseSheet::open(Cursor::new(bytes)) {
        Err(error) => error.to_string(),
        Ok(sheet) => sheet.filter_map(Result::err).next().unwrap().to_string(),
    }
}

#[test]
fn a_row_becomes_a_request_with_everything_it_says() {
    let request = good(
        "case_number,case_year,filed_on,matter,value,role,given_name,family_name,fiscal_code,email,pec,\
         mobile,fax,street,house_number,postal_code,city,province,country,language,meeting_at,\
         meeting_place,lawyer_name,lawyer_pec,Sala riunioni\n\
         12/A,2026,10/03/2026,Condominio,\"12.345,67\",convocata,Maria,D'Andrà,RSSMRA85T10A562S,\
         M.Rossi@Example.it,m@pec.it,333 1234567,06 12345678,via Roma,1/B,00187,Roma,RM,,de,\
         03/11/2026 15:30,sede di Roma,avv. Verdi,verdi@pec.it,Aula 2\n",
    );
    let facts = &request.facts;
    assert_eq!((request.row, facts.locale), (2, Locale::De));
    assert_eq!((facts.case.number.as_str(), facts.case.year), ("12/A", 2026));
    assert_eq!(facts.case.filed_on, Some(jiff::civil::date(2026, 3, 10)));
    assert_eq!(facts.case.value_cents, Some(1_234_567));
    assert_eq!(facts.recipient.role, "convocato");
    assert_eq!(facts.recipient.full_name(), "Maria D'Andrà");
    assert_eq!(facts.recipient.postal_lines, ["MARIA D'ANDRÀ", "VIA ROMA 1/B", "00187 ROMA RM"]);
    let meeting = facts.meeting.as_ref().unwrap();
    assert_eq!(
        (meeting.at.to_string().as_str(), meeting.place.as_str()),
        ("2026-11-03T15:30:00", "sede di Roma")
    );
    assert_eq!(facts.lawyer.as_ref().unwrap().pec, "verdi@pec.it");
    assert_eq!(facts.extra["sala_riunioni"], "Aula 2");
    for channel in [Channel::Email, Channel::Pec, Channel::Sms, Channel::Fax, Channel::Registered] {
        assert!(request.addresses.iter().any(|address| address.serves(channel)), "{channel}");
    }
}

#[test]
fn headers_are_known_in_any_language_order_case_and_spelling() {
    for header in [
        "numero;anno;cognome",
        "NUMERO; Anno ;Cognome",
        "case_number;case_year;family_name",
        "Case Number;caseyear;Family-Name",
        "case_number [numero];case_year [anno];family_name [cognome]",
        "\"numero\";\"anno\";\"cognome\"",
    ] {
        assert_eq!(
            good(&format!("{header}\n1;2026;Rossi\n")).facts.recipient.family_name,
            "Rossi",
            "{header}"
        );
    }
    let turned = good("Cognome\tCittà di nascita\tANNO\tNumero\nRossi\tForlì\t2026\t1\n");
    assert_eq!(turned.facts.extra["citta_di_nascita"], "Forlì");
}

#[test]
fn the_encodings_and_delimiters_of_spreadsheets_are_all_read() {
    let text = "numero;anno;nome;cognome\n1;2026;Nicolò;D’Amò\n";
    let bom = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let (cp1252, ..) = encoding_rs::WINDOWS_1252.encode(text);
    let old_mac = text.replace('\n', "\r");
    let windows = text.replace('\n', "\r\n");
    let sep = format!("sep=;\r\n{windows}");
    let pipes = format!("\"sep=|\"\n{}", text.replace(';', "|"));
    let (commas, tabs) = (text.replace(';', ","), text.replace(';', "\t"));
    for bytes in [
        text.as_bytes(),
        &bom,
        &cp1252,
        old_mac.as_bytes(),
        windows.as_bytes(),
        sep.as_bytes(),
        pipes.as_bytes(),
        commas.as_bytes(),
        tabs.as_bytes(),
        text.trim_end().as_bytes(),
    ] {
        let rows = rows(bytes);
        assert_eq!((rows.len(), rows[0].row), (1, 2));
        let facts = rows[0].outcome.clone().unwrap().facts;
        assert_eq!(facts.recipient.full_name(), "Nicolò D’Amò");
    }
}

#[test]
fn one_cp1252_letter_far_down_decides_the_encoding_of_the_whole_file() {
    let mut bytes = b"numero;anno;cognome\n".to_vec();
    for n in 0..20_000 {
        bytes.extend_from_slice(format!("{n};2026;Rossi\n").as_bytes());
    }
    bytes.extend_from_slice(b"x;2026;Nicol\xf2\n");
    let last = rows(&bytes).pop().unwrap().outcome.unwrap();
    assert_eq!((last.row, last.facts.recipient.family_name.as_str()), (20_002, "Nicolò"));
}

#[test]
fn a_row_number_is_the_one_that_a_spreadsheet_shows() {
    let text = "sep=;\nnumero;anno;cognome;nota\n1;2026;A;\"due\nrighe\"\n\n;;;\n2;2026;B;\n";
    let numbers: Vec<_> = rows(text.as_bytes()).iter().map(|row| row.row).collect();
    assert_eq!(numbers, [2, 5]);
}

#[test]
fn all_errors_of_a_row_are_told_not_only_the_first() {
    let told = errors(
        "numero;anno;cognome;ruolo;codice_fiscale;email;pec;cellulare;cap;provincia;data_presentazione;data_incontro;lingua;valore;pec_avvocato\n\
         ;26;;capo;RSSMRA85T10A562T;mario@example;a b@c.it;06 1234567;187;XX;31/02/2026;03/11/2026;fr;molto;x\n",
    );
    assert_eq!(
        told,
        [
            "case_number: manca il numero della pratica",
            "case_year: l'anno della pratica si scrive con quattro cifre, per esempio 2026",
            "filed_on: la data non esiste nel calendario",
            "value: il valore non è un importo, per esempio 12.345,67",
            "family_name: manca il nome: serve il cognome o la ragione sociale",
            "role: il ruolo deve essere uno tra istante, convocato, avvocato, mediatore, debitore, creditore",
            "fiscal_code: la lettera di controllo del codice fiscale non torna",
            "language: «fr» non è una lingua disponibile: si usano it, de, en",
            "email: al dominio manca la parte finale, per esempio .it",
            "pec: c'è uno spazio nell'indirizzo",
            "mobile: non è un numero di cellulare: a un numero fisso o speciale non si mandano SMS",
            "postal_code: il CAP deve avere 5 cifre",
            "province: la provincia non esiste: si scrive la sigla, per esempio MI",
            "lawyer_pec: manca la @",
            "meeting_at: manca l'ora, per esempio 03/11/2026 15:30",
        ]
    );
}

#[test]
fn header_injection_and_formulas_are_refused_by_cell() {
    let told = errors(&format!(
        "{HEADER}1;2026;;=cmd|'/C calc'!A0;\"Rossi\r\nBcc: x@y.it\";@SUM(1);+39 333 1234567\n"
    ));
    assert_eq!(
        told,
        [
            "given_name: la cella comincia come una formula (=, @, + o -): va scritto il valore",
            "family_name: la cella contiene un a capo",
            "email: la cella comincia come una formula (=, @, + o -): va scritto il valore",
        ]
    );
    let extra = errors("numero;anno;cognome;Nota Bene\n1;2026;Rossi;=1+1\n");
    assert!(extra[0].starts_with("Nota Bene: "), "{extra:?}");
}

#[test]
fn numbers_that_a_spreadsheet_has_mangled_are_told_as_such() {
    let told = errors(
        "numero;anno;cognome;cellulare;codice_fiscale;cap\n1;2026;Rossi;3,39E+11;7,43E+09;187\n",
    );
    assert_eq!(told.len(), 3);
    assert!(
        told[0]
            .starts_with("fiscal_code: il foglio di calcolo ha trasformato il numero in 7,43E+09")
    );
    assert!(
        told[1].starts_with("mobile: il foglio di calcolo ha trasformato il numero in 3,39E+11")
    );
}

#[test]
fn a_repeated_row_names_the_row_that_it_repeats() {
    let text = format!(
        "{HEADER}1;2026;;Maria;Rossi;m@x.it;\n2;2026;;Maria;Rossi;m@x.it;\n\n1;2026;istante;MARIA;Rossi;M@x.it;\n1;2026;;Maria;Rossi;altra@x.it;\n"
    );
    let rows = rows(text.as_bytes());
    let told = rows[2].outcome.clone().unwrap_err();
    assert_eq!(
        told,
        [RowError {
            row: 5,
            field: "row".into(),
            reason: "ripete la riga 2: stessa pratica, stessa persona, stessi indirizzi".into()
        }]
    );
    assert!([0, 1, 3].into_iter().all(|index| rows[index].outcome.is_ok()));
}

#[test]
fn a_row_with_odd_quotes_or_too_many_cells_is_an_error_of_that_row_only() {
    let text = "numero;anno;cognome\n1;2026;\"Rossi\"x\n2;2026;Ro;ssi\n3;2026;\"Ro\"\"ssi\"\n4;2026;Bi;;\n";
    let rows = rows(text.as_bytes());
    assert!(rows[0].outcome.clone().unwrap_err()[0].reason.contains("virgolette"));
    assert!(rows[1].outcome.clone().unwrap_err()[0].reason.contains("colonna senza nome"));
    assert_eq!(rows[2].outcome.clone().unwrap().facts.recipient.family_name, "Ro\"ssi");
    assert!(rows[3].outcome.is_ok());
}

#[test]
fn an_address_without_street_is_a_warning_and_a_street_without_town_an_error() {
    let header = "numero;anno;cognome;indirizzo;civico;cap;comune;provincia;nazione";
    let at = |cells: &str| rows(format!("{header}\n1;2026;Rossi;{cells}\n").as_bytes()).remove(0);
    let no_street = at(";;20121;Milano;MI;");
    assert!(no_street.outcome.unwrap().addresses.is_empty());
    assert_eq!(no_street.warnings[0].field, "street");
    let no_town = at("via Roma;1;;;;").outcome.unwrap_err();
    assert_eq!(
        no_town.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(),
        ["city", "postal_code"]
    );
    let generic = at("via Roma;1;20100;Milano;MI;");
    assert!(generic.outcome.is_ok() && generic.warnings[0].reason.contains("generico"));
    let abroad = at("Bahnhofstrasse;1;8001;Zürich;;Svizzera").outcome.unwrap();
    let Address::Postal(block) = &abroad.addresses[0] else { panic!("a block") };
    assert_eq!(block.lines().last().unwrap(), "SVIZZERA");
    assert!(at("via Ventotto Luglio;1;47890;San Marino;RSM;").outcome.is_ok());
}

#[test]
fn a_file_that_is_no_sheet_gets_one_sentence() {
    let long = format!("{HEADER}1;2026;;Maria;{}", "x".repeat(MAX_RECORD + 1));
    let open = format!("{HEADER}1;2026;;\"Maria;Rossi\n2;2026;;Anna;Bianchi\n");
    let endless = format!("{HEADER}1;2026;;\"Maria\n{}", "y\n".repeat(MAX_RECORD));
    for (bytes, word) in [
        (&b""[..], "vuoto"),
        (b"\xef\xbb\xbf", "vuoto"),
        (b" \r\n\n", "vuoto"),
        (b"sep=;\n", "vuoto"),
        (b"PK\x03\x04rest", "non è un CSV"),
        (b"a;b\0c", "non è un CSV"),
        (b"\xff\xfen\0u\0m\0", "UTF-16"),
        (b"1;2026;Rossi\n2;2026;Verdi\n", "manca l'intestazione"),
        (b"anno;cognome\n2026;Rossi\n", "la colonna «numero»"),
        (b"numero;cognome\n1;Rossi\n", "la colonna «anno»"),
        (b"numero;anno;email\n1;2026;m@x.it\n", "la colonna «cognome»"),
        (b"numero;anno;cognome;case_number\n", "«numero» compare due volte"),
        (b"numero;anno;cognome;Nota;nota\n", "«nota» compare due volte"),
        (format!("numero;anno;cognome{}\n", ";x".repeat(100)).as_bytes(), "«x» compare due volte"),
        (format!("numero;anno;cognome{}\n", ";".repeat(250)).as_bytes(), "più di 200 colonne"),
        (long.as_bytes(), "la riga 2 supera 1 MB"),
        (endless.as_bytes(), "la riga 2 supera 1 MB"),
        (open.as_bytes(), "alla riga 2 si aprono virgolette"),
    ] {
        let sentence = refusal(bytes);
        assert!(sentence.contains(word), "{sentence}");
    }
}

#[test]
fn after_a_fatal_error_there_are_no_more_rows() {
    let text = format!("{HEADER}1;2026;;A;B;;\n2;2026;;\"open");
    let items: Vec<_> = CaseSheet::open(Cursor::new(text)).unwrap().collect();
    assert_eq!(items.len(), 2);
    assert!(items[0].is_ok() && items[1].is_err());
}

#[test]
fn a_petition_cannot_be_filed_tomorrow() {
    let text = "numero;anno;cognome;data_presentazione\n1;2026;Rossi;22/11/2026\n2;2026;Bianchi;23/11/2026\n";
    let today = jiff::civil::date(2026, 11, 22);
    let sheet = CaseSheet::open(Cursor::new(text)).unwrap().as_of(today);
    let rows: Vec<_> = sheet.map(Result::unwrap).collect();
    assert!(rows[0].outcome.is_ok());
    let errors = rows[1].outcome.as_ref().unwrap_err();
    assert_eq!((errors[0].row, errors[0].field.as_str()), (3, "filed_on"));
    assert_eq!(errors[0].reason, "la data di deposito è nel futuro");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let with_header = [HEADER.as_bytes(), &bytes].concat();
        for source in [bytes, with_header] {
            if let Ok(sheet) = CaseSheet::open(Cursor::new(source)) {
                prop_assert!(sheet.count() <= 401);
            }
        }
    }

    #[test]
    fn no_cells_make_the_reader_panic(cells in "[0-9a-zA-Zà-ù@.;,\"\t\n\r=+-]{0,200}") {
        let text = format!("{HEADER}{cells}\n");
        for row in CaseSheet::open(Cursor::new(text)).unwrap().flatten() {
            prop_assert!(row.row >= 2);
        }
    }

    #[test]
    fn any_names_come_through_quotes_unchanged(given in "[\\PC&&[^\\p{Zs}]]{1,30}", family in "[a-zà-ù\";,' ]{1,30}x") {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let text = format!("numero,anno,nome,cognome\n1,2026,{},{}\n", quoted(&given), quoted(&family));
        let row = rows(text.as_bytes()).remove(0);
        if let Ok(request) = row.outcome {
            let expected = family.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(request.facts.recipient.family_name, expected);
        } else {
            // Only a given name that looks like a formula or holds a forbidden mark.
            prop_assert!(row.outcome.unwrap_err().iter().all(|error| error.field == "given_name"));
        }
    }
}
