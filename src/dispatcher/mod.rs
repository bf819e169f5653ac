//! The role that carries actions out: owner of lanes.
