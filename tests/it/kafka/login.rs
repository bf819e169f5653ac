//! Brokers that want TLS and a login.

use std::time::Duration;

use spojka::{
    log::{
        Log, LogError,
        kafka::{KafkaSettings, Login, Mechanism, Protocol, Security},
    },
    model::secret::Secret,
};

use crate::support::{
    kafka::{Cluster, Kafka, skipped},
    logs::Logs as _,
    records::{create, read_texts, record, soon},
};

fn security(cluster: &Cluster, password: &str) -> Security {
    let login =
        Login { mechanism: Mechanism::ScramSha512, user: cluster.file("user"), password: Secret::new(password) };
    Security {
        protocol: Protocol::SaslSsl,
        ca_file: Some(cluster.home().join("ca.pem")),
        client: None,
        login: Some(login),
    }
}

async fn refusal(kafka: &Kafka, security: Option<Security>) -> LogError {
    let request_timeout = Duration::from_secs(3);
    let log = Kafka::open_with(KafkaSettings { security, request_timeout, ..kafka.settings() });
    soon(log.check()).await.expect_err("a refusal")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_with_tls_and_scram_let_in_who_has_the_password() {
    if !cfg!(any(feature = "kafka-tls", feature = "kafka-tls-vendored")) {
        return skipped("feature kafka-tls");
    }
    let Some(cluster) = Cluster::start(&["1", "--tls"]) else { return };
    let kafka = Kafka::at(cluster.brokers.clone());
    let right = security(&cluster, &cluster.file("password"));

    let log = Kafka::open_with(KafkaSettings { security: Some(right.clone()), ..kafka.settings() });
    soon(log.check()).await.expect("the right password");
    let (log, topic) = (log as Log, kafka.name("secret"));
    create(&log, &topic, 1).await;
    soon(log.append(vec![record(&topic, "k", "v")])).await.unwrap();
    assert_eq!(read_texts(&log, &topic).await, ["v"]);

    let LogError::Broken(text) = refusal(&kafka, Some(security(&cluster, "wrong"))).await else { panic!("not broken") };
    assert!(text.to_lowercase().contains("authentication"), "{text}");
    assert!(!text.contains("wrong"), "the password is told: {text}");

    let stranger = Security { ca_file: None, ..right };
    let LogError::Broken(text) = refusal(&kafka, Some(stranger)).await else { panic!("not broken") };
    assert!(text.to_lowercase().contains("certificate"), "{text}");

    let error = refusal(&kafka, None).await;
    assert!(matches!(error, LogError::Unavailable(_) | LogError::Broken(_)), "{error:?}");
}
