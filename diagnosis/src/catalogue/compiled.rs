//! The checks, symptoms and edges as they are embedded. They are tested to be what the files say, so that the lines they
//! stand on are not known here: nothing can be said against them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compact::{self, Table};
use crate::document::Escalation;
use crate::order;

use super::raw::{At, CheckEntry, EdgeEntry, Effect, Entries, Many, RawTable, Runbook, SymptomEntry, VariantEntry};

/// What the files of this version say.
pub(super) const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/checks.compact"));

/// Everything that the files say.
pub(super) fn entries() -> Entries {
    let (mut entries, place) = (Entries::default(), Place(Arc::from("the embedded catalogue")));
    compact::read(BYTES, |file| {
        let checks = file.tables("check").map(|table| place.check(table));
        entries.checks.extend(checks.map(|check| (check.id.value.clone(), check)));
        entries.symptoms.extend(file.tables("symptom").map(|table| place.symptom(table)));
        entries.tables.extend(file.tables("table").map(|table| place.table(table)));
        entries.edges.extend(file.tables("edge").map(|table| place.edge(table)));
    });
    entries
}

/// Where all of it stands.
struct Place(Arc<str>);

impl Place {
    fn at<T>(&self, value: T) -> At<T> {
        At { value, file: Arc::clone(&self.0), line: 1 }
    }

    fn text(&self, table: &Table, key: &str) -> Option<At<String>> {
        table.text(key).map(|text| self.at(text))
    }

    fn must(&self, table: &Table, key: &str) -> At<String> {
        self.at(table.text(key).unwrap_or_default())
    }

    fn texts(&self, table: &Table, key: &str) -> Option<At<Vec<String>>> {
        table.texts(key).map(|texts| self.at(texts))
    }

    /// The texts of a table, by name.
    fn named(&self, table: &Table, key: &str) -> BTreeMap<String, At<String>> {
        let all = table.table(key).into_iter().flat_map(Table::all_texts);
        order::map(all.filter_map(|(name, texts)| Some((name, self.at(texts.into_iter().next()?)))))
    }

    fn ids(&self, table: &Table, key: &str) -> Vec<At<String>> {
        table.texts(key).unwrap_or_default().into_iter().map(|id| self.at(id)).collect()
    }

    fn check(&self, table: &Table) -> CheckEntry {
        let only = |table: &Table| order::map(table.all_texts().map(|(name, texts)| (name, Many::More(texts))));
        let guards = table.tables("guard");
        let supports = table.tables("support");
        let fine = table.tables("fine");
        CheckEntry {
            id: self.must(table, "id"),
            enabled: table.flag("enabled").unwrap_or(true),
            title: self.text(table, "title"),
            severity: table.word("severity").map(|word| self.at(word)),
            confidence: table.number("confidence").map(|number| self.at(number)),
            category: self.text(table, "category"),
            impact: table.word("impact").map(|word| self.at(word)),
            urgency: table.word("urgency").map(|word| self.at(word)),
            basis: self.texts(table, "basis"),
            os: self.texts(table, "os"),
            each: table.texts("each").map(|texts| self.at(Many::More(texts))),
            only: table.table("only").map(|table| self.at(only(table))),
            when: self.text(table, "when"),
            hold: self.text(table, "hold"),
            clear: self.text(table, "clear"),
            clear_hold: self.text(table, "clear_hold"),
            proactive: table.flag("proactive").map(|flag| self.at(flag)),
            user: self.text(table, "user"),
            tech: self.text(table, "tech"),
            inputs: self.named(table, "inputs"),
            derive: self.named(table, "derive"),
            method: self.text(table, "method"),
            every: self.text(table, "every"),
            series: self.named(table, "series"),
            parameters: self.named(table, "parameters"),
            guards: guards.map(|guard| self.guard(guard)).collect(),
            supports: supports.map(|one| (one.text("name").unwrap_or_default(), self.must(one, "when"))).collect(),
            variants: table.tables("variant").map(|variant| self.variant(variant)).collect(),
            fine: fine.map(|fine| (self.text(fine, "when"), self.must(fine, "text"))).collect(),
            runbook: table.table("runbook").map(|table| self.at(runbook(table))),
            escalation: table.table("escalation").map(escalation),
        }
    }

    fn guard(&self, table: &Table) -> (String, At<String>, Effect) {
        let effect = table.word("effect").unwrap_or(Effect::Blocked);
        (table.text("name").unwrap_or_default(), self.must(table, "when"), effect)
    }

    fn variant(&self, table: &Table) -> VariantEntry {
        VariantEntry {
            name: table.text("name").unwrap_or_default(),
            when: self.must(table, "when"),
            severity: table.word("severity"),
            confidence: table.number("confidence"),
            impact: table.word("impact"),
            urgency: table.word("urgency"),
            user: self.text(table, "user"),
            tech: self.text(table, "tech"),
        }
    }

    fn symptom(&self, table: &Table) -> SymptomEntry {
        let texts = |key| table.texts(key).unwrap_or_default();
        SymptomEntry {
            id: self.must(table, "id"),
            label: table.text("label").or_else(|| table.text("id")).unwrap_or_default(),
            words: texts("words"),
            candidates: self.ids(table, "candidates"),
            later: texts("later"),
            rule_out: texts("rule_out"),
        }
    }

    fn table(&self, table: &Table) -> At<RawTable> {
        self.at(RawTable {
            id: table.text("id").unwrap_or_default(),
            columns: table.texts("columns").unwrap_or_default(),
            keys: table.number("keys").unwrap_or_default() as usize,
            rows: table.rows("rows"),
        })
    }

    fn edge(&self, table: &Table) -> EdgeEntry {
        EdgeEntry {
            root: self.must(table, "root"),
            consequence: self.ids(table, "consequence"),
            when: self.text(table, "when"),
            any_instance: table.flag("any_instance").unwrap_or_default(),
            overlap_percent: table.number("overlap_percent").map(|percent| self.at(percent as u32)),
            inputs: self.named(table, "inputs"),
        }
    }
}

fn runbook(table: &Table) -> Runbook {
    let steps = |system| table.texts(system).unwrap_or_default();
    Runbook {
        all: steps("all"),
        linux: steps("linux"),
        windows: steps("windows"),
        macos: steps("macos"),
        all_first: table.flag("all_first").unwrap_or_default(),
    }
}

fn escalation(table: &Table) -> Escalation {
    let text = |key| table.text(key).unwrap_or_default();
    Escalation { queue: text("queue"), when: text("when"), bring: text("bring") }
}
