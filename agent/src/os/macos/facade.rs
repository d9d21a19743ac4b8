//! macOS: what is portable; the rest says that it is not offered here.

#[path = "../elsewhere.rs"]
mod elsewhere;

pub(crate) use elsewhere::*;
