//! `spojka simulate`: what the flows would do with a webhook or an event from a file. Sends nothing.
