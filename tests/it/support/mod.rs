//! What integration tests share.

pub(crate) mod child;
pub(crate) mod conservation;
pub(crate) mod disk;
pub(crate) mod kafka;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod records;
pub(crate) mod stage;
pub(crate) mod vendor;
