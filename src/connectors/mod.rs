//! Everything known about vendors. Adding one is a folder plus one line in [`VENDORS`].

pub mod contract;
pub mod kit;

pub mod anabix;
pub mod fapi;
pub mod http;
pub mod salesautopilot;
pub mod woocommerce;

use contract::Vendor;

/// The registry.
pub const VENDORS: &[&Vendor] =
    &[&anabix::VENDOR, &fapi::VENDOR, &http::VENDOR, &salesautopilot::VENDOR, &woocommerce::VENDOR];

/// Finds a vendor by its key in the config.
pub fn find(name: &str) -> Option<&'static Vendor> {
    VENDORS.iter().copied().find(|vendor| vendor.name == name)
}
