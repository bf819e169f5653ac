//! `spojka reference`: pages that are made from the lists which checking goes by, so that they are never behind it.

mod codes;
mod connectors;
mod events;
mod functions;
mod keys;

use std::{io, path::PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Exit, output::Output};

#[derive(Debug, Args)]
pub struct ReferenceArguments {
    /// The page; without one: what pages there are.
    pub page: Option<Page>,
    /// Write all pages into this folder instead.
    #[arg(long, value_name = "FOLDER")]
    pub write: Option<PathBuf>,
}

/// A page of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// Every key of a config.
    Config,
    /// Every type of event, with its fields.
    Events,
    /// Every vendor: settings, events, operations with their parameters.
    Connectors,
    /// Every function of expressions.
    Functions,
    /// Every code that something can go wrong with.
    Codes,
}

impl Page {
    pub const ALL: [Self; 5] = [Self::Config, Self::Events, Self::Connectors, Self::Functions, Self::Codes];

    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Events => "events",
            Self::Connectors => "connectors",
            Self::Functions => "functions",
            Self::Codes => "codes",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Config => "every key of a config",
            Self::Events => "every type of event, with its fields",
            Self::Connectors => "every vendor: settings, events, operations with their parameters",
            Self::Functions => "every function of expressions",
            Self::Codes => "every code that something can go wrong with",
        }
    }

    /// The page in Markdown.
    pub fn text(self) -> String {
        let text = match self {
            Self::Config => keys::page(),
            Self::Events => events::page(),
            Self::Connectors => connectors::page(),
            Self::Functions => functions::page(),
            Self::Codes => codes::page(),
        };
        let note = "(Made by `spojka reference`. Do not edit.)";
        format!("# Reference: {}\n\n{note}\n\n{}\n", self.title(), text.trim())
    }
}

pub fn run(arguments: &ReferenceArguments, output: &mut Output<'_>) -> io::Result<Exit> {
    if let Some(folder) = &arguments.write {
        std::fs::create_dir_all(folder)?;
        for page in Page::ALL {
            std::fs::write(folder.join(format!("{}.md", page.name())), page.text())?;
        }
        output.say(&format!("{} pages written", Page::ALL.len()))?;
        return Ok(Exit::Done);
    }
    match arguments.page {
        Some(page) => output
            .show(&json!({ "page": page.name(), "text": page.text() }), |out, _| write!(out, "{}", page.text()))?,
        None => output.show(&Page::ALL.map(Page::name), |out, _| {
            Page::ALL.iter().try_for_each(|page| writeln!(out, "spojka reference {:11} {}", page.name(), page.title()))
        })?,
    }
    Ok(Exit::Done)
}

/// A table in Markdown; nothing when there are no rows.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line =
        |cells: &[String]| format!("| {} |\n", cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "));
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    format!("{}|{}\n{rows}\n", line(&head), "---|".repeat(head.len()))
}

/// A cell's text: one line, and no bar of its own.
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

/// A name as code; nothing for nothing.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}
