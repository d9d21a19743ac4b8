//! The certificate authority: issues, renews, revokes.
