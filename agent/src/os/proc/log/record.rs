use std::collections::BTreeMap;

/// Fields of an entry that a rule reads. Everything else of it is not even kept.
pub(crate) const FIELDS: [&str; 19] = [
    "MESSAGE",
    "MESSAGE_ID",
    "SYSLOG_IDENTIFIER",
    "_TRANSPORT",
    "_EXE",
    "_PID",
    "_UID",
    "_SYSTEMD_UNIT",
    "UNIT",
    "UNIT_RESULT",
    "JOB_TYPE",
    "JOB_RESULT",
    "COREDUMP_EXE",
    "COREDUMP_COMM",
    "COREDUMP_FILENAME",
    "COREDUMP_SIGNAL",
    "COREDUMP_SIGNAL_NAME",
    "COREDUMP_PACKAGE_NAME",
    "COREDUMP_PACKAGE_VERSION",
];

/// One entry of a log.
///
/// Anybody may write any text under any name, and every field whose name does not begin with `_`. Those that do are
/// journald's own, from what the kernel says of the sender. Of these, `_UID` and `_SYSTEMD_UNIT` cannot be chosen by a
/// person; `_COMM` can, and is therefore not even kept; `_EXE` can by somebody who makes a namespace of their own, so that
/// it serves only where it gives no more than the program itself would (see [`super::sign_in`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// When it was written, microseconds since 1970.
    pub(crate) at_us: u64,
    fields: BTreeMap<&'static str, String>,
}

impl Record {
    /// An entry without fields.
    pub(crate) fn at(at_us: u64) -> Self {
        Self { at_us, fields: BTreeMap::new() }
    }

    /// Keeps a field if a rule reads it; whether one does.
    pub(crate) fn keep(&mut self, name: &str, value: String) -> bool {
        let Some(name) = FIELDS.into_iter().find(|known| *known == name) else { return false };
        self.fields.insert(name, value);
        true
    }

    /// A field; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The text.
    pub(crate) fn message(&self) -> &str {
        self.get("MESSAGE")
    }

    /// Who wrote it, without what some programs leave at the end: `gdm-password]` is `gdm-password`.
    pub(crate) fn program(&self) -> &str {
        self.get("SYSLOG_IDENTIFIER").trim_end_matches(']')
    }

    /// Whether the service manager itself wrote it.
    pub(crate) fn is_from_manager(&self) -> bool {
        self.get("_PID") == "1"
    }

    /// Whether the kernel wrote it. What a program writes to `/dev/kmsg` has another name.
    pub(crate) fn is_from_kernel(&self) -> bool {
        self.get("_TRANSPORT") == "kernel" && self.get("SYSLOG_IDENTIFIER") == "kernel"
    }

    /// Whether root wrote it.
    pub(crate) fn is_from_root(&self) -> bool {
        self.get("_UID") == "0"
    }

    /// Whether root wrote it, or a service of the machine with one of these names.
    pub(crate) fn is_from(&self, services: &[&str]) -> bool {
        self.is_from_root() || self.is_of(services)
    }

    /// Whether a service of the machine with one of these names wrote it: `openvpn@` stands for all that are made from
    /// that template. A person's own services are not of the machine.
    pub(crate) fn is_of(&self, services: &[&str]) -> bool {
        let unit = self.get("_SYSTEMD_UNIT").strip_suffix(".service").unwrap_or_default();
        let is_named = |service: &str| match service.strip_suffix('@') {
            Some(template) => unit.strip_prefix(template).is_some_and(|instance| instance.starts_with('@')),
            None => unit == service,
        };
        services.iter().any(|service| is_named(service))
    }
}

#[cfg(test)]
impl Record {
    /// An entry with these fields.
    pub(crate) fn with<const N: usize>(fields: [(&str, &str); N]) -> Self {
        let mut record = Self::at(1_700_000_000_000_000);
        for (name, value) in fields {
            assert!(record.keep(name, value.to_owned()), "{name} is read by no rule");
        }
        record
    }
}
