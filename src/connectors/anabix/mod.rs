//! anabix
