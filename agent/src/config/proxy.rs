use std::path::PathBuf;

use serde::Deserialize;

use super::Address;

/// `[proxy]`
///
/// Proxy auto-configuration scripts (PAC) are not evaluated: name the proxy here where a script decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyConfig {
    /// `http://HOST:PORT` of the proxy to the collector, or `direct` for none. Default: what the environment says
    /// (`HTTPS_PROXY`, `NO_PROXY`, also in `/etc/environment`), else none.
    pub url: Option<ProxyUrl>,
    /// A file with `NAME:PASSWORD` for the proxy. Default: the environment variable `FIRSTLINE_PROXY_CREDENTIALS`, else
    /// none.
    pub credentials_file: Option<PathBuf>,
}

/// What stands in `proxy.url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyUrl {
    /// No proxy, whatever the environment says.
    Direct,
    /// An HTTP proxy.
    Http(Address),
}

/// The usual port of HTTP, which a proxy without one has.
const HTTP_PORT: u16 = 80;

impl ProxyUrl {
    /// `HOST:PORT` of a proxy; the port is 80 when left out.
    pub(crate) fn place(text: &str) -> Option<Address> {
        let mut address: Address = text.parse().ok()?;
        let named = text.rsplit_once(']').map_or(text, |(_, rest)| rest).contains(':');
        if !named {
            address.port = HTTP_PORT;
        }
        Some(address)
    }
}

impl std::str::FromStr for ProxyUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "direct" {
            return Ok(Self::Direct);
        }
        let fail = |why: &str| format!("{why}; it must be \"direct\" or like http://proxy.example.com:3128");
        let rest = text.strip_prefix("http://").ok_or_else(|| fail("the proxy is not an http:// address"))?;
        if rest.contains('@') {
            return Err(fail("a name and password belong into proxy.credentials_file, not into the address"));
        }
        Self::place(rest.trim_end_matches('/')).map(Self::Http).ok_or_else(|| fail("the proxy's address does not read"))
    }
}

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write_and_says_what_is_wrong() {
        let url = |text: &str| text.parse::<ProxyUrl>();
        assert_eq!(url("direct"), Ok(ProxyUrl::Direct));
        assert_eq!(url("http://p:3128/"), Ok(ProxyUrl::Http("p:3128".parse().expect("an address"))));
        assert_eq!(url("http://p"), Ok(ProxyUrl::Http("p:80".parse().expect("an address"))));
        assert_eq!(url("http://[2001:db8::1]"), Ok(ProxyUrl::Http("[2001:db8::1]:80".parse().expect("an address"))));
        assert!(url("socks5://p:1").expect_err("another kind").contains("not an http://"));
        assert!(url("http://ann:x@p:1").expect_err("a secret").contains("credentials_file"));
    }
}
