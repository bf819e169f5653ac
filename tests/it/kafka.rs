//! What only the log on Kafka promises: to survive what happens to brokers, to members of a group and to local files.
//!
//! `tests/kafka/cluster.sh` starts brokers for these tests. `SPOJKA_TEST_KAFKA_BROKERS` names one that is running;
//! `SPOJKA_TEST_KAFKA_CLUSTER=1` lets tests start clusters of their own, to kill brokers and to log in. What is not set is
//! not tested, and says so.

mod away;
mod broker_killed;
mod login;
mod members;
mod outage;
mod tables;
mod zombie;
