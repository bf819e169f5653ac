//! fapi
