use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use crate::{
    config::{
        Circuit, Config, FixedEnvironment, LogConfig, Mode, Pauses, Retry, load, load_texts,
        testing::{CONNECTIONS, VENDORS, load_files, load_one},
    },
    dispatcher::limits::{LaneLimit, OnExhausted, QuotaSettings, Span},
    model::{connection::ConnectionName, secret::Secret},
};

fn name(text: &str) -> ConnectionName {
    ConnectionName::parse(text).expect("name")
}

#[test]
fn defaults_need_no_words() {
    let config = load_one(CONNECTIONS).expect("a config");
    assert_eq!(config.installation.prefix, "spojka.");
    assert_eq!(config.gateway.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(config.gateway.max_body_bytes, 2_097_152);
    assert_eq!(config.keeping.remember, Duration::from_hours(24 * 400));
    assert!(matches!(config.log, LogConfig::Embedded { path } if path == Path::new("/etc/spojka/data/spojka.db")));
    let eshop = &config.connections[&name("eshop")];
    assert_eq!((eshop.delivery.concurrency, eshop.delivery.per_second), (2, Some(5)));
    assert_eq!(eshop.settings.text("paid_when"), "settled");
    assert_eq!(eshop.settings.secret("api_key").expose(), "k3y");
}

/// The limits of a connection's lane, by their names.
fn lane_limits(config: &Config, connection: &str) -> BTreeMap<String, LaneLimit> {
    let limits = config.connections[&name(connection)].delivery.limits.iter();
    limits.map(|limit| (limit.name.clone(), limit.of_lane())).collect()
}

fn quota_of(limit: &LaneLimit) -> &QuotaSettings {
    let Span::Calendar(settings) = &limit.span else { panic!("a quota: {limit:?}") };
    settings
}

#[test]
fn limits_are_the_vendor_s_unless_the_owner_knows_better() {
    let config = load_one(CONNECTIONS).expect("a config");
    let limits = lane_limits(&config, "crm");
    assert_eq!((limits.len(), limits["monthly-calls"].calls), (2, 1000));
    let quota = quota_of(&limits["monthly-calls"]);
    assert_eq!(
        (quota.on_exhausted, quota.most, quota.warn_at.as_slice()),
        (OnExhausted::Continue, None, &[80, 100][..])
    );
    assert_eq!(quota.zone.iana_name(), Some("Europe/Budapest"));
    assert_eq!(limits["per-address"].span, Span::Sliding(Duration::from_mins(1)));

    let config = load_one(
        "
connections:
  crm:
    crm: { token: env:CRM_TOKEN }
    delivery:
      time_zone: Europe/Prague
      limits:
        monthly-calls:
          calls: 500
          on_exhausted: drop_optional
          warn_at: 50%
          budget: 4000
          price: { amount: 1500.50 }
        per-address: unlimited
        daily-notes: { calls: 20, window: day, class: write, time_zone: UTC, on_exhausted: pause }
",
    )
    .expect("a config");
    let limits = lane_limits(&config, "crm");
    assert_eq!(limits.keys().collect::<Vec<_>>(), ["daily-notes", "monthly-calls"]);
    let quota = quota_of(&limits["monthly-calls"]);
    let price = quota.price.as_ref().expect("a price");
    assert_eq!(
        (price.amount.to_string(), price.block, price.currency.as_str()),
        ("1500.50".to_owned(), 100_000, "HUF")
    );
    assert_eq!((quota.most, quota.warn_at.as_slice()), (Some(200_500), &[50][..]), "two blocks are within the budget");
    assert_eq!(quota.zone.iana_name(), Some("Europe/Prague"));
    assert_eq!(quota_of(&limits["daily-notes"]).zone.iana_name(), Some("UTC"));
    assert_eq!(limits["daily-notes"].class.as_deref(), Some("write"));
}

#[test]
fn a_wide_limit_is_divided_among_the_connections_of_its_vendor() {
    let connection = |name: &str, limits: &str| {
        format!("  {name}:\n    crm: {{ token: env:CRM_TOKEN }}\n    delivery: {{ limits: {{ {limits} }} }}\n")
    };
    let three = |one, two, three| {
        let connections = [connection("one", one), connection("two", two), connection("three", three)].concat();
        let config = load_one(&format!("connections:\n{connections}")).unwrap_or_else(|report| panic!("{report}"));
        ["one", "two", "three"].map(|name| lane_limits(&config, name).get("per-address").map(|limit| limit.calls))
    };
    assert_eq!(three("", "", ""), [Some(20), Some(20), Some(20)]);
    assert_eq!(three("per-address: { share: 50% }", "", ""), [Some(30), Some(15), Some(15)]);
    assert_eq!(three("per-address: unlimited", "", ""), [None, Some(30), Some(30)]);
    let own = "per-address: { scope: connection }";
    assert_eq!(three(own, "", ""), [Some(60), Some(30), Some(30)]);
}

#[test]
fn everything_can_be_said() {
    let config = load_one(
        "
installation: { prefix: shop-, hash_key: file:/run/key }
log:
  kafka:
    brokers: [one:9092, two:9092]
    replication: 3
    tables: /var/lib/spojka/tables
    security: { tls: true, sasl: { mechanism: SCRAM-SHA-256, username: u, password: env:SHOP_KEY } }
    options: { linger.ms: 5 }
gateway: { listen: '0.0.0.0:80', max_body_bytes: 4096, public_url: https://hooks.example.cz }
admin: { listen: '127.0.0.1:1' }
remember: 30d
retention: 7d
connections:
  eshop:
    shop:
      user: shop@example.cz
      api_key: env:SHOP_KEY
      signing: [env:SHOP_KEY, file:/run/key]
      statuses: { sent: completed }
    was: old-shop
    delivery:
      concurrency: 9
      per_second: unlimited
      timeout: 5s
      retry: { first: 250ms, cap: 1m, max_age: 1d }
      not_there: { list: [1m, 5m, 1h], max_age: 2h }
      circuit: { failures: 3, first: 10s }
      allow_private_addresses: true
",
    )
    .expect("a config");
    assert_eq!(config.installation.hash_key.as_ref().map(Secret::expose), Some("from a file"));
    let LogConfig::Kafka(kafka) = &config.log else { panic!("expected Kafka") };
    assert_eq!(kafka.brokers, ["one:9092", "two:9092"]);
    assert_eq!(kafka.security.sasl.as_ref().map(|sasl| sasl.password.expose()), Some("k3y"));
    assert_eq!(kafka.options["linger.ms"], "5");
    let eshop = &config.connections[&name("eshop")];
    assert_eq!(eshop.settings.secrets("signing").len(), 2);
    assert_eq!(eshop.settings.text_map("statuses")["sent"], "completed");
    assert_eq!(eshop.identity(&name("eshop")), &name("old-shop"));
    assert_eq!(eshop.delivery.per_second, None);
    let (first, cap) = (Duration::from_millis(250), Duration::from_mins(1));
    assert_eq!(eshop.delivery.retry.pauses, Pauses::Exponential { first, cap });
    assert_eq!(eshop.delivery.retry.max_age, Duration::from_hours(24));
    let list = [60, 300, 3600].map(Duration::from_secs).to_vec();
    let not_there = Retry { pauses: Pauses::List(list), max_age: Duration::from_hours(2) };
    assert_eq!(eshop.delivery.not_there, not_there);
    let (first, cap) = (Duration::from_secs(10), Duration::from_mins(5));
    assert_eq!(eshop.delivery.circuit, Circuit { failures: 3, first, cap });
    assert!(eshop.delivery.allow_private_addresses);
    assert!(!format!("{config:?}").contains("k3y"), "secrets do not print");
}

#[test]
fn the_order_of_files_means_nothing() {
    let (one, two) = (("a.yaml", CONNECTIONS), ("b.yaml", "remember: 200d\n"));
    let forth = load_files(&[one, two]).expect("a config");
    let back = load_files(&[two, one]).expect("a config");
    assert_eq!(forth.keeping, back.keeping);
    assert_eq!(forth.connections.keys().collect::<Vec<_>>(), back.connections.keys().collect::<Vec<_>>());
}

#[test]
fn checking_alone_needs_no_secrets() {
    let files = [("a.yaml".to_owned(), CONNECTIONS.to_owned())];
    let load = |mode| load_texts(&files, Path::new("."), &FixedEnvironment::default(), VENDORS, mode);
    assert!(load(Mode::CheckOnly).is_ok());
    assert_eq!(load(Mode::Resolve).expect_err("no secrets").problems.len(), 2);
}

#[test]
fn a_directory_is_all_its_yaml_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write("one.yaml", CONNECTIONS);
    write("two.yml", "remember: 200d\n");
    write("notes.txt", "{{{ no config");
    let config = load(directory.path(), &FixedEnvironment::default(), VENDORS, Mode::CheckOnly).expect("a config");
    assert_eq!((config.connections.len(), config.keeping.remember), (2, Duration::from_hours(24 * 200)));
    assert!(matches!(config.log, LogConfig::Embedded { path } if path.starts_with(directory.path())));

    let one = load(&directory.path().join("one.yaml"), &FixedEnvironment::default(), VENDORS, Mode::CheckOnly);
    assert_eq!(one.expect("a config").keeping.remember, Duration::from_hours(24 * 400));
}

#[test]
fn files_that_are_not_there_are_reported() {
    let directory = tempfile::tempdir().expect("a directory");
    for path in [directory.path().to_owned(), directory.path().join("none.yaml")] {
        let report = load(&path, &FixedEnvironment::default(), VENDORS, Mode::CheckOnly).expect_err("no config");
        assert_eq!(report.problems.len(), 1, "{report}");
    }
}
