//! Which way to take to a collector: straight, or through an HTTP proxy.
//!
//! `[proxy]` in `agent.toml` decides; without it the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) and then the
//! system's own list of environment variables do. A proxy of the environment is meant for other programs as well, so when
//! it does not let the agent through, the straight way is tried, too; a configured one is the only way.
//!
//! Not for: proxy auto-configuration scripts. They are programs that a network hands out, and the agent runs none; where
//! a script decides, name the proxy in `agent.toml`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::config::{Address, ProxyConfig, ProxyUrl};

/// An HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    pub address: Address,
    /// Who asks.
    pub credentials: Option<Credentials>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// A name and a password, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(String);

impl Credentials {
    /// `name:password`, for the proxy alone.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

impl FromStr for Credentials {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_end_matches(['\r', '\n']);
        if !text.contains(':') || text.chars().any(char::is_control) || text.len() > 512 {
            return Err("is not NAME:PASSWORD in one line");
        }
        Ok(Self(text.to_owned()))
    }
}

/// The way to one collector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// Through this proxy; straight when absent.
    pub proxy: Option<Proxy>,
    /// Whether the straight way may be tried when the proxy does not let us through.
    pub or_straight: bool,
}

/// Ways to collectors, as this machine is configured.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    chosen: Chosen,
    exempt: Vec<String>,
}

/// What is to be used.
#[derive(Debug, Clone, Default)]
enum Chosen {
    /// No proxy.
    #[default]
    Straight,
    /// This one, as the configuration says.
    Configured(Proxy),
    /// This one where it fits, as the environment says.
    Environment(Proxy),
}

/// Where variables come from: the process, or a file that looks like `/etc/environment`.
type Look<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Routes {
    /// From the configuration, this process's environment and the system's below `root`.
    pub fn of_this_machine(config: &ProxyConfig, root: &Path) -> Result<Self, String> {
        let system = std::fs::read_to_string(root.join("etc/environment")).unwrap_or_default();
        let process = |name: &str| std::env::var(name).ok();
        Self::new(config, &process, &|name| variable(&system, name))
    }

    fn new(config: &ProxyConfig, process: Look, system: Look) -> Result<Self, String> {
        let look = |name: &str| process(name).or_else(|| system(name)).filter(|text| !text.trim().is_empty());
        let either = |name: &str| look(name).or_else(|| look(&name.to_ascii_lowercase()));
        let environment = || either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")).and_then(|text| from_url(&text));
        let chosen = match &config.url {
            None => environment().map_or(Chosen::Straight, Chosen::Environment),
            Some(ProxyUrl::Direct) => Chosen::Straight,
            Some(ProxyUrl::Http(address)) => {
                Chosen::Configured(Proxy { address: address.clone(), credentials: credentials(config, &look)? })
            }
        };
        let listed = either("NO_PROXY").unwrap_or_default();
        let exempt = listed.split([',', ' ']).map(|one| one.trim().to_ascii_lowercase());
        Ok(Self { chosen, exempt: exempt.filter(|one| !one.is_empty()).collect() })
    }

    /// The way to `collector`.
    pub fn to(&self, collector: &Address) -> Route {
        match &self.chosen {
            Chosen::Configured(proxy) => Route { proxy: Some(proxy.clone()), or_straight: false },
            Chosen::Environment(proxy) if !self.is_exempt(&collector.host) => {
                Route { proxy: Some(proxy.clone()), or_straight: true }
            }
            Chosen::Environment(_) | Chosen::Straight => Route::default(),
        }
    }

    /// Hosts on the list, hosts below a domain on the list, and this machine itself need no proxy.
    fn is_exempt(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let listed = |one: &String| {
            let domain = one.trim_start_matches('*').trim_start_matches('.');
            one == "*" || host == domain || (!domain.is_empty() && host.ends_with(&format!(".{domain}")))
        };
        loopback || host == "localhost" || self.exempt.iter().any(listed)
    }
}

fn credentials(config: &ProxyConfig, look: Look) -> Result<Option<Credentials>, String> {
    if let Some(path) = &config.credentials_file {
        let text = std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))?;
        return text.parse().map(Some).map_err(|why| format!("{} {why}", path.display()));
    }
    let given = look("FIRSTLINE_PROXY_CREDENTIALS").map(|text| text.parse());
    given.transpose().map_err(|why| format!("FIRSTLINE_PROXY_CREDENTIALS {why}"))
}

/// A proxy as the environment writes it, with or without a name and password. Nothing when it is of a kind that the
/// agent does not speak.
fn from_url(text: &str) -> Option<Proxy> {
    let rest = match text.trim().split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some(_) => return None,
        None => text.trim(),
    };
    let rest = rest.split('/').next()?;
    let (who, place) = rest.rsplit_once('@').map_or((None, rest), |(who, place)| (Some(who), place));
    let address = ProxyUrl::place(place)?;
    let credentials = who.map(unescaped).and_then(|who| who.parse().ok());
    Some(Proxy { address, credentials })
}

/// `%40` and its like.
fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| byte == b'%');
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value of a variable in a text like `/etc/environment`.
fn variable(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().rev().map(|line| line.trim().trim_start_matches("export ").trim());
    let (_, value) = lines.filter_map(|line| line.split_once('=')).find(|(one, _)| one.trim() == name)?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(config: &str, process: &[(&str, &str)], system: &str) -> Result<Routes, String> {
        let config = crate::config::Config::parse(config).expect("a configuration").proxy;
        let process: std::collections::BTreeMap<_, _> = process.iter().copied().collect();
        Routes::new(&config, &|name| process.get(name).map(|text| (*text).to_owned()), &|name| variable(system, name))
    }

    fn way(routes: &Routes, collector: &str) -> Option<String> {
        routes.to(&collector.parse().expect("an address")).proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn without_a_word_the_way_is_straight() {
        let routes = routes("", &[], "PATH=/bin\n").expect("nothing is wrong");
        assert_eq!(routes.to(&"c.example".parse().expect("an address")), Route::default());
    }

    #[test]
    fn the_configuration_decides_alone() {
        let environment = [("HTTPS_PROXY", "http://other:1"), ("FIRSTLINE_PROXY_CREDENTIALS", "ann:x")];
        let configured = routes("[proxy]\nurl = 'http://p.example:3128'", &environment, "").expect("right");
        let route = configured.to(&"localhost:1".parse().expect("an address"));
        assert_eq!(route.proxy.as_ref().map(ToString::to_string).as_deref(), Some("p.example:3128"));
        assert!(!route.or_straight && route.proxy.is_some_and(|proxy| proxy.credentials.is_some()));
        let direct = routes("[proxy]\nurl = 'direct'", &environment, "").expect("right");
        assert_eq!(way(&direct, "c.example"), None);
        let missing = routes("[proxy]\nurl = 'http://p:1'\ncredentials_file = '/nowhere'", &[], "");
        assert!(missing.expect_err("no such file").contains("/nowhere"));
    }

    #[test]
    fn the_environment_counts_and_its_exemptions_do() {
        let some =
            [("https_proxy", "http://ann:p%40ss@p.example:8080/"), ("NO_PROXY", "intern.example, .lab,10.0.0.7")];
        let found = routes("", &some, "").expect("right");
        let cases = [
            ("c.example", true),
            ("intern.example", false),
            ("c.intern.example", false),
            ("xintern.example", true),
            ("c.lab", false),
            ("10.0.0.7", false),
            ("127.0.0.1", false),
            ("localhost", false),
        ];
        for (host, proxied) in cases {
            assert_eq!(way(&found, host).is_some(), proxied, "{host}");
        }
        let route = found.to(&"c.example".parse().expect("an address"));
        assert!(route.or_straight);
        assert_eq!(route.proxy.and_then(|proxy| proxy.credentials), Some("ann:p@ss".parse().expect("right")));
    }

    #[test]
    fn the_systems_list_is_read_when_the_process_has_none() {
        let system = "# proxies\nHTTPS_PROXY=\"http://sys.example:3128\"\nexport no_proxy='.corp'\n";
        let found = routes("", &[], system).expect("right");
        assert_eq!(way(&found, "c.example").as_deref(), Some("sys.example:3128"));
        assert_eq!(way(&found, "a.corp"), None);
        assert_eq!(way(&routes("", &[("HTTPS_PROXY", "socks5://s:1")], "").expect("right"), "c.example"), None);
    }

    #[test]
    fn a_password_is_not_printed() {
        let found = routes("", &[("HTTPS_PROXY", "http://ann:hush@p:1")], "").expect("right");
        assert!(!format!("{found:?}").contains("hush"));
    }
}
