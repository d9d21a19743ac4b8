//! `/proc/asound/pcm`: what sound can come out of and go into.

/// How many endpoints there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Endpoints {
    /// Loudspeakers and headphones.
    pub(crate) playback: u64,
    /// Microphones.
    pub(crate) capture: u64,
}

/// Counts the endpoints: `00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1`.
pub(crate) fn endpoints(pcm: &str) -> Endpoints {
    let mut endpoints = Endpoints::default();
    for part in pcm.lines().flat_map(|line| line.split(" : ").skip(1)) {
        match part.trim().split_once(' ') {
            Some(("playback", _)) => endpoints.playback += 1,
            Some(("capture", _)) => endpoints.capture += 1,
            _ => {}
        }
    }
    endpoints
}

/// Whether a stream runs, by `/proc/asound/card*/pcm*/sub*/status`.
pub(crate) fn is_running(status: &str) -> bool {
    status.lines().any(|line| line.trim_start().starts_with("state: RUNNING"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_plays_and_what_listens() {
        let pcm =
            "00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1\n00-03: HDMI 0 : HDMI 0 : playback 1\n";
        assert_eq!(endpoints(pcm), Endpoints { playback: 2, capture: 1 });
        assert_eq!(endpoints(""), Endpoints::default());
        assert_eq!(endpoints("playback capture : odd"), Endpoints::default());
    }

    #[test]
    fn a_closed_stream_does_not_run() {
        assert!(is_running("state: RUNNING\nowner_pid   : 77\n"));
        assert!(!is_running("closed\n"));
    }
}
