use super::*;
use crate::registry::Registry;

/// An input of the embedded registry; nothing is fixed by an instance.
fn input(name: &str, series: &str) -> InputSpec {
    let series: crate::vocabulary::Series = series.parse().expect("a series");
    let signal = Registry::builtin().get(&series.signal).expect("declared").clone();
    let fixed: Vec<(String, String)> =
        series.attributes.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let bound = |name: &str| name == "mountpoint" || fixed.iter().any(|(fixed, _)| fixed == name);
    let free = signal.identity().filter(|name| !bound(name)).map(str::to_owned).collect();
    let unit = if signal.value == ValueType::Number { Unit::parse(&signal.unit).expect("known") } else { Unit::one() };
    InputSpec { name: name.to_owned(), signal, fixed, free, unit }
}

fn compiled(text: &str) -> Result<Compiled, Fault> {
    let inputs = [
        input("free", "system.filesystem.usage{state=free}"),
        input("size", "system.filesystem.limit"),
        input("up", "endpoint.network.physical_up"),
        input("layer", "endpoint.network.first_failing_layer"),
        input("faults", "endpoint.memory.hard_faults"),
        input("cpu", "process.cpu.time"),
        input("cores", "system.cpu.logical.count"),
        input("received", "system.network.io{network.io.direction=receive,network.interface.name=eth0}"),
        input("ok", "endpoint.probe.tcp.ok"),
        input("lookup", "endpoint.dns.lookup.ok"),
        input("ok_one", "endpoint.probe.tcp.ok{target=one,by=name}"),
        input("crash", "endpoint.app.crash"),
    ];
    let rows = vec![vec!["dns".to_owned(), "names".to_owned(), "2025-10-14".to_owned()]];
    let columns = ["layer", "words", "end"].map(str::to_owned).to_vec();
    let table = super::super::table::Table { name: "layers".to_owned(), columns, keys: 1, rows };
    let tables = Tables::from([("layers".to_owned(), std::sync::Arc::new(table))]);
    let derived = [("ratio", "free / size"), ("one", "two + 1"), ("two", "one + 1")]
        .map(|(name, text)| (name.to_owned(), Parsed::new(text).expect("parses")));
    condition(&Parsed::new(text)?, &Names { inputs: &inputs, derived: &derived, each: &[], tables: &tables })
}

#[test]
fn accepts_what_has_a_meaning() {
    for text in [
        "min(free, 5m) < 2 GiB or (max(ratio, 5m) < 3 % and free < 5GiB)",
        "up and not (layer == \"dns\")",
        "rate(faults, 5m) >= 200 and delta(faults, 5m) > 100",
        "max(rate(cpu, 5m) / cores) >= 0.5",
        "rate(received, 5m) > 100 Mbit/s",
        "count(not ok) >= 3 and any(ok)",
        "(free < 2 GiB) on 3 of 4",
        "always(free < 2 GiB, 5m) or ever(not up, 5m) or share(up, 5m) < 0.5",
        "free > 0 and age(free) < 5m",
        "2 GiB > free",
        "free < 0.1 * size",
        "coalesce(up, true)",
        "sum(avg(cpu, 5m)) > 1",
        "avg(sum(cpu), 5m) > 1",
        "last(free, 1h) < 2 GiB",
        "abs(free - 1 GiB * round(free / 1 GiB)) < 10 MiB",
        "contains(layer, \"d\") and attribute(size, \"mountpoint\") == \"/\"",
        "lookup(\"layers\", \"words\", layer) == \"names\" and until(\"layers\", \"end\", layer) < 180 d",
        "given(up, free) < 1 GiB and awake(7 d) > 8 h",
        "p90(free, 10m) > 1 GiB",
        "min(cores, 7d) > 3 and delta(cores, 1d) > 1",
        "offered(free) and bit(free, 2) and points(up, 40) + coalesce(points(ok_one, 30), 0) >= 60",
        "n(crash, 1d) >= 1 and days(crash, 7d) >= 2 and calm(crash, 1h) >= 3",
        "field(crash, \"module\") == \"libc.so.6\" and amount(crash, \"version\") > 3",
    ] {
        assert!(compiled(text).is_ok(), "{text}: {:?}", compiled(text).err());
    }
}

#[test]
fn refuses_what_has_none_and_says_what_was_meant() {
    for (text, part) in [
        ("fre < 2 GiB", "did you mean free?"),
        ("min(free, 5m) < 2", "the threshold has no unit, but the value is in By"),
        ("min(free, 5m) < 2 s", "the value is in By, the threshold in s"),
        ("mim(free, 5m) < 2 GiB", "did you mean min?"),
        ("free < \"full\"", "cannot be compared"),
        ("free + 5 s > 1 GiB", "the units differ"),
        ("layer < \"dns\"", "only equal or not equal"),
        ("up > 3", "cannot be compared"),
        ("free", "a condition is wanted"),
        ("rate(free, 5m) > 1", "a counter is wanted"),
        ("min(layer, 5m) == 3", "a number is wanted"),
        ("changes(layer, 5m) > 3", "a number or a flag"),
        ("bit(free, 40)", "the number of a bit"),
        ("delta(up, 1d) > 3", "a counter is wanted"),
        ("field(free, \"module\") == \"x\"", "has no field module"),
        ("min(max(free, 5m), 5m) < 1 GiB", "not nested"),
        ("min(free, 3) < 1 GiB", "a window is a time"),
        ("min(free, 5m, 3) < 1 GiB", "does not take"),
        ("ok", "may be several series"),
        ("any(ok and lookup)", "cannot be joined"),
        ("one > 3", "derived from itself"),
        ("ratio < 3 GiB", "the value is in 1, the threshold in GiB"),
        ("lookup(\"layer\", \"words\", layer) == \"x\"", "did you mean layers?"),
        ("lookup(\"layers\", \"word\", layer) == \"x\"", "did you mean words?"),
        ("lookup(\"layers\", \"words\") == \"x\"", "has 1 key(s)"),
        ("until(\"layers\", \"words\", layer) < 3 d", "holds no dates"),
        ("contains(free, \"x\")", "a text is wanted"),
        ("attribute(size, \"mount\") == \"/\"", "no attribute mount"),
        ("largest(cpu, \"process.name\") == \"x\"", "no attribute process.name"),
    ] {
        let fault = compiled(text).expect_err(text);
        assert!(fault.reason.contains(part), "{text}: {}", fault.reason);
    }
}

#[test]
fn thresholds_are_converted_to_the_unit_of_the_value() {
    let Expression::Compare(compare) = compiled("rate(received, 5m) > 100 Mbit/s").expect("fine").expression else {
        panic!("not a comparison")
    };
    assert_eq!(compare.right, Expression::Number(12_500_000.0));
    assert_eq!(compare.subject.unit.to_string(), "By/s");
    let Expression::Compare(compare) = compiled("3 % > ratio").expect("fine").expression else {
        panic!("not a comparison")
    };
    assert_eq!((compare.how, compare.right), (Comparison::Less, Expression::Number(0.03)));
}

#[test]
fn evidence_names_signals_and_sentences_name_labels() {
    let Expression::Compare(compare) = compiled("max(ratio, 5m) < 0.03").expect("fine").expression else {
        panic!("not a comparison")
    };
    assert_eq!(compare.subject.signal, "max((system.filesystem.usage / system.filesystem.limit), 5m)");
    assert_eq!((compare.subject.window.as_str(), compare.subject.input), ("5m", None));
    let Expression::Compare(compare) = compiled("min(free, 5m) < 2 GiB").expect("fine").expression else {
        panic!("not a comparison")
    };
    assert_eq!((compare.subject.signal.as_str(), compare.subject.input), ("system.filesystem.usage", Some(0)));
    assert!(compare.subject.label.ends_with("(free)"), "{}", compare.subject.label);
}
