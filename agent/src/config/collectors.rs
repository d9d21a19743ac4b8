//! Where a collector is: one address, or several of the same collector's replicas, tried in the order in which they stand.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Address;

/// Addresses at most. A name may have more of its own.
const ADDRESSES_MAX: usize = 8;

/// At least one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collectors(Vec<Address>);

impl Collectors {
    /// The one that is tried first.
    pub fn first(&self) -> &Address {
        &self.0[0]
    }

    /// All of them, in order.
    pub fn all(&self) -> &[Address] {
        &self.0
    }

    /// The same, `address` before the others.
    pub fn beginning_with(&self, address: Address) -> Self {
        let others = self.0.iter().filter(|one| **one != address).cloned();
        Self(std::iter::once(address.clone()).chain(others).collect())
    }

    /// The same, those after `address` before it and what stands before it.
    pub fn going_on_after(&self, address: &Address) -> Self {
        let mut turned = self.0.clone();
        let place = turned.iter().position(|one| one == address).map_or(0, |place| place + 1);
        turned.rotate_left(place % self.0.len());
        Self(turned)
    }
}

impl From<Address> for Collectors {
    fn from(address: Address) -> Self {
        Self(vec![address])
    }
}

impl fmt::Display for Collectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Collectors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Collectors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HOST:PORT in quotes, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Collectors, E> {
        text.parse::<Address>().map(Collectors::from).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Collectors, A::Error> {
        let mut addresses: Vec<Address> = Vec::new();
        while let Some(address) = list.next_element()? {
            if addresses.contains(&address) {
                return Err(de::Error::custom(format_args!("{address} stands in the list twice")));
            }
            addresses.push(address);
        }
        match addresses.len() {
            1..=ADDRESSES_MAX => Ok(Collectors(addresses)),
            count => {
                Err(de::Error::custom(format_args!("the list has {count} addresses; it must be 1 to {ADDRESSES_MAX}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn read(text: &str) -> Result<String, String> {
        let config = Config::parse(text).map_err(|error| error.to_string())?;
        Ok(config.collector.map(|collectors| collectors.to_string()).unwrap_or_default())
    }

    #[test]
    fn one_address_or_a_list_of_them() {
        assert_eq!(read("collector = 'a.example'").as_deref(), Ok("a.example:7443"));
        assert_eq!(
            read("collector = ['a.example', '[2001:db8::1]:9']").as_deref(),
            Ok("a.example:7443, [2001:db8::1]:9")
        );
        for (text, why) in [
            ("collector = []", "the list has 0 addresses"),
            ("collector = ['a', 'a']", "a:7443 stands in the list twice"),
            ("collector = ['a', 'b c']", "is not HOST:PORT"),
            ("collector = 7443", "HOST:PORT in quotes"),
        ] {
            assert!(read(text).expect_err(text).contains(why), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn the_order_turns_to_the_next_and_keeps_all() {
        let collectors = Config::parse("collector = ['a:1', 'b:1', 'c:1']").expect("good").collector.expect("there");
        let b = collectors.all()[1].clone();
        assert_eq!(collectors.going_on_after(&b).to_string(), "c:1, a:1, b:1");
        assert_eq!(collectors.going_on_after(&collectors.all()[2]).to_string(), "a:1, b:1, c:1");
        assert_eq!(collectors.beginning_with(b).to_string(), "b:1, a:1, c:1");
        let other = "d:1".parse().expect("an address");
        assert_eq!(collectors.beginning_with(other).to_string(), "d:1, a:1, b:1, c:1");
    }
}
