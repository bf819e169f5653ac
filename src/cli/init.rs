//! `spojka init`: begins a config with one of the examples that CI checks.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::{
    Exit,
    client::{NotFound, nearest},
    output::{Output, table},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Writes into the directory that --config names (by itself: here), and nothing over files that are there.\n\n\
    Exit codes: 0 done, 1 something is in the way, 3 there is no such example."
)]
pub struct InitArguments {
    /// Which example. Without one: all of them, in short.
    pub example: Option<String>,
}

/// An example, as it stands under `deploy/examples`.
struct Example {
    name: &'static str,
    doc: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! example {
    ($name:literal, $doc:literal, $($file:literal),* $(,)?) => {
        Example {
            name: $name,
            doc: $doc,
            files: &[$(($file, include_str!(concat!("../../deploy/examples/", $name, "/", $file)))),*],
        }
    };
}

const EXAMPLES: &[Example] = &[
    example!(
        "fapi-to-anabix",
        "FAPI's orders and payments: buyers join and leave lists in Anabix, by product and by sales form",
        "README.md",
        "spojka.yaml",
        "flows.yaml",
        "tests.yaml",
        "recorded/invoice.json",
    ),
    example!(
        "buyer-to-crm-then-newsletter",
        "a buyer in FAPI becomes a contact in Anabix, then a subscriber in SalesAutopilot: two targets in order",
        "README.md",
        "spojka.yaml",
        "flows.yaml",
        "tests.yaml",
    ),
    example!(
        "invoice-settled-to-salesautopilot",
        "an invoice settled in FAPI marks its order paid in SalesAutopilot, by order or by invoice number",
        "README.md",
        "spojka.yaml",
        "flows.yaml",
        "tests.yaml",
    ),
    example!(
        "webshop-to-salesautopilot",
        "a WooCommerce shop's orders, payments and buyers' histories in SalesAutopilot",
        "README.md",
        "spojka.yaml",
        "flows.yaml",
        "tests.yaml",
        "recorded/order.json",
    ),
    example!(
        "website-subscription",
        "a subscription on your own website makes a user in its system, then a subscriber in SalesAutopilot",
        "README.md",
        "spojka.yaml",
        "flows.yaml",
        "tests.yaml",
        "recorded/user-subscribed.json",
    ),
];

pub fn run(directory: &Path, arguments: &InitArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let Some(name) = &arguments.example else { return list(output) };
    let Some(example) = EXAMPLES.iter().find(|example| example.name == name) else {
        let hint = nearest(name, EXAMPLES.iter().map(|example| example.name));
        let hint = hint.unwrap_or_else(|| "\nhint: `spojka init` lists them".to_owned());
        return Err(NotFound(format!("there is no example `{name}`{hint}")).into());
    };
    if directory.is_file() {
        bail!("`{}` is a file: name a directory", directory.display());
    }
    let paths: Vec<PathBuf> = example.files.iter().map(|(file, _)| directory.join(file)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists()) {
        bail!("`{}` is there already\nhint: name another directory: spojka -c DIRECTORY init {name}", there.display());
    }
    for (path, (_, text)) in paths.iter().zip(example.files) {
        write(path, text)?;
    }
    let written: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    output.show(&json!({ "written": written }), |out, _| {
        written.iter().try_for_each(|path| writeln!(out, "wrote {path}"))?;
        let at = if directory == Path::new(".") { String::new() } else { format!(" -c {}", directory.display()) };
        writeln!(
            out,
            "\nnext: put your own accounts into spojka.yaml and your lists into flows.yaml, then\n    \
             spojka check{at}\nREADME.md says where to find what the vendors ask for"
        )
    })?;
    Ok(Exit::Done)
}

fn list(output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let all: Vec<_> = EXAMPLES.iter().map(|example| json!({ "example": example.name, "what": example.doc })).collect();
    output.show(&all, |out, _| {
        let rows: Vec<_> =
            EXAMPLES.iter().map(|example| vec![example.name.to_owned(), example.doc.to_owned()]).collect();
        table(out, &["example", "what it does"], &rows)?;
        writeln!(out, "\n`spojka init EXAMPLE` writes one into this directory")
    })?;
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    let mut options = fs::OpenOptions::new();
    match options.write(true).create_new(true).open(path) {
        Ok(mut file) => std::io::Write::write_all(&mut file, text.as_bytes()).with_context(cannot),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!("`{}` is there already", path.display()),
        Err(error) => Err(error).with_context(cannot),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn files_in(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                files_in(&entry, root, found);
            } else {
                found.insert(entry.strip_prefix(root).expect("inside").display().to_string());
            }
        }
    }

    #[test]
    fn every_example_is_here_whole() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples");
        let mut there = BTreeSet::new();
        for folder in fs::read_dir(&root).expect("examples").map(|entry| entry.expect("an entry").path()) {
            if folder.is_dir() {
                files_in(&folder, &root, &mut there);
            }
        }
        let known = EXAMPLES.iter().flat_map(|example| {
            example.files.iter().map(move |(file, _)| Path::new(example.name).join(file).display().to_string())
        });
        assert_eq!(known.collect::<BTreeSet<_>>(), there);
    }
}
