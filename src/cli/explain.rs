//! `spojka explain`: the page of a code.

use std::io;

use serde_json::json;

use super::{
    Exit,
    client::nearest,
    output::{Output, table},
};
use crate::model::code::{self, Class, Code};

/// Prints a code's page, or the list of codes.
pub fn run(code: Option<&str>, output: &mut Output<'_>) -> io::Result<Exit> {
    let Some(text) = code else {
        let list: Vec<_> = code::ALL.iter().map(|code| page(*code)).collect();
        output.show(&list, |out, _| {
            let row =
                |code: &Code| vec![code.to_string(), class(code.page().class).to_owned(), code.page().title.to_owned()];
            table(out, &["code", "class", "meaning"], &code::ALL.iter().map(row).collect::<Vec<_>>())
        })?;
        return Ok(Exit::Done);
    };
    let Some(code) = Code::find(text) else {
        let hint = nearest(text, code::ALL.iter().map(|code| code.as_str()));
        let hint = hint.unwrap_or_else(|| "\nhint: `spojka explain` lists them".to_owned());
        output.complain(&format!("error: there is no code `{text}`{hint}"))?;
        return Ok(Exit::NotFound);
    };
    output.show(&page(code), |out, _| {
        writeln!(out, "{code}: {}\nclass: {}\n\n{}", code.page().title, class(code.page().class), code.page().text)
    })?;
    Ok(Exit::Done)
}

fn page(code: Code) -> serde_json::Value {
    let page = code.page();
    json!({ "code": page.code, "class": class(page.class), "title": page.title, "text": page.text })
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Transient => "passes by itself",
        Class::Permanent => "needs a person",
        Class::Caller => "the caller's mistake",
        Class::Config => "the config's mistake",
        Class::Ours => "our mistake",
    }
}
