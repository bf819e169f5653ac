//! The difference of two texts, line by line.

use std::fmt;

/// So many lines around a change are shown.
const AROUND: usize = 3;
/// Beyond so many comparisons a text is told as all new: nobody reads the difference of such texts.
const MOST_CELLS: usize = 4_000_000;

/// One line of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(line) => write!(f, "  {line}"),
            Self::Gone(line) => write!(f, "- {line}"),
            Self::New(line) => write!(f, "+ {line}"),
        }
    }
}

/// All lines of both texts: as few gone and new as there can be.
pub(super) fn lines<'a>(from: &'a str, to: &'a str) -> Vec<Line<'a>> {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let first = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let rest = (from.get(first..).unwrap_or_default(), to.get(first..).unwrap_or_default());
    let last = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(one, other)| one == other).count();
    let (old, end) = rest.0.split_at(rest.0.len() - last);
    let (new, _) = rest.1.split_at(rest.1.len() - last);
    let mut lines: Vec<Line<'a>> = from.iter().take(first).map(|line| Line::Same(line)).collect();
    lines.extend(between(old, new));
    lines.extend(end.iter().map(|line| Line::Same(line)));
    lines
}

fn between<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    if old.len().saturating_mul(new.len()) > MOST_CELLS {
        return old.iter().map(|line| Line::Gone(line)).chain(new.iter().map(|line| Line::New(line))).collect();
    }
    let common = common(old, new);
    let at = |i: usize, j: usize| common.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    let (mut lines, mut i, mut j) = (Vec::new(), 0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(one), Some(other)) if one == other => {
                lines.push(Line::Same(one));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other) if other.is_none() || at(i + 1, j) >= at(i, j + 1) => {
                lines.push(Line::Gone(one));
                i += 1;
            }
            (_, Some(other)) => {
                lines.push(Line::New(other));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

/// How many lines both have in common, in order, behind each pair of places.
fn common(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut rows = vec![vec![0; new.len() + 1]];
    for one in old.iter().rev() {
        let below = rows.last().expect("there is one row from the beginning");
        let mut row = vec![0; new.len() + 1];
        for (j, other) in new.iter().enumerate().rev() {
            let cell = |row: &[u32], j: usize| row.get(j).copied().unwrap_or(0);
            let best = if one == other { cell(below, j + 1) + 1 } else { cell(below, j).max(cell(&row, j + 1)) };
            if let Some(place) = row.get_mut(j) {
                *place = best;
            }
        }
        rows.push(row);
    }
    rows.reverse();
    rows
}

/// The lines that changed, with some around them; `None` stands for what is left out.
pub(super) fn near_changes<'a, 'b>(lines: &'b [Line<'a>]) -> Vec<Option<&'b Line<'a>>> {
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_))).map(|(at, _)| at).collect();
    let is_near = |at: usize| {
        let next = changed.partition_point(|changed| *changed + AROUND < at);
        changed.get(next).is_some_and(|changed| *changed <= at + AROUND)
    };
    let mut shown = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if is_near(at) {
            shown.push(Some(line));
        } else if shown.last().is_none_or(Option::is_some) {
            shown.push(None);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_are_the_same_gone_or_new() {
        assert_eq!(text(&lines("a\nb\nc\n", "a\nx\nc\nd\n")), ["  a", "- b", "+ x", "  c", "+ d"]);
        assert_eq!(text(&lines("", "a\n")), ["+ a"]);
        assert_eq!(text(&lines("a\n", "")), ["- a"]);
    }

    #[test]
    fn what_lies_far_from_a_change_is_left_out() {
        let old = (0..20).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        let new = old.replace("10\n", "ten\n");
        let all = lines(&old, &new);
        let shown: Vec<String> =
            near_changes(&all).into_iter().map(|line| line.map_or("…".to_owned(), ToString::to_string)).collect();
        assert_eq!(shown, ["…", "  7", "  8", "  9", "- 10", "+ ten", "  11", "  12", "  13", "…"]);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_their_difference(
            old in prop::collection::vec("[ab]", 0..9), new in prop::collection::vec("[ab]", 0..9)
        ) {
            let (from, to) = (old.join("\n"), new.join("\n"));
            let all = lines(&from, &to);
            let side = |gone: bool| -> Vec<&str> {
                let mine = |line: &Line<'_>| match line {
                    Line::Same(_) => true,
                    Line::Gone(_) => gone,
                    Line::New(_) => !gone,
                };
                all.iter().filter(|line| mine(line)).map(|line| match line {
                    Line::Same(line) | Line::Gone(line) | Line::New(line) => *line,
                }).collect()
            };
            prop_assert_eq!(side(true), from.lines().collect::<Vec<_>>());
            prop_assert_eq!(side(false), to.lines().collect::<Vec<_>>());
        }
    }
}
