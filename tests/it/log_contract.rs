//! What every log promises, whoever keeps it. One suite; each check runs on every log that `support::logs` knows.

mod append;
mod close;
mod consume;
mod fencing;
mod range;
mod table;
mod topics;
mod trim;
