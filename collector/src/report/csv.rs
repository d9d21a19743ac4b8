//! A report's tables as comma-separated values, as spreadsheets read them.
//!
//! Names of machines and models come from outside: a cell that a spreadsheet would take for a formula begins with `'`.

use serde::{Deserialize, Serialize};

use super::Report;

/// A table of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// How each desk fared.
    Desks,
    /// What was the answer most often.
    Findings,
    /// Endpoints with the same answer on several tickets.
    Repeats,
    /// How useful checks were.
    Checks,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 4] = [Self::Desks, Self::Findings, Self::Repeats, Self::Checks];

    /// The word in addresses and names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Desks => "desks",
            Self::Findings => "findings",
            Self::Repeats => "repeats",
            Self::Checks => "checks",
        }
    }
}

impl Report {
    /// One of its tables; the first line says what stands where.
    pub fn csv(&self, table: Table) -> String {
        let (head, rows) = match table {
            Table::Desks => self.desk_rows(),
            Table::Findings => self.finding_rows(),
            Table::Repeats => self.repeat_rows(),
            Table::Checks => self.check_rows(),
        };
        let mut writer = csv::Writer::from_writer(Vec::new());
        let head = head.iter().map(|word| (*word).to_owned()).collect();
        for row in [head].into_iter().chain(rows) {
            let cells: Vec<String> = row.iter().map(|cell| harmless(cell)).collect();
            writer.write_record(cells).expect("memory takes rows of one length");
        }
        let bytes = writer.into_inner().expect("memory is flushed");
        String::from_utf8(bytes).expect("made of texts")
    }

    fn desk_rows(&self) -> Rows {
        let head = [
            "desk",
            "tickets",
            "diagnosed",
            "diagnoses",
            "first_diagnosis_seconds_median",
            "first_diagnosis_seconds_p95",
            "due",
            "diagnosed_before_due",
        ];
        let rows = self.desks.iter().map(|desk| {
            vec![
                desk.desk.clone(),
                desk.tickets.to_string(),
                desk.diagnosed.to_string(),
                desk.diagnoses.to_string(),
                number(desk.first_diagnosis_seconds_median),
                number(desk.first_diagnosis_seconds_p95),
                desk.due.to_string(),
                desk.diagnosed_before_due.to_string(),
            ]
        });
        (head.to_vec(), rows.collect())
    }

    fn finding_rows(&self) -> Rows {
        let rows = self.findings.iter().map(|one| {
            let counts = [one.tickets, one.endpoints].map(|count| count.to_string());
            [&one.by, &one.group, &one.check, &one.title].into_iter().chain(&counts).cloned().collect()
        });
        (vec!["by", "group", "check", "title", "tickets", "endpoints"], rows.collect())
    }

    fn repeat_rows(&self) -> Rows {
        let rows = self.repeats.iter().map(|one| {
            vec![
                one.endpoint.name.clone(),
                one.endpoint.id.clone(),
                one.check.clone(),
                one.title.clone(),
                one.tickets.len().to_string(),
                one.tickets.join(" "),
            ]
        });
        (vec!["endpoint", "endpoint_id", "check", "title", "tickets", "numbers"], rows.collect())
    }

    fn check_rows(&self) -> Rows {
        let rows = self.checks.iter().map(|one| {
            let counts = [one.useful, one.not_useful, one.passed, one.open].map(|count| count.to_string());
            [one.check.clone()].into_iter().chain(counts).chain([number(one.useful_share)]).collect()
        });
        (vec!["check", "useful", "not_useful", "passed", "open", "useful_share"], rows.collect())
    }
}

/// What stands where, and the rows.
type Rows = (Vec<&'static str>, Vec<Vec<String>>);

fn number(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}
