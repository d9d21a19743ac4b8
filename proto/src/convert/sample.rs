use firstline_diagnosis::vocabulary::{Sample, Timestamp};

use super::BadField;
use super::bounds::at_most;
use super::layout::SERIES_MAX;
use super::why::why;
use crate::v1;

impl From<Sample> for v1::Sample {
    /// The moment is not part of the message: the record that carries it says when.
    fn from(sample: Sample) -> Self {
        let absences = sample
            .absences
            .into_iter()
            .map(|(index, why)| v1::Absence { index, why: v1::WhyKind::from(why).into() })
            .collect();
        Self { layout_fingerprint: sample.layout, step_seconds: sample.step_seconds, row: sample.values, absences }
    }
}

/// The sample that a record of the moment `at` carries.
pub(crate) fn sample(message: v1::Sample, at: Timestamp) -> Result<Sample, BadField> {
    if !(1..=86_400).contains(&message.step_seconds) {
        return Err(BadField::new("step_seconds", "is not between 1 and 86,400"));
    }
    at_most("row", message.row.len(), SERIES_MAX)?;
    if message.row.iter().any(|number| number.is_infinite()) {
        return Err(BadField::new("row", "holds an infinite number"));
    }
    let absences = message.absences.iter().map(|absence| Ok((absence.index, why(absence.why)?)));
    let absences: Vec<_> = absences.collect::<Result<_, BadField>>().map_err(|bad| bad.within("absences"))?;
    for pair in absences.windows(2) {
        if pair[0].0 >= pair[1].0 {
            return Err(BadField::new("absences.index", "is not in order"));
        }
    }
    for (index, _) in &absences {
        if !message.row.get(*index as usize).is_some_and(|number| number.is_nan()) {
            return Err(BadField::new("absences.index", "does not point at an absent number"));
        }
    }
    Ok(Sample {
        at,
        step_seconds: message.step_seconds,
        layout: message.layout_fingerprint,
        values: message.row,
        absences,
    })
}
