use proptest::prelude::*;

use super::*;
use crate::catalogue::Catalogue;
use crate::registry::Registry;
use crate::vocabulary::{Event, Mark, Reading, Series, Unknown, Value, Why};
use crate::window::Store;

const MINUTE: i64 = 60_000;
const START: i64 = 1_770_000_000_000;

/// What a condition over these minutes of memory gives; `available` at 1 GiB a unit, `ok` flags of two targets.
fn found(condition: &str, available: &[Option<f32>]) -> Cell {
    let text = format!(
        "[[check]]\nid = \"x\"\ntitle = \"x\"\nseverity = \"low\"\nconfidence = 0.5\ncategory = \"x\"\nimpact = \"I3\"\n\
         urgency = \"U3\"\nuser = \"x\"\ntech = \"x\"\nwhen = '''{condition}'''\n[check.inputs]\n\
         a = 'endpoint.memory.available'\nfaults = 'endpoint.memory.hard_faults'\nok = 'endpoint.probe.tcp.ok{{by=name}}'\n\
         layer = 'endpoint.network.first_failing_layer'\ncpu = 'process.cpu.time'\nfill = 'endpoint.agent.spool.fill'\n\
         moved = 'hw.physical_disk.smart{{system.device=sda,smart_attribute=moved}}'\nlevel = 'endpoint.memory.pressure_level'\n\
         pending = 'hw.physical_disk.smart{{system.device=sda,smart_attribute=pending}}'\nvm = 'endpoint.hw_errors{{kind=memory_ce}}'\n\
         crash = 'endpoint.app.crash'\nheld = 'endpoint.os.unclean_stop{{power_key=true}}'\nother = 'endpoint.gpu.reset'\n"
    );
    let codes = ("crash.toml", include_str!("../../../catalogue/tables/crash.toml"));
    let catalogue =
        Catalogue::load(Registry::builtin(), &[("x.toml", &text), codes]).unwrap_or_else(|errors| panic!("{errors}"));
    let mut store = Store::new(catalogue.sources.clone());
    let number = |store: &mut Store, series: &str, minute: usize, value: f32| {
        let series: Series = series.parse().expect("a series");
        store.number(&series, Timestamp(START + (minute as i64 + 1) * MINUTE), MINUTE, value);
    };
    for (minute, value) in available.iter().enumerate() {
        if let Some(value) = value {
            number(&mut store, "endpoint.memory.available", minute, value * 1_073_741_824.0);
        }
        number(&mut store, "endpoint.memory.hard_faults", minute, 600.0);
        number(&mut store, "endpoint.probe.tcp.ok{by=name,target=one}", minute, 1.0);
        number(&mut store, "endpoint.probe.tcp.ok{by=name,target=two}", minute, 0.0);
        number(&mut store, "process.cpu.time{process.executable.name=busy}", minute, 30.0);
        number(&mut store, "process.cpu.time{process.executable.name=calm}", minute, 3.0);
    }
    let now = Timestamp(START + available.len() as i64 * MINUTE);
    store.reading(&Reading::value("endpoint.network.first_failing_layer", Attributes::none(), "dns", now));
    tell_history(&mut store, now);
    let check = &catalogue.checks()[0];
    let scope = Scope {
        store: &store,
        inputs: &check.rule.inputs,
        filters: &[],
        binding: &[],
        now,
        os_type: "linux",
        compared: None,
        row: None,
    };
    scope.find(&check.rule.when.expression).cell
}

/// Days before the ten minutes: a count that rose from 2 to 4 to 9 and is told once a day, crashes, and stops.
fn tell_history(store: &mut Store, now: Timestamp) {
    let ago = |hours: i64| Timestamp(now.0 - hours * 60 * MINUTE);
    let told = |store: &mut Store, series: &str, hours: i64, value: f64| {
        let Series { signal, attributes } = series.parse().expect("a series");
        store.reading(&Reading::value(&signal, attributes, value, ago(hours)));
    };
    let moved = "hw.physical_disk.smart{system.device=sda,smart_attribute=moved}";
    for (hours, count) in [(240, 2.0), (216, 2.0), (60, 4.0), (36, 4.0), (12, 9.0), (0, 9.0)] {
        told(store, moved, hours, count);
    }
    told(store, "hw.physical_disk.smart{system.device=sda,smart_attribute=pending}", 2, 8.0);
    let unsupported = Unknown::new(Why::Unsupported, "no such memory");
    store.reading(&Reading::unknown("endpoint.hw_errors", [], unsupported, now));
    let event = |store: &mut Store, series: &str, hours: i64, fields: &[(&str, Value)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        store.event(&Event { series: series.parse().expect("a series"), at: ago(hours), fields, count: 1 });
    };
    let crash = "endpoint.app.crash{process.executable.name=calc}";
    event(store, crash, 50, &[("module", Value::from("old.so"))]);
    event(store, crash, 3, &[("module", Value::from("0x9F")), ("version", Value::Number(7.5))]);
    event(store, crash, 1, &[("module", Value::from("0x9F")), ("version", Value::Number(7.5))]);
    event(store, "endpoint.os.unclean_stop", 5, &[("power_key", Value::from(true))]);
    event(store, "endpoint.os.unclean_stop", 4, &[("power_key", Value::from(false))]);
    store.mark(ago(1), Mark::Pausing);
    store.mark(Timestamp(now.0 - 30 * MINUTE), Mark::Resumed);
}

#[test]
fn states_have_a_past_of_changes() {
    for condition in [
        "moved == 9",
        "min(moved, 1d) == 4 and max(moved, 7d) == 9 and min(moved, 7d) == 2",
        // From 2 to 4 to 9, the first rise 60 hours ago.
        "delta(moved, 7d) == 7 and delta(moved, 2d) == 5 and delta(moved, 10h) == 0",
        "changes(moved, 7d) == 2 and changes(moved, 10h) == 0",
        // 12 hours of a day at 9, 12 at 4; of a week, four and a half days at 2.
        "avg(moved, 1d) == 6.5 and p50(moved, 7d) == 2 and p95(moved, 7d) == 9",
        "(moved >= 4) on 2 of 3 and not ((moved >= 9) on 2 of 3)",
        "share(moved > 3, 5d) == 0.5",
    ] {
        assert_eq!(is(condition, &TEN), Some(true), "{condition}: {:?}", found(condition, &TEN));
    }
}

#[test]
fn what_stood_before_the_first_value_is_not_known_but_a_count_that_is_enough_is_enough() {
    assert_eq!(is("min(pending, 1d) > 0", &TEN), None);
    assert_eq!(is("delta(pending, 1d) >= 1", &TEN), None);
    assert_eq!(is("delta(moved, 30d) >= 7", &TEN), Some(true), "known for ten of thirty days, and that is enough");
    assert_eq!(is("delta(moved, 30d) < 8", &TEN), None);
    assert_eq!(is("delta(moved, 30d) + n(crash, 30d) >= 10", &TEN), Some(true));
    assert_eq!(is("delta(moved, 30d) - n(crash, 30d) >= 1", &TEN), None, "of a difference nothing is known");
    assert_eq!(is("-delta(moved, 30d) >= -100", &TEN), None);
}

#[test]
fn events_are_counted_by_days_by_fields_and_apart_from_sleeps() {
    for condition in [
        "n(crash, 1d) == 2 and n(crash, 7d) == 3",
        // Before midnight and after it, and a day before.
        "days(crash, 7d) == 3",
        // One of them in the minute in which the machine fell asleep.
        "calm(crash, 1d) == 1",
        "n(held, 1d) == 1",
        "alike(crash, \"module\", 7d) == 2 and kinds(crash, \"module\", 7d) == 2",
        "alike(crash, \"module\", 1d) == 2 and kinds(crash, \"module\", 1d) == 1 and kinds(crash, \"signal\", 7d) == 0",
        "n(other, 7d) == 0",
        "field(crash, \"module\") == \"0x9F\" and amount(crash, \"version\") == 7.5",
        "lookup(\"stop-codes\", \"class\", field(crash, \"module\")) == \"driver\"",
    ] {
        assert_eq!(is(condition, &TEN), Some(true), "{condition}: {:?}", found(condition, &TEN));
    }
    assert_eq!(is("field(other, \"kind\") == \"hang\"", &TEN), None, "nothing happened that could have said it");
    assert_eq!(is("lookup(\"stop-codes\", \"class\", field(crash, \"signal\")) == \"driver\"", &TEN), None);
}

#[test]
fn what_a_system_does_not_have_is_told_from_what_does_not_arrive() {
    for condition in [
        "offered(a) and offered(fill)",
        "not offered(level)",
        "not offered(vm)",
        "system(\"linux\") and not system(\"windows\")",
        "points(a > 1 GiB, 40) + points(a < 1 GiB, 30) == 40",
        "bit(moved, 0) and not bit(moved, 1) and bit(moved, 3)",
    ] {
        assert_eq!(is(condition, &TEN), Some(true), "{condition}: {:?}", found(condition, &TEN));
    }
    assert_eq!(is("points(fill > 0.5, 40) >= 40", &TEN), None);
}

fn is(condition: &str, available: &[Option<f32>]) -> Option<bool> {
    match found(condition, available) {
        Cell::Flag(flag) => Some(flag),
        Cell::Unknown(_) => None,
        other => panic!("{condition} is {other:?}"),
    }
}

const TEN: [Option<f32>; 10] =
    [Some(1.0), Some(2.0), Some(3.0), Some(4.0), Some(5.0), Some(6.0), Some(7.0), Some(8.0), Some(9.0), Some(10.0)];

#[test]
fn every_function_does_what_its_name_says() {
    for condition in [
        "min(a, 5m) == 6 GiB",
        "max(a, 5m) == 10 GiB",
        "avg(a, 5m) == 8 GiB",
        "p50(a, 5m) == 8 GiB",
        "p95(a, 10m) == 10 GiB",
        "sum(a, 2m) == 19 GiB",
        "a == 10 GiB",
        "last(a, 1h) == 10 GiB",
        "age(a) == 0",
        "delta(faults, 5m) == 3000",
        "rate(faults, 5m) == 10",
        "faults == 10",
        "changes(a, 10m) == 9",
        "share(a > 8 GiB, 4m) == 0.5",
        "always(a > 5 GiB, 5m)",
        "ever(a > 9 GiB, 5m)",
        "not ever(a > 10 GiB, 5m)",
        "(a > 8 GiB) on 2 of 4",
        "not ((a > 8 GiB) on 3 of 4)",
        "any(ok) and not all(ok) and count(ok) == 1 and count(not ok) == 1",
        "max(rate(cpu, 5m)) == 0.5",
        "sum(rate(cpu, 5m)) == 0.55",
        "avg(sum(cpu), 5m) == 0.55",
        "largest(cpu, \"process.executable.name\") == \"busy\"",
        "list(rate(cpu, 5m), \"process.executable.name\", 3) == \"busy 50 %, calm 5 %\"",
        "layer == \"dns\" and layer != \"tls\"",
        "abs(-a) == 10 GiB and -a < 0",
        "coalesce(fill, 0.5) == 0.5",
        "min(a * 2, 5m) == 12 GiB",
        "max(a / faults, 5m) > 0",
    ] {
        assert_eq!(is(condition, &TEN), Some(true), "{condition}: {:?}", found(condition, &TEN));
    }
}

#[test]
fn unknown_is_neither_true_nor_false() {
    for (condition, wanted) in [
        ("fill > 0.5", None),
        ("not fill > 0.5", None),
        ("fill > 0.5 and a < 1 GiB", Some(false)),
        ("a < 1 GiB and fill > 0.5", Some(false)),
        ("fill > 0.5 or a > 1 GiB", Some(true)),
        ("a > 1 GiB or fill > 0.5", Some(true)),
        ("fill > 0.5 and a > 1 GiB", None),
        ("fill > 0.5 or a < 1 GiB", None),
        ("fill / 2 > 0.5", None),
        ("a / (a - a) > 1", None),
    ] {
        assert_eq!(is(condition, &TEN), wanted, "{condition}");
    }
}

#[test]
fn seven_tenths_of_a_window_are_enough_and_less_is_unknown() {
    let with_gaps = |gaps: &[usize]| {
        let mut minutes = TEN;
        for gap in gaps {
            minutes[*gap] = None;
        }
        is("max(a, 10m) > 1 GiB", &minutes)
    };
    assert_eq!(with_gaps(&[1, 2, 3]), Some(true));
    assert_eq!(with_gaps(&[1, 2, 3, 4]), None);
}

#[test]
fn on_k_of_m_is_known_as_soon_as_it_is_decided() {
    let six = [Some(1.0), Some(9.0)];
    assert_eq!(is("(a > 8 GiB) on 1 of 4", &six), Some(true));
    assert_eq!(is("(a > 8 GiB) on 2 of 4", &six), None);
    assert_eq!(is("(a > 8 GiB) on 4 of 4", &six), Some(false));
}

#[test]
fn an_old_value_is_not_the_newest() {
    let mut minutes = TEN.to_vec();
    minutes.extend([None; 3]);
    assert_eq!(is("a > 1 GiB", &minutes), Some(true));
    minutes.push(None);
    assert_eq!(is("a > 1 GiB", &minutes), None);
    assert_eq!(is("last(a, 10m) > 1 GiB", &minutes), Some(true));
}

fn flag() -> impl Strategy<Value = Cell> {
    prop_oneof![Just(Cell::Flag(true)), Just(Cell::Flag(false)), Just(Cell::Unknown(Reason::Division))]
}

fn value(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Flag(flag) => Some(*flag),
        _ => None,
    }
}

fn negated(cell: Cell) -> Cell {
    if let Cell::Flag(flag) = cell { Cell::Flag(!flag) } else { cell }
}

fn both(decides: bool, one: &Cell, two: &Cell) -> Option<bool> {
    value(&together(decides, Found::constant(one.clone()), Found::constant(two.clone())).cell)
}

proptest! {
    #[test]
    fn three_valued_laws_hold(a in flag(), b in flag(), c in flag()) {
        let (and, or) = (|a: &Cell, b: &Cell| both(false, a, b), |a: &Cell, b: &Cell| both(true, a, b));
        prop_assert_eq!(and(&a, &b), and(&b, &a));
        prop_assert_eq!(or(&a, &b), or(&b, &a));
        // De Morgan.
        prop_assert_eq!(and(&a, &b).map(|flag| !flag), or(&negated(a.clone()), &negated(b.clone())));
        let cell = |flag: Option<bool>| flag.map_or(Cell::Unknown(Reason::Division), Cell::Flag);
        prop_assert_eq!(and(&cell(and(&a, &b)), &c), and(&a, &cell(and(&b, &c))));
        prop_assert_eq!(and(&a, &cell(or(&b, &c))), or(&cell(and(&a, &b)), &cell(and(&a, &c))));
        // What is known stays known whatever the unknown turns out to be.
        if value(&a).is_none() && let Some(known) = and(&a, &b) {
            prop_assert_eq!(and(&Cell::Flag(true), &b), Some(known));
            prop_assert_eq!(and(&Cell::Flag(false), &b), Some(known));
        }
    }
}
