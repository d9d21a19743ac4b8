//! What the collector says about itself, between two looks.

/// A histogram's buckets: upper bound in seconds, and how many were at most that.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets(Vec<(f64, f64)>);

impl Buckets {
    /// The histogram of this name, of all collectors whose texts these are.
    pub(super) fn of(text: &str, name: &str) -> Self {
        let bucket = |line: &str| {
            let (labels, count) = line.strip_prefix(name)?.strip_prefix("_bucket{")?.split_once("} ")?;
            let bound = labels.split("le=\"").nth(1)?.trim_end_matches('"');
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, count.parse().ok()?))
        };
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (bound, count) in text.lines().filter_map(bucket) {
            match buckets.iter_mut().find(|one| one.0 == bound) {
                Some(one) => one.1 += count,
                None => buckets.push((bound, count)),
            }
        }
        Self(buckets)
    }

    /// What came since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let earlier = |bound: f64| before.0.iter().find(|one| one.0 == bound).map_or(0.0, |one| one.1);
        Self(self.0.iter().map(|&(bound, count)| (bound, count - earlier(bound))).collect())
    }

    /// A quantile, straight between the bounds; nothing when nothing came.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let total = self.0.last().map(|last| last.1).filter(|total| *total > 0.0)?;
        let wanted = total * share;
        let mut below = (0.0, 0.0);
        for &(bound, count) in &self.0 {
            if count >= wanted {
                let part = (wanted - below.1) / (count - below.1).max(1.0);
                return Some(if bound.is_infinite() { below.0 } else { below.0 + (bound - below.0) * part });
            }
            below = (bound, count);
        }
        None
    }
}

/// A counter's or gauge's value, all labels added up.
pub(super) fn value(text: &str, name: &str) -> f64 {
    let of = |line: &str| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
        rest.rsplit_once(' ')?.1.parse::<f64>().ok()
    };
    text.lines().filter_map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_the_bounds_of_its_bucket() {
        let text = "x_bucket{le=\"0.1\"} 50\nx_bucket{le=\"0.2\"} 100\nx_bucket{le=\"+Inf\"} 100\nx_sum 9\n";
        let buckets = Buckets::of(text, "x");
        assert!((buckets.quantile(0.75).unwrap_or(0.0) - 0.15).abs() < 1e-9);
        assert_eq!(buckets.since(&buckets).quantile(0.5), None);
        let of_two = Buckets::of(&text.repeat(2), "x");
        assert_eq!(of_two.quantile(0.75), buckets.quantile(0.75));
        assert_eq!(of_two.0.last().map(|last| last.1), Some(200.0));
    }
}
