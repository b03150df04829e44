//! Italian provinces and cities with several postal codes, as data.
//!
//! The list is that of the 107 two-letter codes in use to December 2025; Sardinia has been
//! reorganised in 2025–26, so its former codes are known too and accepted with a warning. Whether a
//! street belongs to a postal code is beyond these tables: it takes the carrier's own data.

/// Two-letter code and name.
const CURRENT: [(&str, &str); 107] = [
    ("AG", "Agrigento"),
    ("AL", "Alessandria"),
    ("AN", "Ancona"),
    ("AO", "Aosta"),
    ("AP", "Ascoli Piceno"),
    ("AQ", "L'Aquila"),
    ("AR", "Arezzo"),
    ("AT", "Asti"),
    ("AV", "Avellino"),
    ("BA", "Bari"),
    ("BG", "Bergamo"),
    ("BI", "Biella"),
    ("BL", "Belluno"),
    ("BN", "Benevento"),
    ("BO", "Bologna"),
    ("BR", "Brindisi"),
    ("BS", "Brescia"),
    ("BT", "Barletta-Andria-Trani"),
    ("BZ", "Bolzano"),
    ("CA", "Cagliari"),
    ("CB", "Campobasso"),
    ("CE", "Caserta"),
    ("CH", "Chieti"),
    ("CL", "Caltanissetta"),
    ("CN", "Cuneo"),
    ("CO", "Como"),
    ("CR", "Cremona"),
    ("CS", "Cosenza"),
    ("CT", "Catania"),
    ("CZ", "Catanzaro"),
    ("EN", "Enna"),
    ("FC", "Forlì-Cesena"),
    ("FE", "Ferrara"),
    ("FG", "Foggia"),
    ("FI", "Firenze"),
    ("FM", "Fermo"),
    ("FR", "Frosinone"),
    ("GE", "Genova"),
    ("GO", "Gorizia"),
    ("GR", "Grosseto"),
    ("IM", "Imperia"),
    ("IS", "Isernia"),
    ("KR", "Crotone"),
    ("LC", "Lecco"),
    ("LE", "Lecce"),
    ("LI", "Livorno"),
    ("LO", "Lodi"),
    ("LT", "Latina"),
    ("LU", "Lucca"),
    ("MB", "Monza e Brianza"),
    ("MC", "Macerata"),
    ("ME", "Messina"),
    ("MI", "Milano"),
    ("MN", "Mantova"),
    ("MO", "Modena"),
    ("MS", "Massa-Carrara"),
    ("MT", "Matera"),
    ("NA", "Napoli"),
    ("NO", "Novara"),
    ("NU", "Nuoro"),
    ("OR", "Oristano"),
    ("PA", "Palermo"),
    ("PC", "Piacenza"),
    ("PD", "Padova"),
    ("PE", "Pescara"),
    ("PG", "Perugia"),
    ("PI", "Pisa"),
    ("PN", "Pordenone"),
    ("PO", "Prato"),
    ("PR", "Parma"),
    ("PT", "Pistoia"),
    ("PU", "Pesaro e Urbino"),
    ("PV", "Pavia"),
    ("PZ", "Potenza"),
    ("RA", "Ravenna"),
    ("RC", "Reggio Calabria"),
    ("RE", "Reggio Emilia"),
    ("RG", "Ragusa"),
    ("RI", "Rieti"),
    ("RM", "Roma"),
    ("RN", "Rimini"),
    ("RO", "Rovigo"),
    ("SA", "Salerno"),
    ("SI", "Siena"),
    ("SO", "Sondrio"),
    ("SP", "La Spezia"),
    ("SR", "Siracusa"),
    ("SS", "Sassari"),
    ("SU", "Sud Sardegna"),
    ("SV", "Savona"),
    ("TA", "Taranto"),
    ("TE", "Teramo"),
    ("TN", "Trento"),
    ("TO", "Torino"),
    ("TP", "Trapani"),
    ("TR", "Terni"),
    ("TS", "Trieste"),
    ("TV", "Treviso"),
    ("UD", "Udine"),
    ("VA", "Varese"),
    ("VB", "Verbano-Cusio-Ossola"),
    ("VC", "Vercelli"),
    ("VE", "Venezia"),
    ("VI", "Vicenza"),
    ("VR", "Verona"),
    ("VT", "Viterbo"),
    ("VV", "Vibo Valentia"),
];

/// Codes that addresses still carry: Sardinia before 2016 (and again since 2025), Forlì and Pesaro
/// before 1999.
const FORMER: [&str; 7] = ["CI", "VS", "OG", "OT", "MD", "FO", "PS"];

/// Postal codes that once served a whole city and are no longer enough, because the city has one
/// for each district.
const GENERIC_POSTAL_CODES: [&str; 37] = [
    "00100", "06100", "09100", "10100", "15100", "16100", "19100", "20100", "24100", "25100",
    "28100", "29100", "30100", "34100", "35100", "37100", "38100", "40100", "41100", "42100",
    "43100", "44100", "47100", "47900", "48100", "50100", "56100", "57100", "60100", "61100",
    "65100", "70100", "74100", "80100", "84100", "90100", "95100",
];

/// What a province field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Province {
    /// A code in use.
    Current(&'static str),
    /// A code that is out of use or newly back.
    Former(&'static str),
}

/// Finds a province by code or by name, whatever the case, accents and brackets.
pub fn province(text: &str) -> Option<Province> {
    let key = letters(text);
    if let Some(code) = FORMER.into_iter().find(|code| *code == key) {
        return Some(Province::Former(code));
    }
    CURRENT
        .into_iter()
        .find(|(code, name)| *code == key || letters(name) == key)
        .map(|(code, _)| Province::Current(code))
}

/// Whether a postal code names a whole city that has one for each district.
pub fn is_generic_postal_code(code: &str) -> bool {
    GENERIC_POSTAL_CODES.contains(&code)
}

/// The letters alone, in upper case and without accents.
fn letters(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfd().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect()
}
