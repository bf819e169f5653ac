//! What a replay counted, for people.

use std::io::{self, Write};

use crate::{
    router::Why,
    topics::replay::{Begin, Counts, Replay, Tally},
};

/// The whole account.
pub fn print(out: &mut dyn Write, replay: &Replay) -> io::Result<()> {
    let counts = &replay.counts;
    let read = match replay.request.begin {
        Begin::Webhooks => format!("{} webhooks and replies, {} facts", counts.webhooks, counts.facts),
        Begin::Events => format!("{} facts", counts.facts),
        Begin::Actions => format!("{} actions", counts.facts),
    };
    writeln!(out, "read: {read}")?;
    writeln!(out, "actions: {}", tally(counts.actions))?;
    if counts.fetches != Tally::default() {
        writeln!(out, "fetches: {}", tally(counts.fetches))?;
    }
    for (flow, reasons) in &counts.skipped {
        let reasons: Vec<_> = reasons.iter().map(|(why, count)| format!("{count} {}", in_words(why))).collect();
        writeln!(out, "flow `{flow}` did nothing: {}", reasons.join(", "))?;
    }
    for (code, count) in &counts.unusable {
        writeln!(out, "cannot go on: {count} ({code}: see `spojka explain {code}`)")?;
    }
    rest(out, counts)
}

fn rest(out: &mut dyn Write, counts: &Counts) -> io::Result<()> {
    if counts.imported > 0 {
        writeln!(out, "left alone: {} rows of imports", counts.imported)?;
    }
    if counts.unread > 0 {
        writeln!(out, "left alone: {} fetches, because what they would give is not known", counts.unread)?;
    }
    for (what, count) in &counts.chosen {
        writeln!(out, "  {count:>8}  {what}")?;
    }
    Ok(())
}

fn tally(tally: Tally) -> String {
    let parts = [
        (tally.new, "new"),
        (tally.done, "already done"),
        (tally.waiting, "waiting"),
        (tally.superseded, "superseded"),
        (tally.failed, "failed before"),
    ];
    parts.map(|(count, what)| format!("{count} {what}")).join(", ")
}

/// One that a newer process counted is told by its name.
fn in_words(why: &str) -> &str {
    Why::ALL.iter().find(|known| known.as_str() == why).map_or(why, |known| known.in_words())
}
