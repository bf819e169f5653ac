//! A document and its relatives. FAPI has no single order: a sale is a pro forma, the documents made from it (`parent`), and
//! perhaps instalments (`partial_parent`). All facts about a sale go by the id of its first document, the root.

use jiff::tz::TimeZone;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{
    local::Local,
    normalize::{self, Step, by_id, fetch, reply},
    operations::{GET_CLIENT, GET_INSTALMENTS, GET_INVOICE, GET_SEQUENCE},
    settings::Config,
    wire::{Invoice, Party, SequenceRow, rows},
};
use crate::{
    connectors::contract::Normalized,
    model::{
        code,
        hash::ContentHash,
        time::{Timestamp, Version},
    },
    topics::webhook::{FetchedReply, Webhook},
};

/// A document as it was read.
pub(super) struct Document {
    pub(super) invoice: Invoice,
    pub(super) value: Value,
    /// When: nothing that it says became true later.
    pub(super) read: Timestamp,
}

impl Document {
    pub(super) fn fetched(reply: &FetchedReply) -> Step<Self> {
        Self::read(&reply.body, reply.at)
    }

    pub(super) fn read(body: &[u8], read: Timestamp) -> Step<Self> {
        serde_json::from_slice(body)
            .ok()
            .and_then(|value| Self::of(value, read))
            .ok_or_else(|| Normalized::invalid(code::UNPARSEABLE, "the document is no JSON object"))
    }

    fn of(value: Value, read: Timestamp) -> Option<Self> {
        let invoice = value.is_object().then(|| Invoice::deserialize(&value).ok())??;
        Some(Self { invoice, value, read })
    }

    pub(super) fn id(&self) -> &str {
        &self.invoice.id
    }

    pub(super) fn version(&self, zone: &TimeZone) -> Version {
        Local(zone).version(&self.invoice.last_modified_on, self.read)
    }

    pub(super) fn kind(&self) -> Kind {
        Kind::of(&self.invoice)
    }

    /// Whether it says that money came in. A kind that we do not know is never a success.
    pub(super) fn is_paid(&self) -> bool {
        self.invoice.paid && self.kind().is_sale()
    }

    fn is_instalment(&self) -> bool {
        !self.invoice.partial_parent.is_empty() || self.invoice.repayment_number > 0
    }
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Proforma,
    Invoice,
    Simplified,
    PaymentConfirmation,
    CreditNote,
    Unknown,
}

impl Kind {
    fn of(invoice: &Invoice) -> Self {
        // A credit note goes before everything else: money going out must never look like money coming in.
        match invoice.kind.as_str() {
            _ if invoice.credit_note => Self::CreditNote,
            "credit_note" => Self::CreditNote,
            "proforma" => Self::Proforma,
            "payment_confirmation" => Self::PaymentConfirmation,
            "invoice" | "" if invoice.payment_confirmation => Self::PaymentConfirmation,
            "simplified_invoice" => Self::Simplified,
            "invoice" | "" if invoice.simplified_invoice => Self::Simplified,
            "invoice" => Self::Invoice,
            "" if invoice.proforma => Self::Proforma,
            _ => Self::Unknown,
        }
    }

    /// Whether it tells of something sold.
    pub(super) fn is_sale(self) -> bool {
        !matches!(self, Self::CreditNote | Self::Unknown)
    }
}

/// One document with all that was read because of it.
pub(super) struct Sale {
    pub(super) document: Document,
    /// The id of the sale.
    pub(super) root_id: String,
    /// What its money is counted by: the first document of its own chain. A pro forma and the invoice made from it are paid
    /// once; two instalments are paid twice.
    pub(super) paid_id: String,
    /// The sale's first document, when this one is a later one and FAPI still has the first.
    pub(super) root: Option<Document>,
    /// The documents of the chain, as FAPI lists them.
    pub(super) sequence: Vec<SequenceRow>,
    /// The instalments that FAPI lists.
    pub(super) instalments: Vec<Document>,
    /// Whether the sale is paid by instalments at all.
    pub(super) by_instalments: bool,
    /// The client as read, where it can tell more than the document.
    client: Option<Value>,
}

impl Sale {
    /// Reads the relatives, one fetch at a time.
    pub(super) fn gather(config: &Config, webhook: &Webhook, document: Document) -> Step<Self> {
        let Chain { sequence, paid_id, root_id } = Chain::read(webhook, &document.invoice)?;
        let root = if root_id == document.id() { None } else { read_root(webhook, &root_id)? };
        let mut sale = Self {
            document,
            root_id,
            paid_id,
            root,
            sequence,
            instalments: Vec::new(),
            by_instalments: false,
            client: None,
        };
        if let Some(instalment) = sale.describes().filter(|document| document.is_instalment()) {
            sale.instalments = read_instalments(webhook, instalment)?;
            sale.by_instalments = true;
        }
        sale.client = read_client(config, webhook, &sale.document.invoice)?;
        Ok(sale)
    }

    /// The document that describes the sale: this one, but for a credit note the sale's first.
    pub(super) fn describes(&self) -> Option<&Document> {
        match self.document.kind() {
            Kind::CreditNote => self.root.as_ref(),
            Kind::Unknown => None,
            _ => Some(&self.document),
        }
    }

    /// The documents that tell whether the sale is paid.
    pub(super) fn payable(&self) -> impl Iterator<Item = &Document> {
        let own = [Some(&self.document), self.root.as_ref()].into_iter().flatten();
        own.chain(&self.instalments).filter(|document| document.kind().is_sale())
    }

    /// The version of the sale as a whole: its newest document's.
    pub(super) fn newest(&self, zone: &TimeZone) -> &Document {
        let others = self.root.iter().chain(&self.instalments);
        others.fold(
            &self.document,
            |newest, other| if other.version(zone) > newest.version(zone) { other } else { newest },
        )
    }

    /// Who buys, by FAPI's list of clients.
    pub(super) fn client(&self) -> Option<Party> {
        Party::deserialize(self.client.as_ref()?).ok()
    }

    /// The content of everything that was read. Nothing is left out of it: what FAPI changes by itself (`last_modified_on`)
    /// is its version too, and another version is another fact anyway.
    pub(super) fn content(&self) -> ContentHash {
        let relatives = self.root.iter().chain(&self.instalments).map(|document| &document.value).chain(&self.client);
        let relatives: Vec<Value> = relatives.cloned().collect();
        if relatives.is_empty() {
            return ContentHash::of(&self.document.value);
        }
        ContentHash::of(&json!({ "document": self.document.value, "relatives": relatives }))
    }
}

/// The ids that a document goes by.
struct Chain {
    sequence: Vec<SequenceRow>,
    paid_id: String,
    root_id: String,
}

impl Chain {
    fn read(webhook: &Webhook, invoice: &Invoice) -> Step<Self> {
        let mut sequence = Vec::new();
        let mut paid_id = invoice.id.clone();
        if !invoice.parent.is_empty() {
            sequence = read_sequence(webhook, "sequence", &invoice.id)?;
            paid_id = first_of(&sequence, &invoice.parent);
        }
        let mut root_id = paid_id.clone();
        if !invoice.partial_parent.is_empty() && invoice.partial_parent != root_id {
            let of_sale = read_sequence(webhook, "sale", &invoice.partial_parent)?;
            root_id = first_of(&of_sale, &invoice.partial_parent);
        }
        Ok(Self { sequence, paid_id, root_id })
    }
}

fn first_of(sequence: &[SequenceRow], otherwise: &str) -> String {
    sequence.first().map(|row| row.id.clone()).filter(|id| !id.is_empty()).unwrap_or_else(|| otherwise.to_owned())
}

fn list(reply: &FetchedReply) -> Step<Vec<Value>> {
    rows(&normalize::json(reply)?)
        .cloned()
        .ok_or_else(|| Normalized::invalid(code::UNPARSEABLE, format!("the reply for `{}` is no list", reply.purpose)))
}

fn read_sequence(webhook: &Webhook, purpose: &str, id: &str) -> Step<Vec<SequenceRow>> {
    let rows = list(reply(webhook, fetch(purpose, GET_SEQUENCE, by_id(id)))?)?;
    Ok(rows.iter().filter_map(|row| SequenceRow::deserialize(row).ok()).collect())
}

/// The first document says when the sale began and was paid; a follow-up of today may belong to a sale of last year.
fn read_root(webhook: &Webhook, id: &str) -> Step<Option<Document>> {
    let mut parameters = by_id(id);
    parameters.insert("may_be_missing".to_owned(), Value::Bool(true));
    let reply = reply(webhook, fetch("root", GET_INVOICE, parameters))?;
    if reply.status >= 300 { Ok(None) } else { Document::fetched(reply).map(Some) }
}

fn read_instalments(webhook: &Webhook, of: &Document) -> Step<Vec<Document>> {
    let parent = if of.invoice.partial_parent.is_empty() { of.id() } else { &of.invoice.partial_parent };
    let reply = reply(webhook, fetch("instalments", GET_INSTALMENTS, by_id(parent)))?;
    let mut instalments: Vec<_> = list(reply)?.into_iter().filter_map(|row| Document::of(row, reply.at)).collect();
    // The list's order is not documented, and must not make two states of one.
    instalments.sort_by(|one, other| one.id().cmp(other.id()));
    Ok(instalments)
}

fn read_client(config: &Config, webhook: &Webhook, invoice: &Invoice) -> Step<Option<Value>> {
    if !config.read_client || invoice.client.is_empty() || invoice.customer.has_company() {
        return Ok(None);
    }
    let reply = reply(webhook, fetch("client", GET_CLIENT, by_id(&invoice.client)))?;
    if reply.status >= 300 { Ok(None) } else { normalize::json(reply).map(Some) }
}
