//! Looks for the expression that passes the check and takes longest.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use spojka::{
    expr::{Expression, Facts, Scope},
    model::{
        connection::ConnectionName,
        id::{EventId, KeyHash, WebhookId},
        random::{Generator, Random as _},
        time::{Clock as _, How, Since, SystemClock, Timestamp},
    },
    topics::{
        body::{Body, v1},
        event::{Entity, Event, ORDER_PAID, Origin},
    },
};

use crate::nasty;

/// What is promised.
const LONGEST: Duration = Duration::from_millis(50);
/// How many of the slowest are told.
const TOLD: usize = 5;

struct Taken {
    took: Duration,
    cost: u64,
    failed: bool,
    text: String,
}

pub(crate) fn search(seeds: u64) -> anyhow::Result<()> {
    let scope = Scope::new(Some(Entity::Order), &BTreeMap::new());
    let event = large()?;
    let (mut taken, mut refused) = (Vec::new(), 0);
    for seed in 0..seeds {
        let random = Generator::seeded(seed);
        let text = nasty::condition(&mut (0..4).flat_map(|_| random.bytes()));
        match Expression::condition(&text, &scope) {
            Ok(expression) => taken.push(take(&expression, &event, text)),
            Err(_) => refused += 1,
        }
    }
    taken.sort_by_key(|taken| std::cmp::Reverse(taken.took));
    println!("expressions: {} run, {refused} refused as too costly", taken.len());
    for Taken { took, cost, failed, text } in taken.iter().take(TOLD) {
        println!("{took:?} for {cost} steps, failed: {failed}: {text}");
    }
    let slowest = taken.first().map_or(Duration::ZERO, |taken| taken.took);
    // A build without optimization promises nothing.
    ensure!(cfg!(debug_assertions) || slowest <= LONGEST, "the slowest took {slowest:?}");
    Ok(())
}

/// The best of three, each with facts of its own: the first look at a field decodes it.
fn take(expression: &Expression, event: &Event, text: String) -> Taken {
    let mut failed = false;
    let runs = (0..3).map(|_| {
        let begin = SystemClock.elapsed();
        let facts = Facts::of(event, &BTreeMap::new());
        failed = expression.holds(&facts).is_err();
        SystemClock.elapsed().saturating_sub(begin)
    });
    let took = runs.min().unwrap_or_default();
    Taken { took, cost: expression.cost(), failed, text }
}

/// About 256 KiB, in the lists and texts that cost most.
fn large() -> anyhow::Result<Event> {
    let at: Timestamp = "2025-10-09T06:53:20Z".parse()?;
    let field = |index: usize| v1::CustomField { value: format!("x{index}"), ..Default::default() };
    let item = |index: usize| v1::Item {
        name: format!("{index}{}", "x".repeat(100)),
        custom_fields: (0..20).map(field).collect(),
        ..Default::default()
    };
    let order = v1::Order {
        number: "x".repeat(1 << 10),
        note: "xa".repeat(32 << 10),
        items: (0..500).map(item).collect(),
        custom_fields: (0..200).map(field).collect(),
        labels: (0..50).map(|index| v1::Label { name: format!("x{index}"), ..Default::default() }).collect(),
        ..Default::default()
    };
    Ok(Event {
        id: EventId::from_text("e-1"),
        event_type: ORDER_PAID,
        connection: ConnectionName::parse("shop")?,
        entity: KeyHash::from_text("k-1"),
        subject: "1".to_owned(),
        since: Since { at, how: How::Stated },
        version: 1,
        arrived: at,
        webhook: WebhookId::from_text("w-1"),
        origin: Origin::default(),
        traceparent: None,
        body: Body::Order(Box::new(order)),
    })
}
