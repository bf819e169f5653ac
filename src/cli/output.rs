//! What commands print: for people, or as JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

/// Where a command's answer goes.
pub struct Output<'a> {
    pub json: bool,
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
}

impl Output<'_> {
    /// Prints a value: as one line of JSON, or by `human`.
    pub fn show<T: Serialize>(
        &mut self,
        value: &T,
        human: impl FnOnce(&mut dyn Write, &T) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut *self.out, value)?;
            return writeln!(self.out);
        }
        human(self.out, value)
    }

    /// One line for people; nothing for programs.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        if self.json { Ok(()) } else { writeln!(self.out, "{line}") }
    }

    /// One line about what went wrong.
    pub fn complain(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.err, "{line}")
    }
}

/// Rows in columns as wide as their widest cell; the last column runs free.
pub fn table(out: &mut dyn Write, head: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut print = |cells: Vec<&str>| {
        let last = cells.len().saturating_sub(1);
        let mut text = String::new();
        for (index, cell) in cells.iter().enumerate() {
            text.push_str(cell);
            if index < last {
                let gap = widths.get(index).copied().unwrap_or(0).saturating_sub(cell.chars().count()) + 2;
                text.extend(std::iter::repeat_n(' ', gap));
            }
        }
        writeln!(out, "{}", text.trim_end())
    };
    print(head.to_vec())?;
    rows.iter().try_for_each(|row| print(row.iter().map(String::as_str).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut out = Vec::new();
        table(&mut out, &["name", "n"], &[vec!["žluť".into(), "1".into()], vec!["longer".into(), String::new()]])
            .expect("written");
        assert_eq!(String::from_utf8(out).expect("text"), "name    n\nžluť    1\nlonger\n");
    }
}
