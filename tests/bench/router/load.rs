//! Flows and orders as an installation has them.

use std::{fmt::Write as _, path::Path, sync::Arc, time::Duration};

use anyhow::ensure;
use spojka::{
    config::{self, FixedEnvironment, Mode},
    connectors::VENDORS,
    model::{
        connection::ConnectionName,
        id::{EventId, Ids, KeyHash, WebhookId},
        time::{How, Since, Timestamp},
    },
    router::{Routing, Rules, route},
    topics::{
        body::{Body, v1},
        event::{Event, ORDER_PAID, Origin},
    },
};

/// The flows that match each event.
const MATCHING: usize = 5;
/// Different orders, so that no two events in a row are the same.
const EVENTS: usize = 200;

pub(crate) struct Load {
    rules: Rules,
    ids: Ids,
    events: Vec<Event>,
    now: Timestamp,
    flows: usize,
}

impl Load {
    /// So many flows: five on paid orders of the shop, the others on other events and of other shops.
    pub(crate) fn new(flows: usize) -> anyhow::Result<Self> {
        let variables = [("BENCH_SECRET".to_owned(), "bench-secret".to_owned())].into();
        let environment = FixedEnvironment { variables, ..FixedEnvironment::default() };
        let files = [("spojka.yaml".to_owned(), text(flows))];
        let config = config::load_texts(&files, Path::new("."), &environment, VENDORS, Mode::Resolve)
            .map_err(|report| anyhow::anyhow!("{report}"))?;
        let (ids, now) = (Ids::new(b"bench"), "2025-10-09T12:00:00Z".parse()?);
        let rules = Rules::first(Arc::clone(&config.flows), &ids, "2025-01-01T00:00:00Z".parse()?);
        let events = (0..EVENTS).map(event).collect::<anyhow::Result<_>>()?;
        Ok(Self { rules, ids, events, now, flows })
    }

    pub(crate) fn flows(&self) -> usize {
        self.flows
    }

    /// Routes every event once; how many there were.
    pub(crate) fn route_all(&self) -> anyhow::Result<u64> {
        let remember = Duration::from_hours(24 * 30);
        let routing = Routing { rules: &self.rules, ids: &self.ids, remember, now: self.now };
        for event in &self.events {
            let routed = route(event, &routing);
            ensure!(routed.failed.is_empty(), "nothing fails: {:?}", routed.failed);
            ensure!(routed.actions.len() + routed.skipped.len() == MATCHING, "five flows match");
        }
        Ok(self.events.len() as u64)
    }
}

fn text(flows: usize) -> String {
    let mut text = String::from("connections:\n  crm: { anabix: { user: shop, token: env:BENCH_SECRET } }\n");
    for shop in 0..20 {
        let _infallible = writeln!(text, "  shop-{shop}: {{ woocommerce: {{ secret: env:BENCH_SECRET }} }}");
    }
    text.push_str("flows:\n");
    for flow in 0..flows {
        let (on, shop) = match flow {
            flow if flow < MATCHING => ("order.paid", 0),
            flow if flow % 2 == 0 => ("order.cancelled", flow % 20),
            flow => ("order.paid", 1 + flow % 19),
        };
        let _infallible = write!(
            text,
            "  flow-{flow}:
    on: {on}
    from: shop-{shop}
    when: decimal_cmp(order.total, '500') >= 0 && order.items.exists(i, i.code == 'SKU-{code}')
    do:
      - crm.add_to_list:
          email: ${{normalize_email(order.customer.email)}}
          list: Buyers {flow}
          create_list: true
          legal_basis: contract
",
            code = flow % 3,
        );
    }
    text
}

fn event(number: usize) -> anyhow::Result<Event> {
    let at: Timestamp = "2025-10-09T06:53:20Z".parse()?;
    Ok(Event {
        id: EventId::from_text(format!("e-{number}")),
        event_type: ORDER_PAID,
        connection: ConnectionName::parse("shop-0")?,
        entity: KeyHash::from_text(format!("k-{number}")),
        subject: number.to_string(),
        since: Since { at, how: How::Stated },
        version: 1,
        arrived: at,
        webhook: WebhookId::from_text(format!("w-{number}")),
        origin: Origin::default(),
        traceparent: None,
        body: Body::Order(Box::new(order(number))),
    })
}

fn order(number: usize) -> v1::Order {
    let money = |amount: usize| Some(v1::Money { amount: format!("{amount}.50"), currency: "CZK".to_owned() });
    let item = |index: usize| v1::Item {
        code: format!("SKU-{index}"),
        name: format!("Kurz žonglování {index}"),
        quantity: "1".to_owned(),
        unit_price: money(400 + index),
        gross: money(400 + index),
        tax_rate: "21".to_owned(),
        ..Default::default()
    };
    let address = || v1::Address {
        street: "Dlouhá 1".to_owned(),
        city: "Praha".to_owned(),
        postcode: "110 00".to_owned(),
        country: "CZ".to_owned(),
        ..Default::default()
    };
    v1::Order {
        id: number.to_string(),
        number: format!("2025-{number:05}"),
        status: v1::OrderStatus::Processing.into(),
        paid: true,
        paid_at: "2025-10-09T08:53:20+02:00".to_owned(),
        currency: "CZK".to_owned(),
        total: money(1210),
        customer: Some(v1::Party {
            email: format!("Eva.{number}@Example.CZ"),
            name: "Eva Nováková".to_owned(),
            address: Some(address()),
            shipping_address: Some(address()),
            ..Default::default()
        }),
        items: (0..3).map(item).collect(),
        ..Default::default()
    }
}
