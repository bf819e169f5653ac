//! The role that turns events into actions, by the owner's flows.
