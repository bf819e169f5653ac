//! The dispatcher over a real log, a toy vendor and a scripted way out. Time stands still until a test moves it.

mod adopt;
mod bounds;
mod bulk;
mod circuit;
mod doubt;
mod faults;
mod halts;
mod hold;
mod isolation;
mod limits;
mod lists;
mod loops;
mod order;
mod owners;
mod polls;
mod retries;
mod schedules;
mod sessions;
mod settling;
mod stage;
mod toy;
mod wire;
