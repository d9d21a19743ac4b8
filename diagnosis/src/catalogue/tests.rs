use super::*;
use crate::condition::expression::Expression;
use crate::texts::Template;
use crate::vocabulary::Severity;

fn overlay(text: &str) -> Result<Catalogue, LoadErrors> {
    Catalogue::with_overlay(&[("local.toml".to_owned(), text.to_owned())])
}

const WHOLE: &str = "[[check]]
id = \"ours\"
title = \"Ours\"
severity = \"low\"
confidence = 0.5
category = \"Test/Test\"
impact = \"I3\"
urgency = \"U3\"
each = \"mountpoint\"
when = '''
min(free, 5m) < 2 GiB
  or free < 1 GiB
'''
user = \"Only {free} left.\"
tech = \"{free} on {mountpoint}\"
[check.inputs]
free = 'system.filesystem.usage{state=free}'
";

/// The line and reason of the one error that replacing `old` by `new` gives.
fn fault(old: &str, new: &str) -> (usize, String) {
    assert!(WHOLE.contains(old), "{old}");
    let errors = overlay(&WHOLE.replace(old, new)).expect_err(new);
    assert_eq!(errors.0.len(), 1, "{errors}");
    assert_eq!(errors.0[0].file, "local.toml");
    (errors.0[0].line, errors.0[0].reason.clone())
}

#[test]
fn the_embedded_catalogue_loads() {
    match Catalogue::with_overlay(&[]) {
        Ok(catalogue) => assert!(catalogue.checks().len() >= 20 && catalogue.symptoms().len() >= 10),
        Err(errors) => panic!("{errors}"),
    }
}

#[test]
fn what_was_compiled_is_what_the_files_say() {
    let parts = |all: &Catalogue| format!("{:#?}", (&all.version, &all.checks, &all.symptoms, &all.edges));
    let written = Catalogue::with_overlay(&[]).unwrap_or_else(|errors| panic!("{errors}"));
    let (compiled, written) = (parts(&Catalogue::builtin()), parts(&written));
    let differing = compiled.lines().zip(written.lines()).find(|(compiled, written)| compiled != written);
    assert_eq!((differing, compiled.len()), (None, written.len()));
}

#[test]
fn the_embedded_version_is_known_without_loading() {
    assert_eq!(Catalogue::builtin_version(), Catalogue::builtin().version());
}

#[test]
fn every_embedded_check_says_what_to_do_on_each_of_its_systems() {
    for check in Catalogue::builtin().checks() {
        for os in ["linux", "windows", "macos"] {
            assert!(!check.runbook(os).is_empty(), "{} on {os}", check.id);
        }
        assert!(!check.escalation.queue.is_empty(), "{}", check.id);
    }
}

/// An expression that gives a number or an answer of its own where nothing was read.
fn makes_up(expression: &Expression) -> bool {
    let is_fixed = |one: &Expression| match one {
        Expression::Number(_) | Expression::Flag(_) => true,
        Expression::Scaled(number, _) => number.constant().is_some(),
        _ => false,
    };
    matches!(expression, Expression::Coalesce(all) if all.last().is_some_and(is_fixed))
}

#[test]
fn no_text_gives_a_number_or_an_answer_for_what_was_not_read() {
    let catalogue = Catalogue::builtin();
    let made_up = catalogue.checks().iter().flat_map(|check| {
        let rule = &check.rule;
        let of_variants = rule.variants.iter().flat_map(|variant| variant.user.iter().chain(&variant.tech));
        let fine = rule.fine.iter().map(|(_, text)| text);
        let names = [&rule.user, &rule.tech].into_iter().chain(of_variants).chain(fine).flat_map(Template::names);
        let made_up = names.filter(|name| rule.values.get(*name).is_some_and(|value| makes_up(&value.expression)));
        made_up.map(|name| format!("{}: {{{name}}}", check.id))
    });
    assert_eq!(made_up.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn an_administrator_can_add_a_check() {
    let catalogue = overlay(WHOLE).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(catalogue.check("ours").expect("added").severity, Severity::Low);
    assert_ne!(catalogue.version(), Catalogue::builtin().version());
    assert!(catalogue.version().starts_with(env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_administrator_can_override_only_what_differs() {
    let text = "[[check]]\nid = \"disk-space-low\"\nseverity = \"medium\"\nhold = \"1h\"\n";
    let catalogue = overlay(text).unwrap_or_else(|errors| panic!("{errors}"));
    let (ours, theirs) = (catalogue.check("disk-space-low"), Catalogue::builtin());
    let (ours, theirs) = (ours.expect("there"), theirs.check("disk-space-low").expect("there"));
    assert_eq!((ours.severity, ours.hold.as_secs()), (Severity::Medium, 3600));
    assert_eq!((&ours.title, &ours.when), (&theirs.title, &theirs.when));
    let without = overlay("[[check]]\nid = \"disk-space-low\"\nenabled = false\n").expect("fine");
    assert!(without.check("disk-space-low").is_none());
}

#[test]
fn a_misspelt_signal_is_refused_with_file_and_line() {
    let (line, reason) = fault("system.filesystem.usage{", "system.filesytem.usage{");
    assert_eq!(line, 17);
    assert!(reason.contains("did you mean system.filesystem.usage?"), "{reason}");
}

#[test]
fn an_unknown_attribute_is_refused() {
    let (line, reason) = fault("{state=free}", "{stat=free}");
    assert_eq!(line, 17);
    assert!(reason.contains("did you mean state?"), "{reason}");
}

#[test]
fn a_wrong_unit_is_refused_with_the_line_inside_of_the_condition() {
    let (line, reason) = fault("free < 1 GiB", "free < 1 h");
    assert_eq!(line, 12);
    assert!(reason.contains("By") && reason.contains('h'), "{reason}");
    let (line, _) = fault("min(free, 5m) < 2 GiB", "min(free, 5m) < 2");
    assert_eq!(line, 11);
}

#[test]
fn a_wrong_name_in_a_text_is_refused() {
    let (line, reason) = fault("Only {free} left", "Only {fre} left");
    assert_eq!(line, 14);
    assert!(reason.contains("did you mean free?"), "{reason}");
}

#[test]
fn an_unknown_function_a_missing_field_and_an_unknown_key_are_refused() {
    assert!(fault("min(free, 5m)", "minn(free, 5m)").1.contains("did you mean min?"));
    assert_eq!(fault("title = \"Ours\"\n", ""), (2, "check ours: title is missing".to_owned()));
    let (line, reason) = fault("title =", "titel =");
    assert_eq!((line, reason.as_str()), (3, "unknown key `titel`; did you mean `title`?"));
    assert_eq!(fault("[check.inputs]", "[check.input]").1, "unknown key `input`; did you mean `inputs`?");
    assert!(fault("severity = \"low\"", "severity = \"lwo\"").1.contains("`lwo`; did you mean `low`?"));
    assert!(fault("severity = \"low\"", "severity = \"loud\"").1.contains("it can be info, low, medium"));
    assert!(fault("confidence = 0.5", "confidence = \"0.5\"").1.contains("a number, without quotes"));
    assert!(fault("confidence = 0.5", "confidence = 1.0").1.contains("0.95"));
}

#[test]
fn who_misspells_the_check_that_is_to_be_changed_is_told_which_there_is() {
    for change in ["severity = \"medium\"", "enabled = false"] {
        let errors = overlay(&format!("[[check]]\nid = \"disk-space-lwo\"\n{change}\n")).expect_err("misspelt");
        assert_eq!((errors.0.len(), errors.0[0].line), (1, 2), "{errors}");
        assert!(errors.0[0].reason.contains("did you mean disk-space-low?"), "{errors}");
    }
}

#[test]
fn edges_in_a_circle_are_refused_and_named() {
    let text = "[[edge]]\nroot = \"dns-slow\"\nconsequence = [\n  \"no-network-link\",\n]\n";
    let errors = overlay(text).expect_err("a circle");
    let error = &errors.0[0];
    assert!(
        error.reason.contains("dns-slow -> no-network-link -> ") || error.reason.contains("no-network-link -> "),
        "{error}"
    );
    assert!(error.reason.contains("circle"), "{error}");
    let own = "[[edge]]\nroot = \"ours\"\nconsequence = [\n  \"dns-slow\",\n  \"ours\",\n]\n";
    let errors = overlay(&format!("{WHOLE}\n{own}")).expect_err("a circle");
    assert_eq!(errors.to_string(), "local.toml:23: these findings explain each other in a circle: ours -> ours");
}

#[test]
fn edges_and_symptoms_name_checks_that_exist() {
    let errors = overlay("[[edge]]\nroot = \"dns-slo\"\nconsequence = []\n").expect_err("unknown");
    assert_eq!(errors.to_string(), "local.toml:2: there is no check dns-slo; did you mean dns-slow?");
    let errors = overlay("[[symptom]]\nid = \"x\"\ncandidates = [\"nothing-like-it\"]\n").expect_err("unknown");
    assert_eq!(errors.to_string(), "local.toml:3: there is no check nothing-like-it");
}

#[test]
fn every_fault_of_a_bad_file_is_named_and_nothing_takes_force() {
    let text = WHOLE.replace("min(free, 5m) < 2 GiB", "min(free, 5m) < 2 s").replace("{mountpoint}", "{mountpont}");
    let errors = overlay(&text).expect_err("two faults");
    assert_eq!(errors.0.iter().map(|error| error.line).collect::<Vec<_>>(), [11, 15], "{errors}");
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let errors = overlay("[[check]]\nid = \n").expect_err("not TOML");
    assert_eq!((errors.0[0].file.as_str(), errors.0[0].line), ("local.toml", 2));
}

#[test]
fn tickets_in_plain_words_find_their_symptom() {
    let catalogue = Catalogue::builtin();
    for (text, id) in [
        ("My computer is slow", "slow-computer"),
        ("no internet since this morning!!", "no-internet"),
        ("<b>Disk full</b>", "disk-full"),
    ] {
        assert_eq!(catalogue.symptom(text).map(|symptom| symptom.id.as_str()), Some(id), "{text}");
    }
}
