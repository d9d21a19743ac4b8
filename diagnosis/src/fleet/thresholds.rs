use serde::Deserialize;

/// What the file `catalogue/fleet.toml` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Findings (`*` stands for any letters) of which a few hosts are enough.
    pub hard: Vec<String>,
    /// Findings (`*` stands for any letters) of services that stand elsewhere.
    pub services: Vec<String>,
    /// Tags of hosts that try things out.
    pub test_tags: Vec<String>,
    /// Of what affected hosts have in common.
    pub common_cause: CommonCause,
    /// Of groups that fall silent.
    pub silent_group: SilentGroup,
    /// Of rollouts.
    pub bad_rollout: BadRollout,
    /// Of bursts.
    pub rate_burst: RateBurst,
    /// Of services.
    pub shared_service: SharedService,
    /// Of parts of one make.
    pub hardware_cohort: HardwareCohort,
    /// Parts that machines of one model can have alike.
    #[serde(rename = "part")]
    pub parts: Vec<Part>,
    /// What hosts can have in common.
    #[serde(rename = "attribute")]
    pub attributes: Vec<Attribute>,
}

impl Thresholds {
    /// Reads the file.
    ///
    /// # Errors
    /// When it does not read, or has a setting that nobody knows.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Whether a finding is of a service that stands elsewhere.
    pub fn is_service(&self, finding: &str) -> bool {
        self.services.iter().any(|pattern| crate::change::fits(pattern, finding))
    }

    /// Whether a few hosts with this finding are enough.
    pub fn is_hard(&self, finding: &str) -> bool {
        self.hard.iter().any(|pattern| crate::change::fits(pattern, finding))
    }
}

/// A kind of part that machines of one model can have alike.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub id: String,
    /// States that name it, each with the part as its instance; none for a part of the model.
    pub signals: Vec<String>,
    /// Findings (`*` stands for any letters) that say that it fails.
    pub checks: Vec<String>,
    /// How it is said; `{value}` stands for model and part.
    pub words: String,
}

impl Part {
    /// Whether a finding says that it fails.
    pub fn fails_by(&self, finding: &str) -> bool {
        self.checks.iter().any(|pattern| crate::change::fits(pattern, finding))
    }
}

/// Something that hosts can have in common.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name.
    pub id: String,
    /// How it fails.
    pub cause: Cause,
    /// The state that tells it.
    #[serde(default)]
    pub signal: Option<String>,
    /// The attribute of the state that is its value, instead of the state's own or beside it.
    #[serde(default)]
    pub by: Option<String>,
    /// The state's own value beside it.
    #[serde(default)]
    pub with_value: bool,
    /// The event that tells it.
    #[serde(default)]
    pub event: Option<String>,
    /// How old the event may be.
    #[serde(default)]
    pub days: Option<u32>,
    /// The tag that tells it.
    #[serde(default)]
    pub tag: Option<String>,
    /// How it is said; `{value}` stands for the value.
    pub words: String,
}

/// How something that hosts share fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// For all who share it, at once.
    Outage,
    /// For some of those who have it, each after getting it.
    Defect,
}

/// Of what affected hosts have in common.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonCause {
    /// A finding counts that is active, or was raised within so long.
    pub window_minutes: u32,
    /// With fewer hosts that could be judged nothing is tested.
    pub eligible_least: usize,
    /// What a host of a test ring counts.
    pub test_weight: f64,
    /// False discoveries among what is said.
    pub q: f64,
    /// Hosts, where a few are enough.
    pub hard_least: f64,
    /// Hosts otherwise.
    pub soft_least: f64,
    /// Affected of those who share what fails at once.
    pub outage_rate: f64,
    /// Affected of those who have what fails for some.
    pub defect_rate: f64,
    /// How much oftener than elsewhere.
    pub lift: f64,
    /// The share of an outage's onsets that lie within the next.
    pub coherent_share: f64,
    /// How long that is.
    pub coherent_minutes: u32,
    /// The share of a defect's onsets that lie after the host obtained it.
    pub after_share: f64,
    /// What more hosts than this share explains nothing.
    pub most_of_fleet: f64,
    /// Given a rival, an association weaker than this is none.
    pub vanished_p: f64,
    /// The share of the affected that a narrower explanation must keep.
    pub keeps: f64,
    /// Hosts from which an incident is of the first impact.
    pub many: usize,
    /// Over when the rate is less than so many times the baseline.
    pub close_factor: f64,
    /// For so long.
    pub close_minutes: u32,
}

/// Of groups that fall silent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilentGroup {
    /// Who was heard within this is expected.
    pub heard_minutes: u32,
    /// So long without a word is missing.
    pub silent_seconds: u32,
    /// The share of those expected.
    pub missing: f64,
    /// At least so many are expected.
    pub expected_least: usize,
    /// When more of the fleet is missing, it is the collector.
    pub fleet_missing: f64,
    /// How sure.
    pub confidence: f64,
    /// How much surer when those who are left are cut off.
    pub corroborated: f64,
    /// Weeks of which the same quarter of an hour of the same day is looked at.
    pub usual_weeks: u32,
    /// Who was heard in so many of them is expected.
    pub usual_least: u32,
}

/// Of rollouts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BadRollout {
    /// How long ago a change may be.
    pub reach_days: u32,
    /// Rounds of the bootstrap.
    pub rounds: u32,
    /// Where its chance begins.
    pub seed: u64,
    /// The factor by which the rate must rise.
    pub risk: f64,
    /// Hosts that have the symptom.
    pub affected_least: usize,
    /// Hosts with the change.
    pub treated_least: usize,
    /// The same for crashes of the whole system.
    pub treated_least_stop: usize,
    /// What is added to both counts.
    pub weight: f64,
    /// False discoveries among what is said.
    pub q: f64,
    /// Hosts without the change of which the bootstrap draws, at most.
    pub control_most: usize,
}

/// Of bursts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateBurst {
    /// How long a slot is.
    pub slot_minutes: u32,
    /// Weeks of which the same slot is looked at.
    pub weeks: u32,
    /// At least so many are expected.
    pub expected_least: f64,
    /// The chance of so many.
    pub p: f64,
    /// At least so many.
    pub least: u32,
}

/// Of services.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedService {
    /// From so many hosts.
    pub hosts: usize,
    /// On so many networks it is the service.
    pub networks: usize,
}

/// Of parts of one make.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareCohort {
    /// So many times the fleet's share.
    pub times: f64,
    /// At least so many.
    pub cases: u32,
    /// Deviations of the interval.
    pub z: f64,
}

#[cfg(test)]
mod tests {
    use super::super::builtin::builtin;
    use crate::registry::Registry;

    #[test]
    fn attributes_name_signals_of_the_registry_and_each_has_one_source() {
        for attribute in builtin().attributes {
            let sources = [&attribute.signal, &attribute.event, &attribute.tag];
            assert_eq!(sources.into_iter().flatten().count(), 1, "{}", attribute.id);
            for signal in [&attribute.signal, &attribute.event].into_iter().flatten() {
                let spec = Registry::builtin().get(signal).unwrap_or_else(|| panic!("there is no signal {signal}"));
                assert!(attribute.by.iter().all(|by| spec.attributes.contains(by)), "{}", attribute.id);
            }
            assert!(attribute.words.contains("{value}"), "{}", attribute.id);
        }
    }

    #[test]
    fn parts_name_states_of_the_registry() {
        for part in builtin().parts {
            for signal in &part.signals {
                let spec = Registry::builtin().get(signal).unwrap_or_else(|| panic!("there is no signal {signal}"));
                assert_eq!(spec.attributes.len(), 1, "{signal}: the part is its instance");
            }
            assert!(part.words.contains("{value}") && !part.checks.is_empty(), "{}", part.id);
        }
    }

    #[test]
    fn a_missing_route_is_hard_and_slowness_is_not() {
        let thresholds = builtin();
        assert!(thresholds.is_hard("dns-failing") && thresholds.is_hard("wifi-auth-failed"));
        assert!(!thresholds.is_hard("dns-slow") && !thresholds.is_hard("app-crashing"));
    }
}
