//! The config: as typed, as used, and a report of all problems at once.
