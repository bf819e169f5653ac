//! Builds roles from a config, starts them under one supervisor, and stops them.
