//! `/proc/net/dev`.

/// Totals of one interface since it appeared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) interface: String,
    pub(crate) receive: Flow,
    pub(crate) transmit: Flow,
}

/// Totals of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    pub(crate) errors: u64,
    pub(crate) dropped: u64,
}

/// Parses `/proc/net/dev`; its two lines of heads have no colon.
pub(crate) fn parse(text: &str) -> Vec<Traffic> {
    text.lines().filter_map(traffic).collect()
}

fn traffic(line: &str) -> Option<Traffic> {
    let (name, numbers) = line.rsplit_once(':')?;
    let numbers: Vec<u64> = numbers.split_ascii_whitespace().map_while(|number| number.parse().ok()).collect();
    let flow = |at: usize| {
        let [bytes, packets, errors, dropped] = *numbers.get(at..at + 4)? else { return None };
        Some(Flow { bytes, packets, errors, dropped })
    };
    Some(Traffic { interface: name.trim().to_owned(), receive: flow(0)?, transmit: flow(8)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0:267093647    7580    1    2    0     0          0         0   388086    4130    3    4    0     0       0          0
";

    #[test]
    fn reads_both_directions_even_without_a_blank_after_the_name() {
        let all = parse(DEV);
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].interface, "eth0");
        assert_eq!(all[1].receive, Flow { bytes: 267_093_647, packets: 7580, errors: 1, dropped: 2 });
        assert_eq!(all[1].transmit, Flow { bytes: 388_086, packets: 4130, errors: 3, dropped: 4 });
    }

    #[test]
    fn a_torn_line_is_nothing() {
        assert_eq!(parse("eth0: 1 2 3\neth1: a\n:\n"), []);
    }
}
