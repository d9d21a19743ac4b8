/// Since when numbers are higher than `usual`: the place where the sum of what they have above `usual + slack` left zero
/// for the last time before it passed `alarm` (a one-sided CUSUM). Nothing when it never did.
///
/// With numbers in units of their spread, a slack of 0.5 and an alarm at 5 see a rise of one such unit within about ten
/// numbers, and are wrong once in about nine hundred.
pub fn onset(numbers: &[f64], usual: f64, slack: f64, alarm: f64) -> Option<usize> {
    let (mut sum, mut since) = (0.0_f64, 0);
    for (place, number) in numbers.iter().enumerate() {
        if sum == 0.0 {
            since = place;
        }
        sum = (sum + number - usual - slack).max(0.0);
        if sum > alarm {
            return Some(since);
        }
    }
    None
}
