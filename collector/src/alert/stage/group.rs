//! Which line of the feed does an alert belong to?

use std::collections::BTreeMap;

/// The tag that says where an endpoint stands.
const SITE_TAG: &str = "site";

/// Alerts of one check at one site are one line; endpoints without a site are one site.
pub(in crate::alert) fn key(check: &str, tags: &BTreeMap<String, String>) -> String {
    match tags.get(SITE_TAG) {
        Some(site) => format!("{check} at {site}"),
        None => check.to_owned(),
    }
}
