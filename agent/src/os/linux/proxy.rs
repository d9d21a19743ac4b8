use std::collections::HashMap;
use std::path::Path;

use zbus::OwnedVariant;
use zbus::wire::OwnedObjectPath;

use super::bus::{self, Object};
use super::network_manager::ACTIVE;
use crate::os::proc::proxy::{self, Proxy};
use crate::os::{list, read};
use crate::probe::ProbeError;

/// Directories whose files may set proxies for everybody, and how such a file is read.
const DIRECTORIES: [(&str, &str, Reader); 3] = [
    ("environment", "etc/environment.d", from_lines),
    ("environment", "etc/profile.d", from_lines),
    ("desktop", "usr/share/glib-2.0/schemas", proxy::gnome),
];
const FILES: [(&str, &str, Reader); 2] =
    [("environment", "etc/environment", from_lines), ("kde", "etc/xdg/kioslaverc", proxy::kde)];

type Reader = fn(&str) -> Option<Proxy>;

/// What each place of this machine says about proxies, for everybody who signs in; a place that is silent means that
/// everything goes directly. What people set for themselves is not read: it belongs to their sessions.
pub(crate) fn proxies(root: &Path) -> Vec<(&'static str, Result<Proxy, ProbeError>)> {
    let said = |source: &'static str| {
        let in_files = FILES.iter().filter(|(whose, ..)| *whose == source);
        let mut in_files = in_files.filter_map(|(_, file, reader)| reader(&read(root, file).ok()?));
        let in_directories = DIRECTORIES.iter().filter(|(whose, ..)| *whose == source);
        let mut in_directories = in_directories.filter_map(|(_, directory, reader)| last_of(root, directory, *reader));
        in_files.next().or_else(|| in_directories.next())
    };
    let desktop = from_dconf(root).or_else(|| said("desktop"));
    vec![
        ("environment", Ok(said("environment").unwrap_or(Proxy::Direct))),
        ("services", from_systemd(root).map(|proxy| proxy.unwrap_or(Proxy::Direct))),
        ("desktop", Ok(desktop.unwrap_or(Proxy::Direct))),
        ("kde", Ok(said("kde").unwrap_or(Proxy::Direct))),
        ("network_manager", from_network_manager(root).map(|proxy| proxy.unwrap_or(Proxy::Direct))),
    ]
}

fn from_lines(text: &str) -> Option<Proxy> {
    proxy::environment(text.lines().filter(|line| !line.trim_start().starts_with('#')))
}

/// The files of a directory override each other in the order of their names.
fn last_of(root: &Path, directory: &str, reader: Reader) -> Option<Proxy> {
    let speaks = |name: &String| [".conf", ".sh", ".gschema.override"].iter().any(|ending| name.ends_with(ending));
    let names = list(root, directory).ok()?.into_iter().filter(speaks);
    names.filter_map(|name| reader(&read(root, &format!("{directory}/{name}")).ok()?)).next_back()
}

/// Key files that administrators write in `/etc/dconf/db/*.d`.
fn from_dconf(root: &Path) -> Option<Proxy> {
    let databases =
        list(root, "etc/dconf/db").ok()?.into_iter().filter_map(|name| name.strip_suffix(".d").map(str::to_owned));
    let files = databases.flat_map(|database| {
        let directory = format!("etc/dconf/db/{database}.d");
        let names = list(root, &directory).unwrap_or_default();
        names.into_iter().map(move |name| format!("{directory}/{name}")).collect::<Vec<_>>()
    });
    files.filter_map(|file| proxy::gnome(&read(root, &file).ok()?)).next_back()
}

/// What systemd hands to every service.
fn from_systemd(root: &Path) -> Result<Option<Proxy>, ProbeError> {
    let manager = Object {
        service: "org.freedesktop.systemd1",
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
    };
    let variables: Vec<String> = bus::property(root, manager, "Environment")?;
    Ok(proxy::environment(variables.iter().map(String::as_str)))
}

/// The proxy that belongs to the connection in use.
fn from_network_manager(root: &Path) -> Result<Option<Proxy>, ProbeError> {
    let Some(active) = super::network_manager::primary_connection(root)? else { return Ok(None) };
    let active = Object { path: active.as_str(), ..ACTIVE };
    let profile: OwnedObjectPath = bus::property(root, active, "Connection")?;
    let profile = Object {
        path: profile.as_str(),
        interface: "org.freedesktop.NetworkManager.Settings.Connection",
        service: ACTIVE.service,
    };
    let settings: HashMap<String, HashMap<String, OwnedVariant>> = bus::call(root, profile, "GetSettings", &())?;
    let Some(group) = settings.get("proxy") else { return Ok(None) };
    let text = |key: &str| group.get(key).and_then(|value| String::try_from(value.clone()).ok());
    let automatic = group.get("method").and_then(|value| i32::try_from(value.clone()).ok()) == Some(1);
    Ok(automatic.then(|| text("pac-url").map_or(Proxy::Automatic, |url| Proxy::script(&url))))
}
