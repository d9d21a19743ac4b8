/// What each of many tests is worth when all of them are told (Benjamini and Hochberg): the share of false discoveries
/// among it and all that is at least as sure. In the order of `p`.
pub(super) fn adjusted(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|one, other| p[*other].total_cmp(&p[*one]));
    let (mut q, mut least) = (vec![1.0; p.len()], 1.0_f64);
    for (place, index) in order.into_iter().enumerate() {
        let rank = (p.len() - place) as f64;
        least = least.min(p[index] * p.len() as f64 / rank);
        q[index] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::adjusted;

    #[test]
    fn agrees_with_the_book() {
        let q = adjusted(&[0.01, 0.04, 0.03, 0.005]);
        for (found, wanted) in q.iter().zip([0.02, 0.04, 0.04, 0.02]) {
            assert!((found - wanted).abs() < 1e-12, "{q:?}");
        }
        assert!(adjusted(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn keeps_the_order_and_never_makes_surer(p in prop::collection::vec(0.0..=1.0f64, 1..40)) {
            let q = adjusted(&p);
            for (one, p_one) in q.iter().zip(&p) {
                prop_assert!(*one >= *p_one - 1e-12 && *one <= 1.0);
                for (other, p_other) in q.iter().zip(&p) {
                    prop_assert!(p_one > p_other || one <= other);
                }
            }
        }
    }
}
