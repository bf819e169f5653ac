//! Metrics and logs: names in one place, bounded labels, nothing personal.
