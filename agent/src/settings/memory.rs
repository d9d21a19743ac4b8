//! What the collector asked for last, kept on disk, so that an agent that starts without a network knows whom to try.

use std::path::Path;
use std::path::PathBuf;

use firstline_proto::Message;
use firstline_proto::v1;
use tokio::sync::watch;

use super::{DnsName, Policy, PortalObject, ProbeTarget, Settings};
use crate::state;

/// More than this was not written by an agent.
const BYTES_MAX: u64 = 256 * 1024;

impl Policy {
    /// The settings that were kept at `path`, within what this machine allows now; the defaults when none were.
    pub fn remembered(&self, path: &Path) -> Settings {
        let kept = std::fs::metadata(path).ok().filter(|file| file.len() <= BYTES_MAX);
        let bytes = kept.and_then(|_| std::fs::read(path).ok());
        let message = bytes.and_then(|bytes| v1::Settings::decode(bytes.as_slice()).ok());
        message.and_then(|message| self.apply(&message).ok()).unwrap_or_else(|| self.defaults())
    }
}

/// Keeps every change of the settings at `path`, until nobody changes them any more.
pub async fn remember(mut settings: watch::Receiver<Settings>, path: PathBuf) {
    while settings.changed().await.is_ok() {
        let bytes = message(&settings.borrow_and_update()).encode_to_vec();
        if let Err(source) = state::replace(&path, &bytes) {
            tracing::warn!("Keeping the collector's settings at {} failed: {source}", path.display());
        }
    }
}

fn message(settings: &Settings) -> v1::Settings {
    let seconds = |period: std::time::Duration| u32::try_from(period.as_secs()).ok();
    v1::Settings {
        revision: settings.revision,
        fast_period_seconds: seconds(settings.fast_period),
        minute_period_seconds: seconds(settings.minute_period),
        probe_targets: settings.probe_targets.iter().map(target).collect(),
        dns_names: settings.dns_names.iter().map(name).collect(),
        denied_signals: settings.denied_signals.iter().cloned().collect(),
        portal: settings.portal.as_ref().map(portal),
        corporate_networks: settings.corporate_networks.iter().map(ToString::to_string).collect(),
    }
}

fn target(target: &ProbeTarget) -> v1::ProbeTarget {
    v1::ProbeTarget {
        label: target.label.clone(),
        host: target.host.clone(),
        port: u32::from(target.port),
        tls: target.tls,
        addresses: target.addresses.clone(),
    }
}

fn name(name: &DnsName) -> v1::DnsName {
    v1::DnsName { name: name.name.clone(), name_class: name.name_class.clone() }
}

fn portal(object: &PortalObject) -> v1::PortalObject {
    v1::PortalObject { host: object.host.clone(), port: u32::from(object.port), text: object.text.clone() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn policy() -> Policy {
        Policy { collector: Some(("collector.corp.test".to_owned(), 7443)), ..Policy::default() }
    }

    fn wished() -> Settings {
        let target = v1::ProbeTarget {
            label: "mail".to_owned(),
            host: "mail.corp.test".to_owned(),
            port: 993,
            tls: true,
            addresses: vec!["192.0.2.9".to_owned()],
        };
        let message = v1::Settings {
            revision: 7,
            minute_period_seconds: Some(90),
            probe_targets: vec![target],
            dns_names: vec![v1::DnsName { name: "example.com".to_owned(), name_class: "public".to_owned() }],
            portal: Some(v1::PortalObject { host: "check.test".to_owned(), port: 80, text: "ok".to_owned() }),
            corporate_networks: vec!["10.20.0.0/16".to_owned()],
            ..v1::Settings::default()
        };
        policy().apply(&message).expect("within bounds")
    }

    #[tokio::test]
    async fn what_the_collector_asked_for_outlives_the_agent() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings");
        let (sender, receiver) = watch::channel(policy().defaults());
        let keeper = tokio::spawn(remember(receiver, path.clone()));
        tokio::task::yield_now().await;
        sender.send(wished()).expect("somebody listens");
        drop(sender);
        keeper.await.expect("kept");
        let remembered = policy().remembered(&path);
        assert_eq!(remembered, wished());
        assert_eq!(remembered.minute_period, Duration::from_secs(90));
    }

    #[test]
    fn what_is_not_there_or_damaged_is_the_defaults() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings");
        assert_eq!(policy().remembered(&path), policy().defaults());
        std::fs::write(&path, [0xff; 40]).expect("written");
        assert_eq!(policy().remembered(&path), policy().defaults());
    }
}
