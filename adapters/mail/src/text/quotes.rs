//! What somebody wrote anew in a reply: without the text that they quote, and without signature.
//!
//! The text counts up to the first mark of a quote, as mail programs in Italian, German, English and French set them; where it
//! begins with the quote, what follows the quote counts. Guarantee: line by line, linear in the text. Limit: answers between
//! quoted lines keep only the first; a program that sets no mark is not understood, and its quote counts as new.

/// Most lines over which a program folds "On … wrote:".
const MAX_FOLD: usize = 4;
/// Longest such line, in bytes.
const MAX_ATTRIBUTION: usize = 400;

/// First words of a line that announces a quote, and the words that it must then have and end in.
const ATTRIBUTIONS: &[(&[&str], &[&str])] = &[
    (
        &["il ", "in data ", "lun ", "mar ", "mer ", "gio ", "ven ", "sab ", "dom "],
        &["ha scritto", "ha inviato"],
    ),
    (
        &["am ", "von ", "den ", "mo. ", "di. ", "mi. ", "do. ", "fr. ", "sa. ", "so. "],
        &["schrieb", "geschrieben", "hat am"],
    ),
    (&["on ", "at "], &["wrote", "writes"]),
    (&["le "], &["a écrit", "a ecrit"]),
];

/// Lines that begin a quote or a forwarded message whole.
const DIVIDERS: &[&str] = &[
    "messaggio originale",
    "messaggio inoltrato",
    "original message",
    "forwarded message",
    "original appointment",
    "ursprüngliche nachricht",
    "originalnachricht",
    "weitergeleitete nachricht",
    "inizio messaggio inoltrato",
    "begin forwarded message",
    "anfang der weitergeleiteten nachricht",
    "message d'origine",
    "message transféré",
];

/// First words of the block of headers that Outlook sets over a quote, and those of the lines that follow.
const HEADER_FIRST: &[&str] = &["da:", "von:", "from:", "de:", "mittente:"];
const HEADER_NEXT: &[&str] = &[
    "inviato:",
    "data:",
    "gesendet:",
    "datum:",
    "sent:",
    "date:",
    "envoyé:",
    "a:",
    "an:",
    "to:",
    "oggetto:",
    "betreff:",
    "subject:",
    "inviata:",
];

/// What telephones and programs write below a text.
const FOOTERS: &[&str] = &[
    "inviato da ",
    "inviato dal ",
    "sent from my ",
    "sent from ",
    "von meinem ",
    "gesendet mit ",
    "gesendet von ",
    "gesendet aus ",
    "ottieni outlook per",
    "get outlook for",
    "outlook für ",
    "scarica outlook",
    "diese nachricht wurde von meinem",
    "messaggio inviato da",
];

/// What is new in a text.
pub fn strip(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let end = first_mark(&lines).unwrap_or(lines.len());
    let before = joined(&lines[..end]);
    if !before.is_empty() || end == lines.len() {
        return before;
    }
    let below = below_quote(&lines[end..]);
    let end = first_mark(below).unwrap_or(below.len());
    joined(&below[..end])
}

fn joined(lines: &[&str]) -> String {
    lines.join("\n").trim().to_owned()
}

fn first_mark(lines: &[&str]) -> Option<usize> {
    (0..lines.len()).find(|at| is_mark(&lines[*at..]))
}

fn is_mark(lines: &[&str]) -> bool {
    let line = plain(lines[0]);
    if line.starts_with('>') || matches!(lines[0].trim_start(), "--" | "—") {
        return true;
    }
    if line.is_empty() || line.len() > MAX_ATTRIBUTION {
        return false;
    }
    let lower = line.to_lowercase();
    is_divider(&lower)
        || FOOTERS.iter().any(|footer| lower.starts_with(footer)) && lower.len() < 120
        || is_header_block(&lower, &lines[1..])
        || is_rule(&lower)
            && lines.iter().skip(1).take(3).any(|next| is_first_header(&plain(next).to_lowercase()))
        || is_attribution(&lower, &lines[1..])
}

/// Without the asterisks and underscores of bold text.
fn plain(line: &str) -> String {
    line.trim().replace('*', "")
}

fn is_divider(lower: &str) -> bool {
    let bare = lower.trim_matches(['-', '_', '=', ' ', ':']);
    let dashes = lower.starts_with("--") || lower.ends_with(':') || lower.starts_with("__");
    dashes && DIVIDERS.contains(&bare)
}

fn is_rule(lower: &str) -> bool {
    lower.len() >= 10 && lower.bytes().all(|byte| matches!(byte, b'_' | b'-'))
}

fn is_first_header(lower: &str) -> bool {
    HEADER_FIRST.iter().any(|word| lower.starts_with(word))
}

fn is_header_block(lower: &str, next: &[&str]) -> bool {
    is_first_header(lower)
        && next.iter().filter(|line| !line.trim().is_empty()).take(3).any(|line| {
            let next = plain(line).to_lowercase();
            HEADER_NEXT.iter().any(|word| next.starts_with(word))
        })
}

fn is_attribution(lower: &str, next: &[&str]) -> bool {
    let Some((_, words)) =
        ATTRIBUTIONS.iter().find(|(starts, _)| starts.iter().any(|start| lower.starts_with(start)))
    else {
        return false;
    };
    let mut whole = lower.to_owned();
    for more in 0..MAX_FOLD {
        if whole.len() > MAX_ATTRIBUTION {
            return false;
        }
        if whole.ends_with(':') && words.iter().any(|word| whole.contains(word)) {
            // A sentence of the author's own has no date and no address.
            return whole.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@')
                || whole.contains('<');
        }
        match next.get(more) {
            Some(line) if !line.trim().is_empty() => {
                whole.push(' ');
                whole.push_str(&plain(line).to_lowercase());
            }
            _ => return false,
        }
    }
    false
}

/// What follows a quote at the top: the first line that is neither quoted, nor empty, nor part of what announced it.
fn below_quote<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    let quoted = |line: &&str| line.trim_start().starts_with('>');
    let Some(first) = lines.iter().position(quoted) else { return &[] };
    // The quote is not at the top, but below something else that is not new either.
    if first > MAX_FOLD {
        return &[];
    }
    let after = lines[first..].iter().position(|line| !line.trim().is_empty() && !quoted(line));
    after.map_or(&[], |at| &lines[first + at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_programs_quote_ends_what_is_new() {
        let quotes = [
            "> Gentile avvocato,\n> la convochiamo",
            "Il giorno mar 24 nov 2026 alle ore 10:00 Segreteria <s@o.example> ha scritto:\n> testo",
            "Il 24/11/2026 10:00, Segreteria ha scritto:\ntesto",
            "Il giorno mar 24 nov 2026 alle ore 10:00 Segreteria Organismo\n<segreteria@organismo.example> ha\nscritto:\n\n> testo",
            "In data 24 novembre 2026 10:00 \"Segreteria\" <s@o.example> ha scritto:",
            "Am 24.11.2026 um 10:00 schrieb Sekretariat <s@o.example>:\n> Text",
            "Am Di., 24. Nov. 2026 um 10:00 Uhr schrieb Sekretariat\n<s@o.example>:",
            "On Tue, Nov 24, 2026 at 10:00 AM Secretary <s@o.example> wrote:\n> text",
            "Le mar. 24 nov. 2026 à 10:00, S <s@o.example> a écrit :\n",
            "Da: Segreteria <s@o.example>\nInviato: martedì 24 novembre 2026 10:00\nA: Mario\nOggetto: x\n\ntesto",
            "*Da:* Segreteria\n*Inviato:* martedì\ntesto",
            "Von: Sekretariat\nGesendet: Dienstag\nAn: Mario\nBetreff: x",
            "From: Secretary\nSent: Tuesday\nTo: Mario\nSubject: x",
            "________________________________\nDa: Segreteria\nInviato: martedì",
            "-----Messaggio originale-----\nDa: x",
            "-----Ursprüngliche Nachricht-----\n",
            "----- Original Message -----\n",
            "---------- Forwarded message ---------\nDa: x",
            "-- \nMario Rossi\nVia Roma 1",
            "--\nMario",
            "Inviato da iPhone",
            "Sent from my Galaxy",
            "Von meinem iPhone gesendet",
            "Ottieni Outlook per Android<https://aka.ms/x>",
        ];
        for quote in quotes {
            assert_eq!(
                strip(&format!("Confermo.\nGrazie\n\n{quote}")),
                "Confermo.\nGrazie",
                "{quote}"
            );
        }
    }

    #[test]
    fn sentences_that_only_begin_like_a_quote_stay() {
        for text in [
            "Il mediatore mi ha scritto:\nva bene.",
            "Da: domani sono assente",
            "On balance I agree.",
            "Am Montag komme ich.",
            "Il 3 maggio vengo.\nIl 4 no.",
            "a -- b\n---",
        ] {
            assert_eq!(strip(text), text, "{text}");
        }
    }

    #[test]
    fn an_answer_below_its_quote_counts() {
        let text = "Il 24/11/2026 Segreteria ha scritto:\n> Viene?\n>\n\nSì, vengo.\n-- \nMario";
        assert_eq!(strip(text), "Sì, vengo.");
        assert_eq!(strip("> tutto\n> citato"), "");
    }

    #[test]
    fn long_lines_and_many_lines_cost_little() {
        let text = format!("{}\n{}", "il ".repeat(200_000), "Il x\n".repeat(100_000));
        assert!(!strip(&text).is_empty());
    }
}
