use std::fmt::{Display, Write};

use super::{Written, WrittenInput, WrittenRule};
use crate::vocabulary::{Impact, Urgency};

/// The systems of a runbook, as people write them.
const SYSTEMS: [(&str, &str); 3] = [("linux", "Linux"), ("windows", "Windows"), ("macos", "macOS")];

/// A page under construction. Writing to memory does not fail.
struct Page(String);

impl Page {
    fn line(&mut self, line: impl Display) {
        let _ = writeln!(self.0, "{line}");
    }

    fn head(&mut self, title: &str) {
        let _ = write!(self.0, "\n## {title}\n\n");
    }
}

impl Written {
    /// Everything about it on one page of Markdown.
    pub fn markdown(&self) -> String {
        let mut page = Page(String::new());
        page.line(format_args!("# `{}`: {}\n", self.id, self.title));
        self.facts(&mut page);
        page.head("What people are told");
        page.line(format_args!("User: {}\n", self.user));
        page.line(format_args!("Technician: {}", self.tech));
        self.inputs(&mut page);
        self.conditions(&mut page);
        rules(&mut page, "Guards: what could excuse it", &self.guards);
        rules(&mut page, "What makes it surer by 0.1 each", &self.supports);
        rules(&mut page, "Variants: the first that holds counts", &self.variants);
        rules(&mut page, "What is said when it is ruled out", &self.fine);
        self.steps(&mut page);
        self.hand_over(&mut page);
        page.0
    }

    fn facts(&self, page: &mut Page) {
        page.line("| | |\n| --- | --- |");
        page.line(format_args!("| severity | {} |", self.severity.name()));
        page.line(format_args!("| confidence | {} |", self.confidence));
        page.line(format_args!("| category | {} |", self.category));
        page.line(format_args!("| impact | {} |", impact(self.impact)));
        page.line(format_args!("| urgency | {} |", urgency(self.urgency)));
        page.line(format_args!("| judged for each | {} |", words(&self.each, "endpoint")));
        for (name, values) in &self.only {
            page.line(format_args!("| only where {name} is | {} |", values.join(", ")));
        }
        page.line(format_args!("| may alert without a ticket | {} |", if self.proactive { "yes" } else { "no" }));
        let basis: Vec<&str> = self.basis.iter().map(|code| basis(code)).collect();
        page.line(format_args!("| basis of its numbers | {} |", basis.join("; ")));
    }

    fn inputs(&self, page: &mut Page) {
        page.head("What it reads");
        page.line(
            "| name | signal | means | read | Linux | Windows | macOS |\n| --- | --- | --- | --- | --- | --- | --- |",
        );
        for WrittenInput { name, selector, label, read, sources } in &self.inputs {
            let [linux, windows, macos] = sources.each_ref().map(|source| cell(source));
            let (label, selector) = (cell(label), cell(selector));
            page.line(format_args!("| `{name}` | `{selector}` | {label} | {read} | {linux} | {windows} | {macos} |"));
        }
    }

    fn conditions(&self, page: &mut Page) {
        page.head("Conditions");
        page.line(format_args!("Holds when, for {}:\n\n```text\n{}\n```\n", self.hold, self.when.trim()));
        match self.clear.trim() {
            "" => page.line(format_args!("Clears when that no longer holds, for {}.", self.clear_hold)),
            clear => page.line(format_args!("Clears when, for {}:\n\n```text\n{clear}\n```", self.clear_hold)),
        }
        if !self.derive.is_empty() {
            page.line("\nIn these:\n\n```text");
            for (name, text) in &self.derive {
                page.line(format_args!("{name} = {}", text.trim()));
            }
            page.line("```");
        }
    }

    fn steps(&self, page: &mut Page) {
        page.head("What to do");
        for (system, name) in SYSTEMS {
            page.line(format_args!("### {name}\n"));
            for (number, step) in (1..).zip(self.runbook.get(system).into_iter().flatten()) {
                page.line(format_args!("{number}. {step}"));
            }
            page.line("");
        }
    }

    fn hand_over(&self, page: &mut Page) {
        let escalation = &self.escalation;
        page.0.push_str("## When to hand over\n\n");
        page.line(format_args!("To **{}**: {}\n\nBring: {}", escalation.queue, escalation.when, escalation.bring));
    }
}

fn rules(page: &mut Page, title: &str, rules: &[WrittenRule]) {
    if rules.is_empty() {
        return;
    }
    page.head(title);
    for rule in rules {
        let parts = [rule.name.as_str(), rule.then.as_str(), rule.user.as_str(), rule.tech.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let when = rule.when.split_whitespace().collect::<Vec<_>>().join(" ");
        let when = if when.is_empty() { "otherwise".to_owned() } else { format!("`{when}`") };
        page.line(format_args!("- {when}: {}", parts.join(". ")));
    }
}

fn words(list: &[String], none: &str) -> String {
    if list.is_empty() { none.to_owned() } else { list.join(", ") }
}

fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::I1 => "a site, or many users",
        Impact::I2 => "a team, or one person in a critical role",
        Impact::I3 => "one user",
    }
}

fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::U1 => "cannot work",
        Urgency::U2 => "degraded, with a workaround",
        Urgency::U3 => "can be planned",
    }
}

fn basis(code: &str) -> &'static str {
    match code {
        "V" => "documentation of vendors",
        "S" => "published field studies",
        "O" => "defaults of open monitoring projects",
        _ => "practice",
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
