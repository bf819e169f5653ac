//! What several connectors need: signatures, URL tokens, forms, status codes. Generic; knows no vendor.

pub mod form;
pub mod hmac;
pub mod number;
pub mod standard_webhooks;
pub mod status;
#[cfg(test)]
pub mod testing;
pub mod token;
