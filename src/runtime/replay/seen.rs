//! What a replay has met already: a fact that many snapshots prove is judged once, and an action counted once.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

/// So many are remembered, in about 40 MiB. Behind that, what comes again may be counted again; it is done once all the same.
const MOST: usize = 2_000_000;

/// Ids, as half of a digest's bits: two ids of ten million fall together once in 370,000 replays.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Seen(HashSet<u64, BuildHasherDefault<Folded>>);

impl Seen {
    pub fn knows(&self, id: &str) -> bool {
        self.0.contains(&digest(id))
    }

    /// Answers whether it is new.
    pub fn add(&mut self, id: &str) -> bool {
        let digest = digest(id);
        if self.0.len() >= MOST { !self.0.contains(&digest) } else { self.0.insert(digest) }
    }
}

/// The same text has the same digest, in this process.
pub(super) fn digest(id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id)
}

/// A digest is spread already: it is its own hash.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Folded(u64);

impl std::hash::Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_known() {
        let mut seen = Seen::default();
        assert!(seen.add("a-1") && !seen.add("a-1") && seen.knows("a-1") && !seen.knows("a-2"));
    }
}
