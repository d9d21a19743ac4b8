use std::collections::BTreeMap;

/// Fields of an entry that a rule reads. Everything else of it is not even kept.
pub(crate) const FIELDS: [&str; 17] = [
    "MESSAGE",
    "MESSAGE_ID",
    "SYSLOG_IDENTIFIER",
    "_TRANSPORT",
    "_COMM",
    "_PID",
    "_UID",
    "UNIT",
    "UNIT_RESULT",
    "JOB_TYPE",
    "JOB_RESULT",
    "COREDUMP_EXE",
    "COREDUMP_COMM",
    "COREDUMP_SIGNAL",
    "COREDUMP_SIGNAL_NAME",
    "COREDUMP_PACKAGE_NAME",
    "COREDUMP_PACKAGE_VERSION",
];

/// One entry of a log.
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

    /// Whether the service manager itself wrote it. Programs may write any text and any field whose name does not begin
    /// with `_`.
    pub(crate) fn is_from_manager(&self) -> bool {
        self.get("_PID") == "1"
    }

    /// Whether root wrote it.
    pub(crate) fn is_from_root(&self) -> bool {
        self.get("_UID") == "0"
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
