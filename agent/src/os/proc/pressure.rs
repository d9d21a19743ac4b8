//! `/proc/pressure/{cpu,memory,io}`.

/// Share of time (0 to 1) in which tasks stalled, averaged over 10, 60 and 300 seconds.
pub(crate) type Averages = [f64; 3];

/// The attribute values that belong to [`Averages`], in order.
pub(crate) const WINDOWS: [&str; 3] = ["avg10", "avg60", "avg300"];

/// What the kernel says about one resource.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Pressure {
    /// At least one task stalled.
    pub(crate) some: Option<Averages>,
    /// All tasks that were not idle stalled.
    pub(crate) full: Option<Averages>,
}

/// Parses one pressure file.
pub(crate) fn parse(text: &str) -> Pressure {
    let mut pressure = Pressure::default();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("some", rest)) => pressure.some = averages(rest),
            Some(("full", rest)) => pressure.full = averages(rest),
            _ => {}
        }
    }
    pressure
}

fn averages(line: &str) -> Option<Averages> {
    let mut averages = [None; 3];
    for (name, percent) in line.split_ascii_whitespace().filter_map(|word| word.split_once('=')) {
        if let Some(index) = WINDOWS.iter().position(|window| *window == name) {
            averages[index] = percent.parse::<f64>().ok().filter(|percent| percent.is_finite());
        }
    }
    let [ten, sixty, three_hundred] = averages;
    Some([ten? / 100.0, sixty? / 100.0, three_hundred? / 100.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_percent_as_shares() {
        let pressure = parse(
            "some avg10=1.50 avg60=0.08 avg300=0.25 total=19094574\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        );
        assert_eq!(pressure.some, Some([0.015, 0.0008, 0.0025]));
        assert_eq!(pressure.full, Some([0.0; 3]));
    }

    #[test]
    fn a_kernel_without_full_for_the_processor_has_none() {
        assert_eq!(parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n").full, None);
    }

    #[test]
    fn a_torn_line_is_no_value() {
        for text in
            ["", "some", "some avg10=1 avg60=2", "some avg10=x avg60=1 avg300=1", "some avg10=inf avg60=1 avg300=1"]
        {
            assert_eq!(parse(text), Pressure::default(), "{text:?}");
        }
    }
}
