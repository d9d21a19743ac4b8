//! The list of migrations, oldest first. A migration that was released is never changed; a new one is added.

/// One step of the tables' history.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order. Rooms have ranges: intake 1 to 9, detection and desk 10 to 19, people 20 to 29,
    /// history 30 to 34, the fleet 60 to 69.
    pub number: i64,
    /// What it does: verb and noun.
    pub name: &'static str,
    /// Its statements, in SQLite's words.
    pub sql: &'static str,
    /// PostgreSQL's, where other column types are not all that differs.
    pub postgres: Option<&'static str>,
}

/// A migration from its file.
macro_rules! migration {
    ($file:literal, $name:literal) => {
        Migration {
            number: number_of($file),
            name: $name,
            sql: include_str!(concat!("migrations/", $file, "_", $name, ".sql")),
            postgres: None,
        }
    };
    ($file:literal, $name:literal, postgres) => {
        Migration {
            postgres: Some(include_str!(concat!("migrations/", $file, "_", $name, ".postgres.sql"))),
            ..migration!($file, $name)
        }
    };
}

/// The number that a file's name starts with.
const fn number_of(file: &str) -> i64 {
    let digits = file.as_bytes();
    let mut number = 0;
    let mut index = 0;
    while index < digits.len() {
        number = number * 10 + (digits[index] - b'0') as i64;
        index += 1;
    }
    number
}

/// Every migration.
pub(super) const ALL: &[Migration] = &[
    migration!("0001", "create_endpoints"),
    migration!("0002", "create_records"),
    migration!("0003", "create_agent_settings"),
    migration!("0004", "add_origins"),
    migration!("0005", "create_records_ahead"),
    migration!("0010", "create_findings"),
    migration!("0011", "create_alerts"),
    migration!("0012", "create_tickets"),
    migration!("0013", "create_pulls"),
    migration!("0020", "create_accounts"),
    migration!("0021", "create_audit_log", postgres),
    migration!("0030", "create_sealed_history"),
    migration!("0035", "create_replicas"),
    migration!("0040", "add_certificate_roots"),
    migration!("0050", "add_departures"),
    migration!("0060", "add_fleet_knowledge", postgres),
    migration!("0065", "share_authority_roots"),
    migration!("0080", "create_outlooks"),
    migration!("0090", "index_changes"),
    migration!("0095", "create_incidents"),
    migration!("0100", "create_retests"),
    migration!("0110", "create_announcements"),
    migration!("0111", "create_presence"),
    migration!("0112", "index_symptoms"),
    migration!("0113", "index_note_keys"),
    migration!("0130", "find_names"),
    migration!("0150", "create_desk_tickets"),
    migration!("0151", "create_outbox"),
    migration!("0160", "open_tickets_at_desks"),
    migration!("0161", "create_alert_tickets"),
    migration!("0162", "hand_tickets_over"),
    migration!("0163", "create_hook_calls"),
    migration!("0170", "send_events", postgres),
    migration!("0171", "create_diagnoses"),
    migration!("0172", "add_closing_codes"),
    migration!("0180", "create_symptom_orders"),
    migration!("0190", "read_tickets_by_time"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow() {
        assert!(ALL.is_sorted_by(|one, next| one.number < next.number));
    }
}
