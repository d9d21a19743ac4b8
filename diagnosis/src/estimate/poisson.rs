/// The probability that something happens `count` times or more, when `expected` times are expected.
pub fn poisson_tail(count: u32, expected: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    if expected <= 0.0 || !expected.is_finite() {
        return if expected > 0.0 { 1.0 } else { 0.0 };
    }
    let first = f64::from(count);
    // The smaller side is summed, from its largest term on: one less the rest would lose what is small.
    if expected < first { upper(count, expected) } else { (1.0 - lower(count - 1, expected)).clamp(0.0, 1.0) }
}

/// The probability of `count` times or more, which are more than expected.
fn upper(count: u32, expected: f64) -> f64 {
    let (mut sum, mut term, mut times) = (0.0, term(count, expected), f64::from(count));
    while term > sum * 1e-16 {
        sum += term;
        times += 1.0;
        term *= expected / times;
    }
    sum.min(1.0)
}

/// The probability of `count` times or less, which are less than expected.
fn lower(count: u32, expected: f64) -> f64 {
    let (mut sum, mut term, mut times) = (0.0, term(count, expected), f64::from(count));
    while term > sum * 1e-16 {
        sum += term;
        term *= times / expected;
        times -= 1.0;
    }
    sum.min(1.0)
}

/// The probability of exactly so many times.
fn term(times: u32, expected: f64) -> f64 {
    let logarithm: f64 = (1..=times).map(|step| (expected / f64::from(step)).ln()).sum();
    (logarithm - expected).exp()
}
