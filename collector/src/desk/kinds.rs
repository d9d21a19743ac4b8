//! The list of desks: one line each.

use std::path::Path;

use super::bmc_helix::BmcHelix;
use super::contract::Desk;
use super::freshworks::{FRESHDESK, FRESHSERVICE, Freshworks};
use super::glpi::Glpi;
use super::jira::Jira;
use super::request_tracker::RequestTracker;
use super::servicenow::ServiceNow;
use super::zammad::Zammad;
use super::zendesk::Zendesk;
use crate::config::{DeskKind, DeskSettings};

/// The way to a desk.
///
/// # Errors
/// When a file or variable with a secret cannot be read.
pub(super) fn connect(settings: &DeskSettings, folder: &Path) -> Result<Box<dyn Desk>, String> {
    Ok(match settings.kind {
        DeskKind::RequestTracker => Box::new(RequestTracker::new(settings, folder)?),
        DeskKind::ServiceNow => Box::new(ServiceNow::new(settings, folder)?),
        DeskKind::BmcHelix => Box::new(BmcHelix::new(settings, folder)?),
        DeskKind::Glpi => Box::new(Glpi::new(settings, folder)?),
        DeskKind::Zammad => Box::new(Zammad::new(settings, folder)?),
        DeskKind::Zendesk => Box::new(Zendesk::new(settings, folder)?),
        DeskKind::Freshservice => Box::new(Freshworks::new(&FRESHSERVICE, settings, folder)?),
        DeskKind::Freshdesk => Box::new(Freshworks::new(&FRESHDESK, settings, folder)?),
        DeskKind::JiraServiceManagement => Box::new(Jira::new(settings, folder)?),
    })
}
