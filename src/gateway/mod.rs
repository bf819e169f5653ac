//! The role that receives: webhooks in, durable, answered.
