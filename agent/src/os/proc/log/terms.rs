use serde::{Deserialize, Serialize};

use super::Record;

/// The kinds of entries that a rule may know, as the journal indexes them. An entry of another kind is never read.
pub(crate) const TERMS: [&str; 26] = [
    "_TRANSPORT=kernel",
    "MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1",
    "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c",
    "MESSAGE_ID=be02cf6855d2428ba40df7e9d022f03d",
    "MESSAGE_ID=c7a787079b354eaaa9e77b371893cd27",
    "SYSLOG_FACILITY=4",
    "SYSLOG_FACILITY=10",
    "SYSLOG_IDENTIFIER=systemd-oomd",
    "SYSLOG_IDENTIFIER=systemd-resolved",
    "SYSLOG_IDENTIFIER=systemd-timesyncd",
    "SYSLOG_IDENTIFIER=chronyd",
    "SYSLOG_IDENTIFIER=ntpd",
    "SYSLOG_IDENTIFIER=NetworkManager",
    "SYSLOG_IDENTIFIER=systemd-networkd",
    "SYSLOG_IDENTIFIER=wpa_supplicant",
    "SYSLOG_IDENTIFIER=dhclient",
    "SYSLOG_IDENTIFIER=dhcpcd",
    "SYSLOG_IDENTIFIER=openvpn",
    "SYSLOG_IDENTIFIER=nm-openvpn",
    "SYSLOG_IDENTIFIER=charon",
    "SYSLOG_IDENTIFIER=charon-systemd",
    "SYSLOG_IDENTIFIER=ipsec",
    "SYSLOG_IDENTIFIER=avahi-autoipd",
    "SYSLOG_IDENTIFIER=clamd",
    "SYSLOG_IDENTIFIER=clamonacc",
    "SYSLOG_IDENTIFIER=ldap_child",
];

/// How far a file of a log was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The file, whatever it is called.
    pub(crate) file: String,
    /// What its numbers are counted by: files with the same one continue each other.
    pub(crate) source: String,
    /// The number of the last entry that was read.
    pub(crate) sequence: u64,
}

/// What is new in a log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Entries, oldest first.
    pub(crate) records: Vec<Record>,
    /// Entries of these kinds that were not read because there were too many.
    pub(crate) left_out: u64,
}
