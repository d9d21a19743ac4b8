use super::{median, thinned};

/// So many numbers of a sample are held against each of the other.
const SAMPLE_MAX: usize = 300;

/// How one sample lies to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Hodges-Lehmann: the median of all differences.
    pub by: f64,
    /// Mann-Whitney: standard deviations from what two samples of one kind would show; positive where the first is higher.
    pub z: f64,
}

/// How much higher `now` is than `before`; nothing when either is empty. Like a slope, it wants medians of blocks.
pub fn shift(now: &[f64], before: &[f64]) -> Option<Shift> {
    let (now, before) = (sample(now), sample(before));
    let mut differences = Vec::with_capacity(now.len() * before.len());
    let mut higher = 0.0;
    for one in &now {
        for other in &before {
            differences.push(one - other);
            higher += if one > other {
                1.0
            } else if one < other {
                0.0
            } else {
                0.5
            };
        }
    }
    let (m, n) = (now.len() as f64, before.len() as f64);
    let by = median(&differences)?;
    Some(Shift { by, z: (higher - m * n / 2.0) / (m * n * (m + n + 1.0) / 12.0).sqrt() })
}

fn sample(numbers: &[f64]) -> Vec<f64> {
    let mut ordered = numbers.to_vec();
    super::arrange(&mut ordered);
    let points: Vec<(f64, f64)> = ordered.into_iter().map(|number| (0.0, number)).collect();
    thinned(&points, SAMPLE_MAX).into_iter().map(|(_, number)| number).collect()
}
