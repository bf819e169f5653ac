//! The bodies of events, made of FAPI's documents.

use rust_decimal::Decimal;

use super::{
    lines,
    local::Local,
    paid,
    parts::{custom_fields, customer, invoice_kind, labels, party, public_link, vendor_ids},
    sale::{Document, Kind, Sale},
    settings::Config,
    wire::Invoice,
};
use crate::{connectors::kit::number::money, topics::body::v1};

const STATUS_PAGE: &str = "https://form.fapi.cz/order-status-page/";
const DOCUMENT_FILE: &str = "https://form.fapi.cz/public/download-invoice?code=";

/// The sale, as the document at hand describes it (a credit note: as the sale's first document does). Nothing when FAPI no
/// longer has what would describe it.
pub(super) fn order(config: &Config, sale: &Sale) -> Option<v1::Order> {
    let describes = sale.describes()?;
    let invoice = &describes.invoice;
    let local = Local(&config.zone);
    let paid = paid::sale(config, sale);
    let began = sale.root.as_ref().unwrap_or(describes);
    let cancelled = paid::is_cancelled(sale);
    Some(v1::Order {
        id: sale.root_id.clone(),
        number: invoice.number.clone(),
        status: status(cancelled, paid.is_some()).into(),
        paid: paid.is_some(),
        cancelled,
        created_at: local.rfc3339(&began.invoice.created_on),
        updated_at: local.rfc3339(&sale.newest(&config.zone).invoice.last_modified_on),
        paid_at: paid.map_or_else(String::new, |paid| local.rfc3339_or_day(&paid.document.invoice.paid_on)),
        currency: invoice.currency.to_ascii_uppercase(),
        total: amount(invoice.total, invoice),
        total_tax: amount(invoice.total_vat, invoice),
        total_net: net(invoice),
        // Other credit notes may exist that nobody told us of, unless FAPI says that there is none.
        total_kept: amount(invoice.total.filter(|_| invoice.has_credit_note == false), invoice),
        prices_include_tax: lines::prices_include_tax(&invoice.items),
        customer: Some(customer(invoice, sale.client().as_ref())),
        items: lines::items(&invoice.items, &invoice.currency),
        taxes: lines::taxes(&invoice.items, &invoice.currency),
        refunds: refund(config, sale).into_iter().collect(),
        payment_method: invoice.payment_type.clone(),
        form: invoice.form.clone(),
        project: invoice.project.clone(),
        payment_reference: invoice.variable_symbol.clone(),
        documents: documents(sale),
        instalment: instalment(sale, invoice),
        custom_fields: custom_fields(&invoice.custom_fields),
        labels: labels(&invoice.labels),
        vendor_ids: vendor_ids(invoice),
        url: public_link(config.public_links, STATUS_PAGE, invoice),
        language: invoice.language.clone(),
        ..v1::Order::default()
    })
}

/// FAPI has no status, only two flags; it does not know whether anything was delivered.
fn status(cancelled: bool, paid: bool) -> v1::OrderStatus {
    match (cancelled, paid) {
        (true, _) => v1::OrderStatus::Cancelled,
        (false, true) => v1::OrderStatus::Processing,
        (false, false) => v1::OrderStatus::Pending,
    }
}

/// The document.
pub(super) fn invoice(config: &Config, sale: &Sale) -> v1::Invoice {
    let invoice = &sale.document.invoice;
    let local = Local(&config.zone);
    let (total_home, total_tax_home) = home_totals(invoice);
    v1::Invoice {
        id: invoice.id.clone(),
        number: invoice.number.clone(),
        kind: invoice_kind(sale.document.kind()).into(),
        source_kind: invoice.kind.clone(),
        order_id: sale.root_id.clone(),
        parent_id: invoice.parent.clone(),
        paid: invoice.paid && sale.document.kind() != Kind::Unknown,
        cancelled: invoice.cancelled,
        created_at: local.rfc3339(&invoice.created_on),
        updated_at: local.rfc3339(&invoice.last_modified_on),
        paid_at: local.rfc3339_or_day(&invoice.paid_on),
        issue_date: invoice.create_date.clone(),
        due_date: invoice.payday_date.clone(),
        tax_date: invoice.vat_date.clone(),
        currency: invoice.currency.to_ascii_uppercase(),
        total: amount(invoice.total, invoice),
        total_tax: amount(invoice.total_vat, invoice),
        total_net: net(invoice),
        total_home,
        total_tax_home,
        exchange_rate: exchange_rate(invoice),
        prices_include_tax: lines::prices_include_tax(&invoice.items),
        customer: Some(customer(invoice, sale.client().as_ref())),
        supplier: Some(party(&invoice.supplier)),
        items: lines::items(&invoice.items, &invoice.currency),
        taxes: lines::taxes(&invoice.items, &invoice.currency),
        payment_method: invoice.payment_type.clone(),
        payment_reference: invoice.variable_symbol.clone(),
        note: invoice.notes.clone(),
        form: invoice.form.clone(),
        project: invoice.project.clone(),
        language: invoice.language.clone(),
        instalment: instalment(sale, invoice),
        custom_fields: custom_fields(&invoice.custom_fields),
        labels: labels(&invoice.labels),
        vendor_ids: vendor_ids(invoice),
        document_url: public_link(config.public_links, DOCUMENT_FILE, invoice),
        bank_account: invoice.supplier.bank_account.clone(),
        iban: invoice.supplier.iban.clone(),
        bic: invoice.supplier.swift.clone(),
    }
}

/// The money that the document at hand tells of, coming in or, by a credit note, going out.
pub(super) fn payment(config: &Config, sale: &Sale, order: Option<&v1::Order>) -> v1::Payment {
    let invoice = &sale.document.invoice;
    let out = sale.document.kind() == Kind::CreditNote;
    let kind = if out { v1::PaymentKind::Refund } else { v1::PaymentKind::Payment };
    v1::Payment {
        id: if out { invoice.id.clone() } else { sale.paid_id.clone() },
        kind: kind.into(),
        amount: amount(invoice.total.map(|total| total.abs()), invoice),
        paid_at: Local(&config.zone).rfc3339_or_day(&invoice.paid_on),
        method: invoice.payment_type.clone(),
        reason: if out { invoice.notes.clone() } else { String::new() },
        order: order.cloned(),
        document: Some(document_ref(&sale.document)),
        instalment: instalment(sale, invoice),
        vendor_ids: vendor_ids(invoice),
    }
}

fn amount(amount: Option<Decimal>, invoice: &Invoice) -> Option<v1::Money> {
    amount.map(|amount| money(amount, &invoice.currency))
}

fn net(invoice: &Invoice) -> Option<v1::Money> {
    amount(invoice.total?.checked_sub(invoice.total_vat?), invoice)
}

/// FAPI converts to CZK and to the supplier's own currency, which it does not name. They are one for a Czech supplier.
fn home_totals(invoice: &Invoice) -> (Option<v1::Money>, Option<v1::Money>) {
    if !matches!(invoice.supplier.address.country.as_str(), "" | "CZ") {
        return (None, None);
    }
    let czk = |amount: Option<Decimal>| amount.map(|amount| money(amount, "CZK"));
    (czk(invoice.total_czk), czk(invoice.total_vat_czk))
}

/// Seen as a number and as a text of 20 decimals.
fn exchange_rate(invoice: &Invoice) -> String {
    let rate = invoice.exchange_rate.or(invoice.exchange_rate_czk);
    rate.map_or_else(String::new, |rate| rate.normalize().to_string())
}

/// How many there are is the highest number among them: FAPI's own plugin counts so.
fn instalment(sale: &Sale, invoice: &Invoice) -> Option<v1::Instalment> {
    (invoice.repayment_number > 0).then(|| v1::Instalment {
        number: invoice.repayment_number,
        count: paid::highest_number(sale),
        of: if invoice.partial_parent.is_empty() { sale.root_id.clone() } else { invoice.partial_parent.clone() },
    })
}

fn refund(config: &Config, sale: &Sale) -> Option<v1::Refund> {
    let invoice = &sale.document.invoice;
    let refunds = sale.document.kind() == Kind::CreditNote && !invoice.cancelled;
    refunds.then(|| v1::Refund {
        id: invoice.id.clone(),
        amount: amount(invoice.total.map(|total| total.abs()), invoice),
        reason: invoice.notes.clone(),
        refunded_at: Local(&config.zone).rfc3339(&invoice.created_on),
    })
}

/// The documents of the sale that are known, each once: the root, its chain, this one, the other instalments.
fn documents(sale: &Sale) -> Vec<v1::DocumentRef> {
    let chain = sale.sequence.iter().map(|row| v1::DocumentRef {
        id: row.id.clone(),
        r#type: row.kind.clone(),
        number: String::new(),
    });
    let read = sale.root.iter().chain([&sale.document]).chain(&sale.instalments).map(document_ref);
    let mut documents: Vec<v1::DocumentRef> = Vec::new();
    for document in chain.chain(read) {
        match documents.iter_mut().find(|known| known.id == document.id) {
            Some(known) if known.number.is_empty() => *known = document,
            Some(_) => {}
            None => documents.push(document),
        }
    }
    documents
}

fn document_ref(document: &Document) -> v1::DocumentRef {
    v1::DocumentRef {
        id: document.invoice.id.clone(),
        number: document.invoice.number.clone(),
        r#type: document.invoice.kind.clone(),
    }
}
