//! How this machine is told to reach the web: what stands in environment files, in dconf key files and in KDE's.
//!
//! A user name and password in a setting are for the proxy alone: they are kept apart and never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

/// What one place says about proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// Everything goes directly.
    Direct,
    /// Through this server.
    Manual(Server),
    /// A script says through which; absent when the setting names no place for it.
    Script(Option<Server>, String),
    /// The network is asked for a script.
    Automatic,
}

/// A proxy server, or the server that a script comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// `http`, `https`, `socks5` and the like, in lower case.
    pub(crate) scheme: String,
    /// Name or address, in lower case.
    pub(crate) host: String,
    /// Port; the scheme's own where none is given.
    pub(crate) port: u16,
    /// What the proxy wants to be shown.
    pub(crate) credentials: Option<Credentials>,
}

/// `user:password` as it stands in the setting.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials(String);

impl Deref for Credentials {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

impl Proxy {
    /// The word for what is set.
    pub(crate) fn mode(&self) -> &'static str {
        match self {
            Self::Direct => "none",
            Self::Manual(_) => "manual",
            Self::Script(..) => "pac",
            Self::Automatic => "auto",
        }
    }

    /// The server that everything depends on.
    pub(crate) fn server(&self) -> Option<&Server> {
        match self {
            Self::Manual(server) | Self::Script(Some(server), _) => Some(server),
            _ => None,
        }
    }

    /// A script at `url`. What is kept of the place has no user name in it.
    pub(crate) fn script(url: &str) -> Self {
        let server = Server::parse(url);
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self::Script(server, format!("{scheme}://{authority}{path}"))
    }
}

impl Server {
    /// Reads `[scheme://][user[:password]@]host[:port][/...]`.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let authority = rest.split(['/', '?', '#']).next()?;
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(Credentials(credentials.to_owned())), host),
            None => (None, authority),
        };
        let (host, port) = split_port(host)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = port.unwrap_or(match scheme.as_str() {
            "https" => 443,
            "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => 1080,
            _ => 80,
        });
        (!host.is_empty()).then(|| Self { scheme, host: host.to_ascii_lowercase(), port, credentials })
    }
}

/// A host, which may be an IPv6 address in brackets, and its port. A port that is none makes the setting unusable.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let after_bracket = text.rfind(']').map_or(0, |at| at + 1);
    match text[after_bracket..].rfind(':') {
        Some(at) => {
            let (host, port) = text.split_at(after_bracket + at);
            Some((host, Some(port[1..].parse().ok()?)))
        }
        None => Some((text, None)),
    }
}

/// What variables of an environment say, one `NAME=value` each; nothing when none of them is about proxies.
pub(crate) fn environment<'a>(variables: impl IntoIterator<Item = &'a str>) -> Option<Proxy> {
    let mut found = BTreeMap::new();
    for (name, value) in variables.into_iter().filter_map(|variable| variable.trim().split_once('=')) {
        let name = name.trim().trim_start_matches("export ").trim().to_ascii_lowercase();
        found.insert(name, unquote(value).to_owned());
    }
    // What most programs of the web go through first.
    let names = ["https_proxy", "all_proxy", "http_proxy"];
    let set = names.into_iter().filter_map(|name| found.get(name)).find(|value| !value.is_empty())?;
    Server::parse(set).map(Proxy::Manual)
}

/// What a dconf key file or a GSettings override says: groups `[system/proxy]` or `[org.gnome.system.proxy]`, and those of
/// the protocols below them.
pub(crate) fn gnome(text: &str) -> Option<Proxy> {
    let keys = groups(text);
    let key = |group: &str, name: &str| {
        let (path, schema) = (format!("system/proxy{group}"), format!("org/gnome/system/proxy{group}"));
        let value = keys.get(&(path, name.to_owned())).or_else(|| keys.get(&(schema, name.to_owned())))?;
        Some(unquote(value).to_owned())
    };
    match key("", "mode")?.as_str() {
        "manual" => ["/https", "/http", "/socks"].into_iter().find_map(|group| {
            let (host, port) = (key(group, "host")?, key(group, "port")?);
            // A host without a port is how the desktop says that this protocol has no proxy.
            let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
            let scheme = if group == "/socks" { "socks5" } else { "http" };
            Server::parse(&format!("{scheme}://{host}:{port}")).map(Proxy::Manual)
        }),
        "auto" => match key("", "autoconfig-url").filter(|url| !url.is_empty()) {
            Some(url) => Some(Proxy::script(&url)),
            None => Some(Proxy::Automatic),
        },
        _ => Some(Proxy::Direct),
    }
}

/// What KDE's `kioslaverc` says.
pub(crate) fn kde(text: &str) -> Option<Proxy> {
    let keys = groups(text);
    let key = |name: &str| keys.get(&("Proxy Settings".to_owned(), name.to_owned())).map(String::as_str);
    match key("ProxyType")? {
        "1" | "4" => {
            let set = key("httpsProxy").or_else(|| key("httpProxy"))?;
            // KDE writes a blank between host and port.
            Server::parse(&set.trim().replace(' ', ":")).map(Proxy::Manual)
        }
        "2" => Some(Proxy::script(key("Proxy Config Script")?)),
        "3" => Some(Proxy::Automatic),
        _ => Some(Proxy::Direct),
    }
}

/// The keys of a file with `[groups]` of `key=value` lines. A group named with dots is the same as one with slashes.
fn groups(text: &str) -> BTreeMap<(String, String), String> {
    let (mut group, mut keys) = (String::new(), BTreeMap::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = name.replace('.', "/");
        } else if let Some((name, value)) = line.split_once('=') {
            keys.insert((group.clone(), name.trim().to_owned()), value.trim().to_owned());
        }
    }
    keys
}

fn unquote(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn server(scheme: &str, host: &str, port: u16) -> Server {
        Server { scheme: scheme.to_owned(), host: host.to_owned(), port, credentials: None }
    }

    #[test]
    fn user_names_and_passwords_are_never_printed() {
        let proxy = environment(["export HTTPS_PROXY=\"http://ada:geheim@Proxy.corp.example:3128/\""]).expect("set");
        let server = proxy.server().expect("a server");
        assert_eq!((server.host.as_str(), server.port), ("proxy.corp.example", 3128));
        assert_eq!(server.credentials.as_deref(), Some("ada:geheim"));
        let script = Proxy::script("http://ada:geheim@wpad.corp.example/p.pac?x=1");
        assert!(!format!("{script:?}{proxy:?}").contains("geheim"));
        assert!(matches!(&script, Proxy::Script(Some(_), url) if url == "http://wpad.corp.example/p.pac?x=1"));
    }

    #[test]
    fn an_environment_without_a_word_about_proxies_says_nothing() {
        assert_eq!(environment(["PATH=/bin", "no_proxy=localhost", "http_proxy="]), None);
        assert_eq!(environment(["http_proxy=http://proxy:notaport"]), None);
    }

    #[test]
    fn a_port_may_be_left_out_and_an_address_may_have_colons() {
        assert_eq!(Server::parse("https://proxy"), Some(server("https", "proxy", 443)));
        assert_eq!(Server::parse("socks5://[2001:db8::1]"), Some(server("socks5", "[2001:db8::1]", 1080)));
        assert_eq!(Server::parse("[2001:db8::1]:8080"), Some(server("http", "[2001:db8::1]", 8080)));
        assert_eq!(Server::parse("http://"), None);
    }

    #[test]
    fn reads_a_key_file_of_dconf() {
        let manual = "[system/proxy]\nmode='manual'\n[system/proxy/http]\nhost='proxy.corp.example'\nport=8080\n";
        assert_eq!(gnome(manual), Some(Proxy::Manual(server("http", "proxy.corp.example", 8080))));
        let script = "[org.gnome.system.proxy]\nmode='auto'\nautoconfig-url='http://wpad/wpad.dat'\n";
        assert_eq!(gnome(script).map(|proxy| proxy.mode()), Some("pac"));
        assert_eq!(gnome("[system/proxy]\nmode='auto'\n"), Some(Proxy::Automatic));
        assert_eq!(gnome("[system/proxy]\nmode='none'\n"), Some(Proxy::Direct));
        assert_eq!(gnome("[other]\nmode='manual'\n"), None);
    }

    #[test]
    fn reads_the_file_of_kde() {
        let manual = "[Proxy Settings]\nProxyType=1\nhttpProxy=http://proxy.corp.example 3128\n";
        assert_eq!(kde(manual), Some(Proxy::Manual(server("http", "proxy.corp.example", 3128))));
        assert_eq!(kde("[Proxy Settings]\nProxyType=0\n"), Some(Proxy::Direct));
        assert_eq!(kde("[Proxy Settings]\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = (gnome(&text), kde(&text), environment([text.as_str()]), Server::parse(&text), Proxy::script(&text));
        }
    }
}
