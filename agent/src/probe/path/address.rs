use std::net::{IpAddr, Ipv4Addr};

/// Whether the address is one that the internet leads to, and no private network.
pub(in crate::probe) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let inside = four.is_private() || four.is_loopback() || four.is_link_local() || is_carrier_grade(four);
            !inside && !four.is_unspecified() && !four.is_broadcast()
        }
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => is_public(IpAddr::V4(four)),
            None => {
                !(six.is_unique_local() || six.is_loopback() || six.is_unicast_link_local() || six.is_unspecified())
            }
        },
    }
}

/// 100.64.0.0/10, which providers share among customers.
fn is_carrier_grade(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0xc0 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_house_from_the_world() {
        for inside in ["10.1.2.3", "127.0.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "fe80::1", "fd00::1", "::1"] {
            assert!(!is_public(inside.parse().expect("an address")), "{inside}");
        }
        for outside in ["203.0.113.9", "100.128.0.1", "2001:db8::1", "::ffff:198.51.100.1"] {
            assert!(is_public(outside.parse().expect("an address")), "{outside}");
        }
        assert!(!is_public("::ffff:10.0.0.1".parse().expect("an address")));
    }
}
