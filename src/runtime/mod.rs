//! Builds roles from a config, starts them under one supervisor, and stops them.

pub mod admin;
mod app;
pub mod backtest;
mod clock;
mod crew;
mod flows;
mod kafka;
mod lag;
mod open;
pub mod operator;
mod pulse;
pub mod reload;
pub mod replay;
mod roles;
mod signals;
mod starts;
mod teller;
mod transport;
mod trim;

pub use app::{App, End, Role, StartError};
pub use clock::clock;
pub use open::{ids_of, open_log, operator_of};
pub use roles::{Ground, limits_of};
pub use signals::{Reloads, owner_name, told_to_stop};
pub use teller::Teller;
pub use transport::HttpTransport;
