//! CEL, wrapped: our functions, checking against the schema, bounds of cost.
