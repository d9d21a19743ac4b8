/// A one-sided sum of what numbers have above their allowance (CUSUM), and where it left zero for the last time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cusum {
    sum: f64,
    since: usize,
}

impl Cusum {
    /// Adds what the number at a place has above its allowance; where the sum left zero, when it has passed `alarm`.
    pub fn step(&mut self, above: f64, place: usize, alarm: f64) -> Option<usize> {
        if self.sum == 0.0 {
            self.since = place;
        }
        self.sum = (self.sum + above).max(0.0);
        (self.sum > alarm).then_some(self.since)
    }
}

/// Since when numbers are higher than `usual`: the place where the sum of what they have above `usual + slack` left zero
/// for the last time before it passed `alarm`. Nothing when it never did.
///
/// With numbers in units of their spread, a slack of 0.5 and an alarm at 5 see a rise of one such unit within about ten
/// numbers, and are wrong once in about nine hundred.
pub fn onset(numbers: &[f64], usual: f64, slack: f64, alarm: f64) -> Option<usize> {
    let mut sum = Cusum::default();
    numbers.iter().enumerate().find_map(|(place, number)| sum.step(number - usual - slack, place, alarm))
}
