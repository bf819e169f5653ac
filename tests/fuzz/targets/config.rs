//! A config of any text is loaded or refused, with a report that can be printed.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use spojka::{
    config::{FixedEnvironment, Mode, load_texts},
    connectors::VENDORS,
};
use spojka_fuzz::pieces;

fuzz_target!(|data: &[u8]| {
    let text = |piece: &[u8]| String::from_utf8_lossy(piece).into_owned();
    let files: Vec<_> = (0..).zip(&pieces(data)).map(|(n, piece)| (format!("{n}.yaml"), text(piece))).collect();
    if let Err(report) = load_texts(&files, Path::new("/"), &FixedEnvironment::default(), VENDORS, Mode::CheckOnly) {
        assert!(!report.problems.is_empty());
        assert!(!report.to_string().is_empty());
    }
});
