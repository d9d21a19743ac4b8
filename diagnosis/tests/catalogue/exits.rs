//! A service that is started again each time it ends looks as if it ran. Three ends in a day are a finding, when somebody
//! watches it.

use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::{Detector, Host};
use firstline_diagnosis::document::Finding;
use firstline_diagnosis::vocabulary::{Event, Reading, Series, Timestamp};

/// 2026-01-21, noon.
const START: Timestamp = Timestamp(1_768_996_800_000);
const MINUTE: Duration = Duration::from_mins(1);
const CHECK: &str = "service-crash-loop";

/// A machine that is looked at every minute.
struct Story {
    detector: Detector,
    now: Timestamp,
}

impl Story {
    fn begin() -> Self {
        let host = Host { os_type: "linux".to_owned() };
        Self { detector: Detector::new(Catalogue::builtin(), host), now: START }
    }

    fn hours(&mut self, hours: u64) {
        for _ in 0..hours * 60 {
            self.now = self.now + MINUTE;
            let watched = Reading::value("endpoint.service.state", [("service", "cups.service")], "running", self.now);
            self.detector.reading(&watched);
            self.detector.reading(&Reading::value("endpoint.service.failed.count", [], 0.0, self.now));
            self.detector.evaluate(self.now);
        }
    }

    fn ends(&mut self, service: &str, times: u32) {
        let series = Series::new("endpoint.service.unexpected_exit", [("service", service)]);
        self.detector.event(&Event { series, at: self.now, fields: BTreeMap::new(), count: times });
    }

    fn found(&self) -> Vec<Finding> {
        self.detector.findings(self.now).into_iter().filter(|finding| finding.id == CHECK).collect()
    }
}

#[test]
fn three_ends_of_a_watched_service_in_a_day_are_a_finding_until_the_day_is_over() {
    let mut story = Story::begin();
    story.hours(20);
    story.ends("cups.service", 2);
    story.hours(1);
    assert!(story.found().is_empty(), "twice may happen");
    story.ends("cups.service", 1);
    story.hours(1);
    let found = story.found();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].instance.as_str(), found[0].severity.name()), ("cups.service", "medium"));
    assert!(found[0].texts.user.contains("keeps stopping"), "{:?}", found[0].texts);
    assert!(found[0].texts.tech.contains("ended 3 times"), "{:?}", found[0].texts);
    story.hours(24);
    assert!(story.found().is_empty(), "a day without one ends it");
}

#[test]
fn a_machine_that_was_met_an_hour_ago_is_judged_by_the_hour() {
    let mut story = Story::begin();
    story.hours(1);
    story.ends("cups.service", 3);
    story.hours(1);
    assert_eq!(story.found().len(), 1);
}

#[test]
fn a_service_that_nobody_watches_is_not_counted() {
    let mut story = Story::begin();
    story.hours(20);
    story.ends("somebodys-own.service", 9);
    story.hours(1);
    assert!(story.found().is_empty());
}
