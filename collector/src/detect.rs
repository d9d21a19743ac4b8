//! Evaluates the catalogue over live endpoints.
