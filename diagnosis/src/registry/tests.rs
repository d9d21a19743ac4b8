use super::*;
use crate::vocabulary::{Attributes, Event, Reading, Series, Timestamp, Why};

const AT: Timestamp = Timestamp(1_769_000_000_000);

fn row(extra: &str) -> String {
    format!(
        "[[signal]]\nname = \"endpoint.test\"\nkind = \"gauge\"\nvalue = \"number\"\nunit = \"By\"\n\
         attributes = [\"mountpoint\"]\ntier = \"fast\"\naggregate = \"mean\"\nprivacy = \"machine\"\n\
         purpose = \"To test.\"\nlabel = \"Test\"\narea = \"agent\"\n{extra}\n[signal.source]\nlinux = \"/proc\"\n\
         windows = \"WMI\"\nmacos = {{ none = \"no such thing\" }}\n"
    )
}

#[test]
fn loads_the_embedded_rows() {
    assert!(Registry::builtin().iter().count() >= 80);
    let cpu = Registry::builtin().get("system.cpu.utilization").expect("declared");
    assert_eq!(cpu.tier, Tier::Fast);
    assert_eq!(cpu.expected_readings(std::time::Duration::from_mins(1)), Some(4.0));
}

#[test]
fn what_was_compiled_is_what_the_files_say() {
    let written = load::files(builtin::FILES).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(Registry::builtin().signals, written);
}

#[test]
fn refuses_what_is_not_declared() {
    let registry = Registry::parse("signals.toml", &row("")).expect("row");
    let fine = Reading::value("endpoint.test", [("mountpoint", "/")], 1.0, AT);
    assert_eq!(registry.admit(&fine), Ok(()));
    assert_eq!(
        registry.admit(&Reading::value("endpoint.tost", Attributes::none(), 1.0, AT)),
        Err(Refused::Signal("endpoint.tost".to_owned()))
    );
    assert!(matches!(
        registry.admit(&Reading::value("endpoint.test", [("user", "jane")], 1.0, AT)),
        Err(Refused::Attribute { .. })
    ));
    assert!(matches!(
        registry.admit(&Reading::value("endpoint.test", Attributes::none(), "text", AT)),
        Err(Refused::Type { expected: "number", .. })
    ));
    assert_eq!(registry.admit(&Reading::unknown("endpoint.test", Attributes::none(), Why::Failed, AT)), Ok(()));
}

#[test]
fn refuses_events_with_fields_that_are_not_allowed() {
    let text = row("fields = [\"unit\"]").replace("gauge", "event");
    let registry = Registry::parse("signals.toml", &text).expect("row");
    let mut event =
        Event { series: Series::new("endpoint.test", Attributes::none()), at: AT, fields: BTreeMap::new(), count: 1 };
    event.fields.insert("unit".to_owned(), "ssh".into());
    assert_eq!(registry.admit(&event), Ok(()));
    event.fields.insert("command".to_owned(), "rm".into());
    assert!(matches!(registry.admit(&event), Err(Refused::Field { .. })));
}

#[test]
fn refuses_a_resolution_where_nothing_is_rounded() {
    assert!(Registry::parse("signals.toml", &row("resolution = 0.5")).is_ok());
    let slow = row("resolution = 0.5").replace("\"fast\"", "\"15min\"");
    for (text, reason) in [
        (row("resolution = 0.0"), "more than zero"),
        (row("resolution = nan"), "more than zero"),
        (slow, "every minute"),
        (row("for_tickets = true"), "quarter of an hour"),
    ] {
        let errors = Registry::parse("signals.toml", &text).expect_err("refused").to_string();
        assert!(errors.contains(reason), "{errors}");
    }
}

#[test]
fn says_the_line_of_an_unknown_key() {
    let errors = Registry::parse("signals.toml", &row("colour = \"red\"")).expect_err("unknown key");
    assert_eq!(errors.0[0].line, 13, "{errors}");
    assert!(errors.to_string().starts_with("signals.toml:13: "), "{errors}");
}

#[test]
fn says_the_line_of_a_row_with_a_unit_that_does_not_exist() {
    let errors = Registry::parse("signals.toml", &row("").replace("\"By\"", "\"furlong\"")).expect_err("unit");
    assert_eq!(errors.0[0].line, 1);
    assert!(errors.0[0].reason.contains("furlong"), "{errors}");
}

#[test]
fn matrix_says_why_there_is_none() {
    let registry = Registry::parse("signals.toml", &row("")).expect("row");
    assert!(
        registry
            .support_matrix()
            .contains("| `endpoint.test` | Test | `By` | 15 s | machine | /proc | WMI | none: no such thing |")
    );
}
