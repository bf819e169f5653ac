//! What is behind an error of YAML: parsers tell where they gave up, people want to know what they wrote.
//!
//! A slip is found by looking at the text around the place. What cannot be told is told as the parser does. No value is
//! repeated: nobody has read the line yet, so it may hold a secret.

use super::source::{Place, SourceFile};
use crate::expr::habits::is_odd_space;

/// What somebody got wrong, and what to do.
pub(super) struct Slip {
    pub place: Place,
    pub message: String,
    pub hint: String,
}

impl Slip {
    #[expect(clippy::unnecessary_wraps, reason = "it is what each way of finding a slip ends with")]
    fn new(place: Place, message: impl Into<String>, hint: impl Into<String>) -> Option<Self> {
        Some(Self { place, message: message.into(), hint: hint.into() })
    }
}

/// Finds the slip behind what the parser says at a place.
pub(super) fn find(place: &Place, parser: &str) -> Slip {
    let parser = parser.to_lowercase();
    let found = tab(place, &parser)
        .or_else(|| odd_space(place))
        .or_else(|| space_behind_colon(place))
        .or_else(|| expression_in_brackets(place, &parser))
        .or_else(|| open_quote(place, &parser))
        .or_else(|| open_bracket(place))
        .or_else(|| sign_at_the_beginning(place))
        .or_else(|| text_behind_quote(place, &parser))
        .or_else(|| colon_in_text(place, &parser))
        .or_else(|| indentation(place, &parser))
        .or_else(|| comment(place, &parser))
        .or_else(|| missing_comma(place, &parser));
    found.unwrap_or_else(|| Slip {
        place: place.clone(),
        message: parser,
        hint: "compare with one of deploy/examples; a text with `: `, ` #`, `{`, `[` or quotes in it stands in quotes"
            .into(),
    })
}

fn at(place: &Place, line: usize, column: usize, length: usize) -> Place {
    Place { line, column, ..place.clone() }.taking(length)
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|c| *c == ' ').count()
}

/// The place's line and the ones around it, with their numbers.
fn around(place: &Place) -> impl Iterator<Item = (usize, &str)> {
    let lines = place.line.saturating_sub(1).max(1)..=place.line + 1;
    lines.map(|number| (number, place.file.line(number)))
}

fn tab(place: &Place, parser: &str) -> Option<Slip> {
    if !parser.contains("tab") {
        return None;
    }
    let indented = |line: &str| line.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t');
    let (line, column) = around(place).find_map(|(number, line)| Some((number, indented(line)?)))?;
    Slip::new(
        at(place, line, column + 1, 1),
        "a tab stands in the indentation",
        "indent with spaces: YAML takes no tabs",
    )
}

fn odd_space(place: &Place) -> Option<Slip> {
    let odd = |line: &str| line.chars().position(is_odd_space);
    let (line, column) = around(place).find_map(|(number, line)| Some((number, odd(line)?)))?;
    let hint = "type it anew: it came from a word processor or a web page";
    Slip::new(at(place, line, column + 1, 1), "this is no ordinary space", hint)
}

/// `on:order.paid`, in this line or the one above.
fn space_behind_colon(place: &Place) -> Option<Slip> {
    let above = (1..place.line).rev().map(|number| (number, place.file.line(number)));
    let above = above.into_iter().find(|(_, line)| !line.trim().is_empty());
    let here = (place.line, place.file.line(place.line));
    for (number, line) in above.into_iter().chain([here]) {
        let entry = line.trim_start().trim_start_matches("- ");
        let Some((key, value)) = entry.split_once(':') else { continue };
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if is_key && value.starts_with(|c: char| !c.is_whitespace() && c != '/') {
            let column = line.chars().count() - value.chars().count();
            let hint = format!("write `{key}: …`");
            return Slip::new(at(place, number, column, 1), format!("a space is missing behind `{key}:`"), hint);
        }
    }
    None
}

fn expression_in_brackets(place: &Place, parser: &str) -> Option<Slip> {
    let line = place.file.line(place.line);
    if !parser.contains("flow mapping") && !parser.contains("flow sequence") {
        return None;
    }
    let before = line.chars().take(place.column).collect::<String>();
    let start = before.rfind("${")?;
    let column = before.get(..start)?.chars().count() + 1;
    let message = "within `{ }` and `[ ]` an expression stands in quotes";
    let hint = "write `\"${…}\"`, or one parameter a line without the brackets";
    Slip::new(at(place, place.line, column, 2), message, hint)
}

fn open_quote(place: &Place, parser: &str) -> Option<Slip> {
    if !parser.contains("quoted scalar") || parser.contains("trailing content") {
        return None;
    }
    let quote = place.file.line(place.line).chars().nth(place.column - 1).filter(|c| "\"'".contains(*c)).unwrap_or('"');
    Slip::new(place.clone(), "the text that begins here has no closing quote", format!("close it with `{quote}`"))
}

/// A bracket in a line above that nobody closed.
fn open_bracket(place: &Place) -> Option<Slip> {
    let (line, column, open) = unclosed(&place.file, place.line, place.column)?;
    let close = if open == '[' { ']' } else { '}' };
    let hint = format!("write the `{close}`; a text that begins with `{open}` stands in quotes");
    (line < place.line)
        .then(|| Slip::new(at(place, line, column, 1), format!("this `{open}` has no `{close}`"), hint))
        .flatten()
}

/// The innermost `[` or `{` that is open at a place.
fn unclosed(file: &SourceFile, until_line: usize, until_column: usize) -> Option<(usize, usize, char)> {
    let mut open: Vec<(usize, usize, char)> = Vec::new();
    for number in 1..=until_line {
        let mut before = ' ';
        let mut quote = None;
        for (index, c) in file.line(number).chars().enumerate() {
            if number == until_line && index + 1 >= until_column {
                break;
            }
            match (quote, c) {
                (Some(opened), c) if opened == c => quote = None,
                (None, '"' | '\'') if before == ' ' || "[{,".contains(before) => quote = Some(c),
                (None, '#') if before == ' ' => break,
                (None, '[' | '{') if before == ' ' || "[{,".contains(before) => open.push((number, index + 1, c)),
                (None, ']' | '}') => {
                    open.pop();
                }
                _ => {}
            }
            before = c;
        }
    }
    open.pop()
}

fn sign_at_the_beginning(place: &Place) -> Option<Slip> {
    let line = place.file.line(place.line);
    let value: String = line.chars().skip(place.column - 1).collect();
    let sign = value.chars().next().filter(|c| "!@`%&*".contains(*c))?;
    let quote = if value.contains('\'') { '"' } else { '\'' };
    let message = format!("`{sign}` at the beginning of a text means something in YAML");
    Slip::new(place.clone(), message, format!("put quotes around all of it: `{quote}{sign}…{quote}`"))
}

fn text_behind_quote(place: &Place, parser: &str) -> Option<Slip> {
    if !parser.contains("trailing content") {
        return None;
    }
    let line = place.file.line(place.line);
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim();
    let message = "text goes on behind its closing quote";
    if value.starts_with('\'') {
        let hint = "within single quotes write `''` for an apostrophe, or put double quotes around the text";
        return Slip::new(place.clone(), message, hint);
    }
    Slip::new(place.clone(), message, "put quotes of the other kind around all of it: `'\"…\" …'`")
}

fn colon_in_text(place: &Place, parser: &str) -> Option<Slip> {
    let line = place.file.line(place.line);
    let is_colon = line.chars().nth(place.column - 1) == Some(':');
    let before: String = line.chars().take(place.column - 1).collect();
    let (key, _) = before.split_once(": ").filter(|_| is_colon && parser.contains("mapping"))?;
    let whole: String = line.chars().skip(key.chars().count() + 2).collect();
    let quote = if whole.contains('"') { '\'' } else { '"' };
    let key = key.trim().trim_start_matches("- ");
    let message = "`: ` within a text makes a mapping of it";
    Slip::new(place.clone(), message, format!("put quotes around the text: `{key}: {quote}…{quote}`"))
}

fn indentation(place: &Place, parser: &str) -> Option<Slip> {
    let line = place.file.line(place.line);
    let above = (1..place.line).rev().map(|number| place.file.line(number)).find(|line| !line.trim().is_empty());
    let deeper = above.is_some_and(|above| indent_of(line) > indent_of(above));
    let place = at(place, place.line, indent_of(line) + 1, line.trim().chars().count());
    if parser.contains("mapping values") && deeper {
        let hint = "indent both alike, or take the value above out if this belongs under it";
        return Slip::new(place, "this is indented under a line that has a value already", hint);
    }
    let uneven = ["expected key", "expected '-' indicator", "block mapping", "block collection", "indentation"];
    let uneven = uneven.iter().any(|part| parser.contains(part));
    let hint = "give the keys of one mapping the same number of spaces";
    uneven.then(|| Slip::new(place, "this is indented unlike the lines around it", hint)).flatten()
}

fn comment(place: &Place, parser: &str) -> Option<Slip> {
    let found = parser.contains("comment");
    found
        .then(|| Slip::new(place.clone(), "` #` begins a comment", "put quotes around the text if it belongs to it"))
        .flatten()
}

fn missing_comma(place: &Place, parser: &str) -> Option<Slip> {
    let message = "a `,` or the closing bracket is missing before this";
    let hint = "a text with `: `, `{`, `[` or quotes in it stands in quotes";
    parser.contains("did not find expected ','").then(|| Slip::new(place.clone(), message, hint)).flatten()
}
