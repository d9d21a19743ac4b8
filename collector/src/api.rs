//! JSON over HTTPS.
