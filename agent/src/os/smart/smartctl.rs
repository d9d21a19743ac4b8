//! What `smartctl --json` prints.

use serde::Deserialize;

use super::Health;
use super::ata::Raw;
use super::drives;
use super::nvme::Log;
use crate::probe::ProbeError;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    smartctl: Run,
    smart_status: Option<Status>,
    power_on_time: Option<Time>,
    endurance_used: Option<Endurance>,
    ata_smart_attributes: Table,
    nvme_smart_health_information_log: Option<NvmeLog>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Run {
    messages: Vec<Message>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    string: String,
}

#[derive(Debug, Deserialize)]
struct Status {
    passed: bool,
}

#[derive(Debug, Deserialize)]
struct Time {
    hours: u64,
}

#[derive(Debug, Deserialize)]
struct Endurance {
    current_percent: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Table {
    table: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: u8,
    name: String,
    value: u8,
    raw: RowRaw,
}

#[derive(Debug, Deserialize)]
struct RowRaw {
    value: u64,
    #[serde(default)]
    string: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NvmeLog {
    critical_warning: u8,
    temperature: Option<i32>,
    available_spare: u8,
    available_spare_threshold: u8,
    percentage_used: u8,
    data_units_written: u64,
    unsafe_shutdowns: u64,
    media_errors: u64,
    warning_temp_time: u32,
    critical_comp_time: u32,
}

/// Reads the document that smartctl printed, whatever its exit status was.
///
/// # Errors
/// The disk sleeps, may not be opened, says nothing about its health, or this is no such document.
pub(crate) fn parse(json: &[u8]) -> Result<Health, ProbeError> {
    let document: Document = serde_json::from_slice(json)
        .map_err(|error| ProbeError::Failed(format!("smartctl printed no JSON: {error}")))?;
    if let Some(log) = document.nvme_smart_health_information_log {
        let health = Health::of_nvme(log.into());
        return Ok(Health { passed: document.smart_status.map(|status| status.passed).or(health.passed), ..health });
    }
    let table = &document.ata_smart_attributes.table;
    let mut attributes: Vec<(String, u64)> = table.iter().filter_map(Row::count).collect();
    if let Some(time) = document.power_on_time {
        attributes.retain(|(name, _)| name != "power_on_hours");
        attributes.push(("power_on_hours".to_owned(), time.hours));
    }
    let endurance = document.endurance_used.map(|used| 1.0 - f64::from(used.current_percent.min(100)) / 100.0);
    let by_name = || table.iter().find_map(|row| drives::named_ratio(&row.name, &row.as_raw()));
    let passed = document.smart_status.map(|status| status.passed);
    if passed.is_none() && attributes.is_empty() {
        return Err(why_nothing(&document.smartctl.messages));
    }
    Ok(Health { passed, attributes, remaining_ratio: endurance.or_else(by_name), log: None })
}

/// What smartctl complained.
fn why_nothing(messages: &[Message]) -> ProbeError {
    let said = |word: &str| messages.iter().any(|message| message.string.contains(word));
    if said("STANDBY") || said("SLEEP") || said("IDLE") {
        ProbeError::Asleep("the disk".to_owned())
    } else if said("Permission denied") || said("Operation not permitted") {
        ProbeError::NoPermission("the disk".to_owned())
    } else {
        ProbeError::Unsupported("the health of this disk")
    }
}

impl Row {
    fn as_raw(&self) -> Raw {
        Raw { id: self.id, value: self.value, bytes: self.raw.value }
    }

    /// The count, as smartctl's own table of models prints it: three numbers are three packed words, of which the last is
    /// the lowest; of any other text the first number counts.
    fn count(&self) -> Option<(String, u64)> {
        let name = drives::name_of(&self.name)?.to_owned();
        let words: Vec<&str> = self.raw.string.split(' ').collect();
        let numbers: Vec<u64> = words.iter().map_while(|word| word.parse().ok()).collect();
        let count = match numbers.as_slice() {
            [_, _, lowest] if words.len() == 3 => *lowest,
            [first, ..] => *first,
            [] => self.raw.value,
        };
        Some((name, count))
    }
}

impl From<NvmeLog> for Log {
    fn from(log: NvmeLog) -> Self {
        Self {
            critical_warning: log.critical_warning,
            celsius: log.temperature,
            spare_percent: log.available_spare,
            spare_threshold_percent: log.available_spare_threshold,
            used_percent: log.percentage_used,
            written_bytes: log.data_units_written.saturating_mul(512_000),
            unsafe_shutdowns: log.unsafe_shutdowns,
            media_errors: log.media_errors,
            warm_minutes: log.warning_temp_time,
            hot_minutes: log.critical_comp_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(id: u8, name: &str, value: u8, raw: u64, string: &str) -> String {
        format!(
            r#"{{"id":{id},"name":"{name}","value":{value},"worst":{value},"thresh":10,"when_failed":"","flags":{{"value":51}},"raw":{{"value":{raw},"string":"{string}"}}}}"#
        )
    }

    fn document(rows: &[String]) -> String {
        let rows = rows.join(",");
        format!(
            r#"{{"json_format_version":[1,0],"smartctl":{{"version":[7,3],"exit_status":0}},"smart_status":{{"passed":true}},
            "ata_smart_attributes":{{"revision":10,"table":[{rows}]}},"power_on_time":{{"hours":4316,"minutes":17}},"temperature":{{"current":31}}}}"#
        )
    }

    fn count(health: &Health, name: &str) -> Option<u64> {
        health.attributes.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }

    #[test]
    fn reads_a_spinning_disk_that_packs_its_counts() {
        let health = parse(
            document(&[
                row(5, "Reallocated_Sector_Ct", 100, 8, "8"),
                row(9, "Power_On_Hours", 96, 4_723_500_000_004_316, "4316h+17m+22.530s"),
                row(187, "Reported_Uncorrect", 98, 2, "2"),
                row(188, "Command_Timeout", 100, 4_295_032_835, "1 1 3"),
                row(190, "Airflow_Temperature_Cel", 69, 538_968_095, "31 (Min/Max 31/32)"),
                row(197, "Current_Pending_Sector", 100, 24, "24"),
            ])
            .as_bytes(),
        )
        .expect("a document");
        assert_eq!(health.passed, Some(true));
        assert_eq!(count(&health, "reallocated_sectors"), Some(8));
        assert_eq!(count(&health, "command_timeouts"), Some(3));
        assert_eq!(count(&health, "pending_sectors"), Some(24));
        assert_eq!(count(&health, "power_on_hours"), Some(4316));
        assert_eq!((health.attributes.len(), health.remaining_ratio), (5, None));
    }

    #[test]
    fn reads_the_life_that_is_left_in_flash() {
        let health =
            parse(document(&[row(177, "Wear_Leveling_Count", 93, 120, "120")]).as_bytes()).expect("a document");
        assert_eq!(health.remaining_ratio, Some(0.93));
    }

    #[test]
    fn reads_an_nvme_disk() {
        let health = parse(
            br#"{"smart_status":{"passed":false,"nvme":{"value":4}},"nvme_smart_health_information_log":{"critical_warning":4,
            "temperature":38,"available_spare":100,"available_spare_threshold":10,"percentage_used":103,"data_units_read":1,
            "data_units_written":2000,"unsafe_shutdowns":107,"media_errors":5,"num_err_log_entries":1069,"warning_temp_time":3,
            "critical_comp_time":0}}"#,
        )
        .expect("a document");
        assert_eq!((health.passed, health.remaining_ratio), (Some(false), Some(0.0)));
        let log = health.log.expect("a log");
        assert_eq!((log.critical_warning, log.media_errors, log.written_bytes), (4, 5, 1_024_000_000));
    }

    #[test]
    fn a_disk_that_sleeps_was_not_woken_and_a_bridge_says_nothing() {
        let complaint = |text: &str| {
            parse(
                format!(r#"{{"smartctl":{{"exit_status":2,"messages":[{{"string":"{text}","severity":"error"}}]}}}}"#)
                    .as_bytes(),
            )
        };
        assert_eq!(complaint("Device is in STANDBY mode, exit(2)"), Err(ProbeError::Asleep("the disk".to_owned())));
        assert!(matches!(complaint("/dev/sdb: Unknown USB bridge [0x152d:0x0583]"), Err(ProbeError::Unsupported(_))));
        assert!(matches!(
            complaint("Smartctl open device: /dev/sda failed: Permission denied"),
            Err(ProbeError::NoPermission(_))
        ));
        assert!(matches!(parse(b"smartctl: command line error"), Err(ProbeError::Failed(_))));
    }

    proptest! {
        #[test]
        fn never_panics(raw in any::<u64>(), string in "[0-9]{0,22} ?[0-9]{0,3} ?[(0-9h+]{0,9}") {
            let _ = parse(document(&[row(188, "Command_Timeout", 100, raw, &string)]).as_bytes());
        }
    }
}
