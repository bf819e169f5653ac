//! Joins the config's words for Kafka with the log's own settings.
