//! Writes every rendition of a notice into a folder, for `messo notice render`.
//!
//! Files: `message.txt`, `message.html` (with its picture inside, so that a browser shows it),
//! `sms.txt`, and `letter.pdf` where there is a typesetter. The mail as bytes (`message.eml`) is made
//! by whoever packs mail.

use messo_core::addresses::Channel;
use messo_core::notices::NoticeFacts;
use messo_core::ports::{Frame, Mail, RenderError, Renderer, Rendition};
use std::path::{Path, PathBuf};

/// Why a folder is not complete.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A rendition failed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Renders into `out`, making it where needed; gives the files written and the mail. A template
/// without letter leaves `letter.pdf` out; any other failure stops.
pub fn render(
    renderer: &dyn Renderer,
    facts: &NoticeFacts,
    frame: &Frame,
    out: &Path,
) -> Result<(Vec<PathBuf>, Option<Mail>), FolderError> {
    let mut files = Vec::new();
    let mut write = |name: &str, bytes: &[u8]| {
        let path = out.join(name);
        std::fs::write(&path, bytes)
            .map_err(|source| FolderError::Write { path: path.clone(), source })?;
        files.push(path);
        Ok::<(), FolderError>(())
    };
    std::fs::create_dir_all(out)
        .map_err(|source| FolderError::Write { path: out.to_owned(), source })?;
    let mut kept = None;
    if let Rendition::Mail(mail) = renderer.render(facts, Channel::Email, frame)? {
        write("message.txt", mail.text.as_bytes())?;
        write("message.html", standalone(&mail).as_bytes())?;
        kept = Some(mail);
    }
    if let Rendition::Text(text) = renderer.render(facts, Channel::Sms, frame)? {
        write("sms.txt", format!("{text}\n").as_bytes())?;
    }
    match renderer.render(facts, Channel::Post, frame) {
        Ok(Rendition::Letter(letter)) => write("letter.pdf", &letter.pdf)?,
        Ok(_) | Err(RenderError::NoRendition { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok((files, kept))
}

/// The HTML with its inline pictures as `data:` addresses (RFC 2397), since a browser knows no `cid:`.
pub fn standalone(mail: &Mail) -> String {
    mail.inline.iter().fold(mail.html.clone(), |html, part| {
        let data = data_encoding::BASE64.encode(&part.bytes);
        let address = format!("data:{};base64,{data}", part.media_type);
        html.replace(&format!("cid:{}", part.name), &address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::ports::Part;

    #[test]
    fn the_pictures_of_a_mail_are_shown_in_its_preview() {
        let part =
            Part { name: "qr@x".into(), media_type: "image/png".into(), bytes: b"png"[..].into() };
        let mail = Mail {
            subject: String::new(),
            text: String::new(),
            html: "<img src=\"cid:qr@x\">".into(),
            inline: vec![part],
            attachments: Vec::new(),
        };
        assert_eq!(standalone(&mail), "<img src=\"data:image/png;base64,cG5n\">");
    }
}
