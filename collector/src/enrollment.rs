//! Tokens in, identities out.
