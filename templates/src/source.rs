//! Reads a message file: sections of one line, and a body that is cut into pieces *before* any
//! value is filled in, so that a name can never turn into a heading or a button.
//!
//! A file is plain text. `== name` opens a section; in the section `body` blank lines part the pieces:
//! `# ` heading, `| Label: value` row of data, `- ` item of a list, `> ` answer button, `~ ` small
//! print, anything else a paragraph. A line indented by two spaces goes on with the line before.

/// A section: `title`, `subject`, `preheader`, `sms`, or any word of the shared files.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its text on one line.
    pub text: String,
}

/// A piece of the body, still with its placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// `# `
    Heading(String),
    /// Plain lines.
    Paragraph(String),
    /// `| Label: value`
    Facts(Vec<(String, String)>),
    /// `- `
    List(Vec<String>),
    /// `> `
    Answer(String),
    /// `~ `
    Note(String),
}

/// A message file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Every section except the body.
    pub sections: Vec<Section>,
    /// The body.
    pub body: Vec<Piece>,
}

/// Cuts a file. The error says the line and what is wrong with it.
pub fn parse(text: &str) -> Result<Source, String> {
    let mut source = Source::default();
    let mut open: Option<(String, Vec<String>)> = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("== ") {
            close(&mut source, open.take())?;
            open = Some((name.trim().to_owned(), Vec::new()));
        } else if let Some((_, lines)) = &mut open {
            push(lines, line);
        } else if !line.trim().is_empty() {
            return Err(format!("line {}: text before the first section", index + 1));
        }
    }
    close(&mut source, open)?;
    Ok(source)
}

/// Adds a line, joining it to the one before where it is indented.
fn push(lines: &mut Vec<String>, line: &str) {
    match lines.last_mut() {
        Some(last) if line.starts_with("  ") && !last.is_empty() => {
            last.push(' ');
            last.push_str(line.trim());
        }
        _ => lines.push(line.trim_end().to_owned()),
    }
}

fn close(source: &mut Source, open: Option<(String, Vec<String>)>) -> Result<(), String> {
    let Some((name, lines)) = open else { return Ok(()) };
    if name == "body" {
        for group in lines.split(String::is_empty).filter(|group| !group.is_empty()) {
            source.body.push(piece(group)?);
        }
    } else {
        let text = lines.join(" ").trim().to_owned();
        source.sections.push(Section { name, text });
    }
    Ok(())
}

/// One group of lines between blank ones.
fn piece(group: &[String]) -> Result<Piece, String> {
    let marked = |mark: &str| -> Option<Vec<String>> {
        group.iter().map(|line| line.strip_prefix(mark).map(str::to_owned)).collect()
    };
    if let Some(lines) = marked("# ") {
        return Ok(Piece::Heading(lines.join(" ")));
    }
    if let Some(lines) = marked("- ") {
        return Ok(Piece::List(lines));
    }
    if let Some(lines) = marked("> ") {
        return Ok(Piece::Answer(lines.join(" ")));
    }
    if let Some(lines) = marked("~ ") {
        return Ok(Piece::Note(lines.join(" ")));
    }
    if let Some(lines) = marked("| ") {
        let rows = lines.iter().map(|line| {
            line.split_once(": ")
                .map(|(label, value)| (label.to_owned(), value.to_owned()))
                .ok_or_else(|| format!("«{line}»: a row of data is written «Label: value»"))
        });
        return rows.collect::<Result<_, _>>().map(Piece::Facts);
    }
    Ok(Piece::Paragraph(group.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_sections_and_pieces() {
        let text = "== title\nHello\n\n== body\nOne\n  and on.\n\n# Head\n\n| When: {{ at }}\n| Where: x: y\n\n- a\n- b\n\n> Go\n\n~ small\n";
        let source = parse(text).unwrap();
        assert_eq!(source.sections, [Section { name: "title".into(), text: "Hello".into() }]);
        assert_eq!(
            source.body,
            [
                Piece::Paragraph("One and on.".into()),
                Piece::Heading("Head".into()),
                Piece::Facts(vec![
                    ("When".into(), "{{ at }}".into()),
                    ("Where".into(), "x: y".into())
                ]),
                Piece::List(vec!["a".into(), "b".into()]),
                Piece::Answer("Go".into()),
                Piece::Note("small".into()),
            ]
        );
    }

    #[test]
    fn a_row_without_a_label_and_text_without_a_section_are_named() {
        assert!(parse("== body\n| nothing\n").unwrap_err().contains("nothing"));
        assert!(parse("hello").unwrap_err().contains("line 1"));
    }
}
