//! The vendor's own names. A list's fields are flat pairs; those of the system begin with `mssys_`.

pub(super) const ID: &str = "id";
pub(super) const EMAIL: &str = "email";
pub(super) const ACTIVE: &str = "active";
pub(super) const SUBSCRIBED: &str = "subdate";
pub(super) const FIRST_UPDATE: &str = "firstupdate";
pub(super) const LAST_UPDATE: &str = "lastupdate";

pub(super) const FIRST_NAME: &str = "mssys_firstname";
pub(super) const LAST_NAME: &str = "mssys_lastname";
pub(super) const PHONE: &str = "mssys_phone";
pub(super) const COMPANY: &str = "mssys_company";
pub(super) const IP: &str = "mssys_ipaddress";

/// The webshop's order id, whatever the shop system: named after the first one that was linked.
pub(super) const ORDER_REFERENCE: &str = "mssys_shoprenter_id";
pub(super) const INVOICE_NUMBER: &str = "mssys_billing_number";
/// The shop's own word for the order's status.
pub(super) const SHOP_STATUS: &str = "mssys_webshop_status";
pub(super) const PAYMENT_STATUS: &str = "mssys_order_status";
pub(super) const PAID_ON: &str = "mssys_pay_date";

/// Values of [`PAYMENT_STATUS`].
pub(super) mod payment {
    pub(in super::super) const ORDERED: u32 = 1;
    pub(in super::super) const PAID: u32 = 2;
    pub(in super::super) const PAID_BACK: u32 = 3;
}

/// What an empty date reads as, and so what empties one.
pub(super) const NO_DATE: &str = "0000-00-00";

/// Fields that only the vendor writes, or that an operation's own parameter carries.
pub(super) const RESERVED: &[&str] = &[ID, EMAIL, ACTIVE, FIRST_UPDATE, LAST_UPDATE, IP];

/// Codes inside an answer to a subscription.
pub(super) mod subscribed {
    pub(in super::super) const ALREADY_THERE: i64 = -1;
    pub(in super::super) const MALFORMED_EMAIL: i64 = -2;
}
