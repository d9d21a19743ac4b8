//! What the kernel's Wi-Fi says of a connection: `nl80211`.
//!
//! Three answers make a picture: the interface (channel), its one station (the access point: signal, rates, repeats) and
//! the survey of the channel in use (noise, how busy it is). Drivers leave out what their hardware does not count. The
//! name of the network stands in a fourth where the kernel learned it from the access point's calls only.

use super::{Message, Request, attributes, find, messages, number};

/// The family's name.
pub(crate) const NAME: &str = "nl80211";

const GET_INTERFACE: u8 = 5;
const GET_STATION: u8 = 17;
const GET_SCAN: u8 = 32;
const GET_SURVEY: u8 = 50;

const IFINDEX: u16 = 3;
const IFTYPE: u16 = 5;
const MAC: u16 = 6;
const STATION: u16 = 21;
const FREQUENCY: u16 = 38;
const HEARD: u16 = 47;
const SSID: u16 = 52;
const SURVEY: u16 = 84;
const WIDTH: u16 = 159;

/// The interface mode of a machine that joins a network.
const MODE_STATION: u32 = 2;

/// The channel that an interface is on, and whose network it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Name of the network, where the kernel was told it; never leaves the machine in clear.
    pub(crate) network: Option<Vec<u8>>,
    /// Middle of the channel's first 20 MHz.
    pub(crate) frequency_mhz: u32,
    /// Width of the channel.
    pub(crate) width_mhz: Option<u32>,
}

/// The access point as this machine hears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Station {
    /// Hardware address; never leaves the machine in clear.
    pub(crate) access_point: Vec<u8>,
    pub(crate) signal_dbm: Option<i8>,
    pub(crate) transmit: Rate,
    pub(crate) receive: Rate,
    pub(crate) transmit_packets: Option<u32>,
    pub(crate) transmit_retries: Option<u32>,
    pub(crate) beacon_losses: Option<u32>,
}

/// Speed of one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) bits_per_second: Option<u64>,
    /// The standard that this speed belongs to: `n`, `ac`, `ax`, `be`, or `legacy`.
    pub(crate) standard: Option<&'static str>,
}

/// The channel in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) noise_dbm: Option<i8>,
    /// Time spent listening, since the driver began to count.
    pub(crate) active_ms: Option<u64>,
    /// The part of it in which anybody was sending.
    pub(crate) busy_ms: Option<u64>,
}

/// Asks for the channel of the interface numbered `index`.
pub(crate) fn ask_link(family: u16, index: u32) -> Vec<u8> {
    Request::one(family, GET_INTERFACE).number(IFINDEX, index).done()
}

/// Asks for the access point of the interface numbered `index`.
pub(crate) fn ask_station(family: u16, index: u32) -> Vec<u8> {
    Request::dump(family, GET_STATION).number(IFINDEX, index).done()
}

/// Asks for the channels that the interface numbered `index` listened to.
pub(crate) fn ask_survey(family: u16, index: u32) -> Vec<u8> {
    Request::dump(family, GET_SURVEY).number(IFINDEX, index).done()
}

/// Asks for the access points that the interface numbered `index` heard at its last search; starts none.
pub(crate) fn ask_heard(family: u16, index: u32) -> Vec<u8> {
    Request::dump(family, GET_SCAN).number(IFINDEX, index).done()
}

/// The channel of an interface that joins networks; nothing when it is on none, or serves a network itself.
pub(crate) fn link(answer: &[u8]) -> Option<Link> {
    let body = bodies(answer).next()?;
    if number(find(body, IFTYPE)?)? != MODE_STATION {
        return None;
    }
    Some(Link {
        network: find(body, SSID).map(<[u8]>::to_vec),
        frequency_mhz: number(find(body, FREQUENCY)?)?,
        width_mhz: find(body, WIDTH).and_then(number).and_then(width_mhz),
    })
}

/// The name of the network that is joined, from what its access point calls out.
pub(crate) fn joined_network(answer: &[u8]) -> Option<Vec<u8>> {
    const ELEMENTS: u16 = 6;
    const STATUS: u16 = 9;
    const ASSOCIATED: u32 = 1;
    let mut heard = bodies(answer).filter_map(|body| find(body, HEARD));
    let joined = heard.find(|one| find(one, STATUS).and_then(number) == Some(ASSOCIATED))?;
    // An element of a beacon: number, length, content. The name has number 0.
    let mut elements = find(joined, ELEMENTS)?;
    while let [number, length, rest @ ..] = elements {
        let content = rest.get(..usize::from(*length))?;
        if *number == 0 {
            return (!content.is_empty()).then(|| content.to_vec());
        }
        elements = &rest[content.len()..];
    }
    None
}

/// The values of `enum nl80211_chan_width`.
fn width_mhz(code: u32) -> Option<u32> {
    Some(match code {
        0 | 1 => 20,
        2 => 40,
        3 => 80,
        4 | 5 => 160,
        6 => 5,
        7 => 10,
        13 => 320,
        _ => return None,
    })
}

/// The access point; nothing when there is none.
pub(crate) fn station(answer: &[u8]) -> Option<Station> {
    let body = bodies(answer).next()?;
    let mut station = Station { access_point: find(body, MAC)?.to_vec(), ..Station::default() };
    let (mut latest, mut mean) = (None, None);
    for (kind, payload) in attributes(find(body, STATION)?) {
        match kind {
            7 => latest = signed(payload),
            13 => mean = signed(payload),
            8 => station.transmit = rate(payload),
            14 => station.receive = rate(payload),
            10 => station.transmit_packets = number(payload),
            11 => station.transmit_retries = number(payload),
            18 => station.beacon_losses = number(payload),
            _ => {}
        }
    }
    // The mean of the driver is steadier than the strength of one frame.
    station.signal_dbm = mean.or(latest);
    Some(station)
}

fn rate(payload: &[u8]) -> Rate {
    let wide = find(payload, 5).and_then(number);
    let narrow = || Some(u32::from(u16::from_ne_bytes(find(payload, 1)?.get(..2)?.try_into().ok()?)));
    let tenths = wide.or_else(narrow).filter(|rate| *rate > 0);
    let standards = [(19, "be"), (13, "ax"), (6, "ac"), (2, "n")];
    let standard = standards.into_iter().find(|(kind, _)| find(payload, *kind).is_some()).map(|(_, name)| name);
    Rate {
        // The kernel counts in steps of 100 kbit/s.
        bits_per_second: tenths.map(|rate| u64::from(rate) * 100_000),
        standard: tenths.map(|_| standard.unwrap_or("legacy")),
    }
}

/// The channel in use: the one that the driver marks, or where it marks none, the one on `frequency_mhz`.
pub(crate) fn survey(answer: &[u8], frequency_mhz: u32) -> Option<Survey> {
    const FREQUENCY: u16 = 1;
    const IN_USE: u16 = 3;
    let channels: Vec<&[u8]> = bodies(answer).filter_map(|body| find(body, SURVEY)).collect();
    let marked = channels.iter().find(|channel| find(channel, IN_USE).is_some());
    let same = |channel: &&&[u8]| find(channel, FREQUENCY).and_then(number) == Some(frequency_mhz);
    let used = marked.or_else(|| channels.iter().find(same))?;
    Some(Survey {
        noise_dbm: find(used, 2).and_then(signed),
        active_ms: find(used, 4).and_then(long),
        busy_ms: find(used, 5).and_then(long),
    })
}

fn bodies(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    messages(answer).filter_map(|message| match message {
        Message::Body(body) => Some(body),
        Message::End(_) => None,
    })
}

/// Strengths are whole dBm; 0 is what drivers give that cannot measure.
fn signed(payload: &[u8]) -> Option<i8> {
    payload.first().map(|byte| *byte as i8).filter(|dbm| *dbm < 0)
}

fn long(payload: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(payload.get(..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::attribute;
    use super::*;
    use crate::os::netlink::fixture;
    use proptest::prelude::*;

    #[test]
    fn reads_the_channel_of_a_captured_connection() {
        let link = link(&fixture("interface-wlan1")).expect("it had joined");
        assert_eq!(link, Link { network: Some(b"Lab Network".to_vec()), frequency_mhz: 5180, width_mhz: Some(80) });
    }

    #[test]
    fn an_access_point_tells_the_name_of_its_network() {
        assert_eq!(joined_network(&fixture("scan-wlan1")).as_deref(), Some(&b"Lab Network"[..]));
        assert_eq!(joined_network(&fixture("station-wlan1")), None);
    }

    #[test]
    fn reads_the_access_point_of_a_captured_connection() {
        let station = station(&fixture("station-wlan1")).expect("it had one");
        assert_eq!(station.access_point, [0xce, 0x65, 0x38, 0x2e, 0x60, 0x27]);
        assert_eq!(station.signal_dbm, Some(-27));
        assert_eq!(station.transmit, Rate { bits_per_second: Some(1_560_000_000), standard: Some("ac") });
        assert_eq!(station.receive.bits_per_second, Some(13_000_000));
        assert_eq!((station.transmit_packets, station.transmit_retries), (Some(43), Some(0)));
        assert_eq!(station.beacon_losses, Some(0));
    }

    #[test]
    fn reads_the_noise_of_the_channel_in_use() {
        let survey = survey(&fixture("survey-wlan1"), 2412).expect("it is listed");
        assert_eq!(survey.noise_dbm, Some(-92));
        assert_eq!((survey.active_ms, survey.busy_ms), (Some(64), Some(8)));
    }

    #[test]
    fn the_channel_that_the_driver_marks_goes_before_the_one_of_that_number() {
        let channel = |mhz: u32, more: Vec<u8>| {
            let inner = [attribute(1, &mhz.to_ne_bytes()), attribute(2, &[0xa6]), more].concat();
            Request::dump(30, 51).nested(SURVEY, &inner).done()
        };
        let answer = [channel(5180, Vec::new()), channel(5200, attribute(3, &[]))].concat();
        let marked = survey(&answer, 5180).expect("one is marked");
        assert_eq!(marked.noise_dbm, Some(-90));
        assert_eq!(survey(&channel(5180, Vec::new()), 2412), None);
    }

    #[test]
    fn a_rate_belongs_to_the_newest_standard_that_describes_it() {
        let ax = [attribute(5, &12_010_u32.to_ne_bytes()), attribute(13, &[11]), attribute(14, &[2])].concat();
        assert_eq!(rate(&ax), Rate { bits_per_second: Some(1_201_000_000), standard: Some("ax") });
        let old = attribute(1, &540_u16.to_ne_bytes());
        assert_eq!(rate(&old), Rate { bits_per_second: Some(54_000_000), standard: Some("legacy") });
        assert_eq!(rate(&[]), Rate::default(), "an idle direction has no rate, not a rate of zero");
    }

    #[test]
    fn an_access_point_itself_is_no_connection() {
        let body = [attribute(IFTYPE, &3_u32.to_ne_bytes()), attribute(SSID, b"own")].concat();
        let message = Request::one(30, 7);
        let answer = [message.done(), body].concat();
        assert_eq!(link(&answer), None);
    }

    proptest! {
        #[test]
        fn a_damaged_answer_never_panics(at in 0..1200_usize, to in any::<u8>()) {
            for name in ["interface-wlan1", "station-wlan1", "survey-wlan1", "scan-wlan1"] {
                let mut bytes = fixture(name);
                let at = at % bytes.len();
                bytes[at] = to;
                let _ = (link(&bytes), station(&bytes), survey(&bytes, 5180), joined_network(&bytes));
            }
        }
    }
}
