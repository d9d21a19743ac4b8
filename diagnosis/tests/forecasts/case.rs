use serde::Deserialize;

/// What is said of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It holds.
    Fires,
    /// It was looked at, and does not hold.
    Silent,
    /// It cannot be told.
    Unknown,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) check: String,
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The name of the case whose past this one has, but for what it names itself.
    #[serde(default)]
    like: String,
    pub(crate) verdict: Option<Verdict>,
    /// What the words must hold.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    /// Since when the endpoint is known, before now.
    pub(crate) known: Option<String>,
    #[serde(default)]
    pub(crate) series: Vec<Curve>,
    /// The same, told when it changes.
    #[serde(default)]
    pub(crate) state: Vec<Curve>,
    #[serde(default)]
    pub(crate) event: Vec<Happened>,
    /// Boots, sleeps, wakes: name, and how long ago.
    #[serde(default)]
    pub(crate) mark: Vec<(String, String)>,
    /// When the check's finding stood: from and to, how long ago.
    #[serde(default)]
    pub(crate) stood: Vec<(String, String)>,
}

/// A series by what it is made of. Times are before now, but for periods.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Curve {
    pub(crate) of: String,
    /// Its beginning, `14d`.
    #[serde(default)]
    pub(crate) from: String,
    /// Its end; now when empty.
    #[serde(default)]
    pub(crate) to: String,
    #[serde(default)]
    pub(crate) every: String,
    /// A text that stands all the time, instead of numbers.
    pub(crate) word: Option<String>,
    /// Texts and their times.
    #[serde(default)]
    pub(crate) words: Vec<(String, String)>,
    /// Numbers and their times.
    #[serde(default)]
    pub(crate) numbers: Vec<(String, f64)>,
    #[serde(default)]
    pub(crate) start: f64,
    /// What a day adds.
    #[serde(default)]
    pub(crate) daily: f64,
    /// The half of the width in which a number lies at random around the line.
    #[serde(default)]
    pub(crate) noise: f64,
    /// From a time on so much more.
    #[serde(default)]
    pub(crate) jump: Vec<(String, f64)>,
    /// Falls by the height within a period, and is back at its end: period and height.
    pub(crate) saw: Option<(String, f64)>,
    /// Nothing is known from a time to another.
    #[serde(default)]
    pub(crate) gap: Vec<(String, String)>,
    /// From here on it stays as it is.
    pub(crate) level_from: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Happened {
    pub(crate) of: String,
    pub(crate) ago: Vec<String>,
}

impl File {
    pub(crate) fn cases(&self) -> Vec<Case> {
        self.cases.iter().map(|case| self.whole(case)).collect()
    }

    fn whole(&self, case: &Case) -> Case {
        if case.like.is_empty() {
            return case.clone();
        }
        let like =
            self.cases.iter().find(|other| other.name == case.like).unwrap_or_else(|| panic!("no {}", case.like));
        let like = self.whole(like);
        let over = |below: Vec<Curve>, above: &[Curve]| {
            let kept = below.into_iter().filter(|curve| above.iter().all(|other| other.of != curve.of));
            kept.chain(above.iter().cloned()).filter(|curve| curve.from != "none").collect()
        };
        Case {
            series: over(like.series, &case.series),
            state: over(like.state, &case.state),
            event: if case.event.is_empty() { like.event } else { case.event.clone() },
            mark: if case.mark.is_empty() { like.mark } else { case.mark.clone() },
            known: case.known.clone().or(like.known),
            ..case.clone()
        }
    }
}
