//! The list of desks: one line each.

use std::path::Path;

use super::contract::Desk;
use super::request_tracker::RequestTracker;
use super::zammad::Zammad;
use crate::config::{DeskKind, DeskSettings};

/// The way to a desk.
///
/// # Errors
/// When a file or variable with a secret cannot be read.
pub(super) fn connect(settings: &DeskSettings, folder: &Path) -> Result<Box<dyn Desk>, String> {
    Ok(match settings.kind {
        DeskKind::RequestTracker => Box::new(RequestTracker::new(settings, folder)?),
        DeskKind::Zammad => Box::new(Zammad::new(settings, folder)?),
    })
}
