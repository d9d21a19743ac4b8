use super::arrange;

/// From the median distance to the standard deviation of a normal distribution.
const SIGMAS: f64 = 1.4826;
/// From the distance of the quartiles to the same.
const QUARTILES: f64 = 1.349;

/// The middle one; of an even count the mean of the two in the middle. Nothing of nothing.
pub fn median(numbers: &[f64]) -> Option<f64> {
    quantile(numbers, 0.5)
}

/// The number below which a share of the numbers lies, between two of them in proportion. Nothing of nothing.
pub fn quantile(numbers: &[f64], share: f64) -> Option<f64> {
    let mut ordered = numbers.to_vec();
    arrange(&mut ordered);
    of_ordered(&ordered, share)
}

/// [`quantile`] of numbers that are in order.
pub(super) fn of_ordered(ordered: &[f64], share: f64) -> Option<f64> {
    let last = ordered.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (ordered[below], ordered[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

/// The spread, as a standard deviation would tell it of normal numbers, and hardly moved by a few wild ones. Where half of
/// the numbers are equal the quartiles say it, and where these are equal, too, it is the `resolution` of the numbers.
pub fn sigma(numbers: &[f64], resolution: f64) -> Option<f64> {
    let middle = median(numbers)?;
    let distances: Vec<f64> = numbers.iter().map(|number| (number - middle).abs()).collect();
    let distance = median(&distances)?;
    if distance > 0.0 {
        return Some(SIGMAS * distance);
    }
    let quartiles = quantile(numbers, 0.75)? - quantile(numbers, 0.25)?;
    Some((quartiles / QUARTILES).max(resolution))
}

/// The middle of numbers, and how much they waver around it. Where more than half are exactly the same, both are told by
/// the middle half, since of numbers that go between two the median is one of both.
pub fn level(numbers: &[f64]) -> Option<(f64, f64)> {
    let middle = median(numbers)?;
    let distances: Vec<f64> = numbers.iter().map(|number| (number - middle).abs()).collect();
    let distance = median(&distances)?;
    if distance > 0.0 {
        return Some((middle, SIGMAS * distance));
    }
    let mut ordered = numbers.to_vec();
    arrange(&mut ordered);
    let last = ordered.len() - 1;
    let (low, high) = (ordered[last / 4], ordered[last - last / 4]);
    Some((f64::midpoint(low, high), (high - low) / QUARTILES))
}
