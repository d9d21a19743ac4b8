use super::spread::of_ordered;
use super::{arrange, median};

/// More points than this are made fewer before each is held against each other: 19,900 pairs.
pub const PAIRS_FROM_MAX: usize = 200;
/// Standard deviations to both sides that hold 95 %.
const SIGMAS_95: f64 = 1.96;

/// A straight line through points, in units of `y` by units of `x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Theil-Sen: the median of the slopes of all pairs.
    pub slope: f64,
    /// The median of what is left at `x = 0`.
    pub intercept: f64,
    /// The lower end of Sen's interval: 95 % of such lines are steeper.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Mann-Kendall's sum: pairs that rise less pairs that fall.
    pub rises: f64,
    /// The same as a share of all pairs: 1 always rises, -1 always falls.
    pub tau: f64,
    /// Points that it was made of.
    pub points: usize,
}

/// The line through points in order of `x`; nothing of fewer than three, or when no two differ in `x`. Neighbours of a
/// series are alike, so give it medians of blocks and never raw samples, or it is too sure.
pub fn line(points: &[(f64, f64)]) -> Option<Line> {
    let thin = thinned(points, PAIRS_FROM_MAX);
    let points = thin.as_slice();
    let (mut slopes, mut rises) = (Vec::new(), 0.0);
    for (index, (x, y)) in points.iter().enumerate() {
        for (later_x, later_y) in points[index + 1..].iter().filter(|(later_x, _)| later_x > x) {
            slopes.push((later_y - y) / (later_x - x));
            rises += if later_y > y {
                1.0
            } else if later_y < y {
                -1.0
            } else {
                0.0
            };
        }
    }
    if points.len() < 3 || slopes.is_empty() {
        return None;
    }
    arrange(&mut slopes);
    let slope = of_ordered(&slopes, 0.5)?;
    let rest: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    let (low, high) = interval(&slopes, points.len());
    let tau = rises / slopes.len() as f64;
    Some(Line { slope, intercept: median(&rest)?, low, high, rises, tau, points: points.len() })
}

/// Sen's interval: order statistics of the slopes, as many apart as chance among so many points would have them.
fn interval(slopes: &[f64], points: usize) -> (f64, f64) {
    let (pairs, n) = (slopes.len() as f64, points as f64);
    let width = SIGMAS_95 * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let ranked = |rank: f64| slopes[(rank.clamp(1.0, pairs) - 1.0) as usize];
    (ranked(((pairs - width) / 2.0).floor()), ranked(pairs.midpoint(width).ceil() + 1.0))
}

/// Points in order of `x` as at most so many: the medians of neighbours.
pub fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let together = points.len().div_ceil(most.max(1)).max(1);
    let block = |block: &[(f64, f64)]| {
        let middle = |of: fn(&(f64, f64)) -> f64| median(&block.iter().map(of).collect::<Vec<f64>>());
        Some((middle(|point| point.0)?, middle(|point| point.1)?))
    };
    points.chunks(together).filter_map(block).collect()
}
