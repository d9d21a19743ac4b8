//! Neighbours on the link, as the kernel's routing family tells them.

use std::net::IpAddr;
use std::time::Duration;

use super::{DUMP, Message, REQUEST, Request, attributes, messages, number};
use crate::os::neighbour::{Entry, State};

const GET: u16 = 30;
/// Behind the first four bytes of a neighbour's head: the interface, the state, flags and type.
const REST_OF_HEAD: usize = 8;
const ADDRESS: u16 = 1;
const HARDWARE: u16 = 2;
const TIMES: u16 = 3;
/// The kernel counts these times in hundredths of a second for programs.
const TICKS_A_SECOND: f64 = 100.0;

const ASKING: u16 = 0x01;
const FAILED: u16 = 0x20;
const FIXED: u16 = 0x40 | 0x80;

/// Asks for every neighbour of the family of `address`.
pub(crate) fn ask(address: IpAddr) -> Vec<u8> {
    const INET: u8 = 2;
    const INET6: u8 = 10;
    let family = if address.is_ipv4() { INET } else { INET6 };
    Request::new(GET, REQUEST | DUMP, [family, 0, 0, 0]).head(&[0; REST_OF_HEAD]).done()
}

/// The entry about `address`, on whatever interface.
pub(crate) fn find(answer: &[u8], address: IpAddr) -> Option<Entry> {
    let wanted = match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    };
    messages(answer).find_map(|message| match message {
        Message::Body(body) => entry(body, &wanted),
        Message::End(_) => None,
    })
}

fn entry(body: &[u8], wanted: &[u8]) -> Option<Entry> {
    let state = u16::from_ne_bytes(body.get(4..6)?.try_into().ok()?);
    let rest = body.get(REST_OF_HEAD..)?;
    if super::find(rest, ADDRESS)? != wanted {
        return None;
    }
    let mut hardware = None;
    let mut heard_ago = None;
    for (kind, payload) in attributes(rest) {
        match kind {
            HARDWARE if payload.iter().any(|byte| *byte != 0) => hardware = Some(written(payload)),
            TIMES => {
                heard_ago = number(payload).map(|ticks| Duration::from_secs_f64(f64::from(ticks) / TICKS_A_SECOND));
            }
            _ => {}
        }
    }
    Some(Entry { state: meaning(state), hardware, heard_ago })
}

fn meaning(state: u16) -> State {
    if state & FIXED != 0 {
        State::Fixed
    } else if state & FAILED != 0 {
        State::Failed
    } else if state & ASKING != 0 || state == 0 {
        State::Asking
    } else {
        State::Known
    }
}

fn written(hardware: &[u8]) -> String {
    hardware.iter().take(20).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::netlink::attribute;
    use proptest::prelude::*;

    /// A message about 192.0.2.1 as the kernel sends it.
    fn told(state: u16, ticks: u32) -> Vec<u8> {
        let head = [&2_u32.to_ne_bytes()[..], &state.to_ne_bytes(), &[0, 1]].concat();
        let times = [ticks.to_ne_bytes(), [0; 4], [0; 4], [0; 4]].concat();
        let mut request = Request::new(28, 0, [2, 0, 0, 0]).head(&head);
        request.0.extend(attribute(ADDRESS, &[192, 0, 2, 1]));
        request.0.extend(attribute(HARDWARE, &[2, 0xfc, 0, 0, 0, 5]));
        request.0.extend(attribute(TIMES, &times));
        request.done()
    }

    fn found(state: u16) -> Entry {
        find(&told(state, 1250), IpAddr::from([192, 0, 2, 1])).expect("it is there")
    }

    #[test]
    fn reads_address_state_and_age() {
        let entry = found(0x04);
        assert_eq!(entry.hardware.as_deref(), Some("02:fc:00:00:00:05"));
        assert_eq!((entry.state, entry.heard_ago), (State::Known, Some(Duration::from_millis(12_500))));
        assert_eq!(find(&told(2, 0), IpAddr::from([192, 0, 2, 2])), None);
    }

    #[test]
    fn knows_the_kernels_states() {
        let states = [0x01, 0x02, 0x08, 0x10, 0x20, 0x80, 0].map(|state| found(state).state);
        use State::{Asking, Failed, Fixed, Known};
        assert_eq!(states, [Asking, Known, Known, Known, Failed, Fixed, Asking]);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = find(&bytes, IpAddr::from([192, 0, 2, 1]));
        }
    }
}
