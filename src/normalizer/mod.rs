//! The role that turns webhooks into events.
