//! Serves the vendors' simulators over HTTP, and makes them fail on demand.
