//! `messo notice`: templates, rendered without sending.

use crate::cli;
use crate::config::Place;
use anyhow::Context;

/// Renders or lists.
pub fn run(notice: cli::Notice, place: &Place) -> anyhow::Result<()> {
    match notice {
        cli::Notice::List(json) => list(json.json),
        cli::Notice::Render { template, data_file, out, locale } => {
            let text = std::fs::read_to_string(&data_file)
                .with_context(|| format!("{} cannot be read", data_file.display()))?;
            super::report::render(&template, &text, &out, locale, place)
        }
    }
}

fn list(json: bool) -> anyhow::Result<()> {
    use messo_core::ports::Renderer;
    let templates = messo_templates::Templates::new(None).templates();
    if json {
        println!("{}", serde_json::to_string(&templates)?);
    } else {
        for template in templates {
            println!("{:16} {}", template.name, template.title);
        }
    }
    Ok(())
}
