use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::os::{exists, list, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::device::{Device, Dock};

const USB: &str = "sys/bus/usb/devices";
const PCI: &str = "sys/bus/pci/devices";
const BUS_FOR_CAMERAS: &str = "camera, nor USB that one could be plugged into";
const THUNDERBOLT: &str = "sys/bus/thunderbolt/devices";

/// What is plugged into USB, hubs of the machine itself left out; and what the machine has on PCI that needs a driver.
pub(crate) fn devices(root: &Path) -> Result<Vec<Device>, ProbeError> {
    let usb = list(root, USB);
    let pci = list(root, PCI);
    if let (Err(why), Err(_)) = (&usb, &pci) {
        return Err(why.clone());
    }
    let usb = usb.unwrap_or_default();
    let mut devices: Vec<Device> = Vec::new();
    for name in usb.iter().filter(|name| !name.contains(':') && !name.starts_with("usb")) {
        devices.extend(usb_device(root, name, &usb));
    }
    devices.extend(pci.unwrap_or_default().iter().filter_map(|name| pci_device(root, name)));
    Ok(devices)
}

/// Whether there is a bus that things are plugged into. Containers and some virtual machines have none.
pub(crate) fn has_sockets(root: &Path) -> bool {
    exists(root, USB)
}

/// A number that differs when something was plugged in, pulled out or numbered anew, for the price of a few looks.
pub(crate) fn device_stamp(root: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in list(root, USB).unwrap_or_default() {
        name.hash(&mut hasher);
        if !name.contains(':') {
            read_trimmed(root, &format!("{USB}/{name}/devnum")).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn usb_device(root: &Path, name: &str, all: &[String]) -> Option<Device> {
    let at = |file: &str| read_trimmed(root, &format!("{USB}/{name}/{file}"));
    let model = format!("{}:{}", at("idVendor")?, at("idProduct")?);
    let prefix = format!("{name}:");
    let interfaces: Vec<&String> = all.iter().filter(|interface| interface.starts_with(&prefix)).collect();
    let classes: Vec<String> = interfaces
        .iter()
        .filter_map(|interface| read_trimmed(root, &format!("{USB}/{interface}/bInterfaceClass")))
        .collect();
    let known = classes.iter().find_map(|class| usb_class(class));
    let class = known.or_else(|| usb_class(&at("bDeviceClass")?)).unwrap_or("other");
    let driverless = interfaces.iter().any(|interface| {
        let class = read_trimmed(root, &format!("{USB}/{interface}/bInterfaceClass"));
        class.as_deref().is_some_and(needs_driver) && !exists(root, &format!("{USB}/{interface}/driver"))
    });
    let problem = match at("authorized").as_deref() {
        Some("0") => Some("not_authorized"),
        _ => driverless.then_some("no_driver"),
    };
    // Two of the same model without a serial number differ in where they are plugged in.
    let instance = at("serial").unwrap_or_else(|| name.to_owned());
    let parent = name.rsplit_once('.').map_or("root", |(hub, _)| hub).to_owned();
    let turn = at("devnum").and_then(|number| number.parse().ok());
    Some(Device { class, identity: format!("{model}/{instance}"), model, parent, turn, problem, is_plugged: true })
}

/// Names for the classes of USB that people call about.
fn usb_class(code: &str) -> Option<&'static str> {
    Some(match code {
        "01" => "audio",
        "02" | "0a" => "network",
        "03" => "input",
        "06" | "0e" => "camera",
        "07" => "printer",
        "08" => "storage",
        "09" => "hub",
        "0b" => "smartcard",
        "e0" => "bluetooth",
        _ => return None,
    })
}

/// Whether something of this class does nothing without a driver of the kernel. Printers and devices of a maker's own
/// class are driven by programs.
fn needs_driver(class: &str) -> bool {
    ["01", "03", "08", "0e", "e0"].contains(&class)
}

fn pci_device(root: &Path, name: &str) -> Option<Device> {
    let at = |file: &str| read_trimmed(root, &format!("{PCI}/{name}/{file}"));
    let code = at("class")?;
    let class = match code.strip_prefix("0x")?.get(..4)? {
        "0c03" => "usb",
        code => match &code[..2] {
            "02" => "network",
            "03" => "display",
            "04" => "audio",
            "0d" => "bluetooth",
            _ => return None,
        },
    };
    let id = |file| Some(at(file)?.strip_prefix("0x")?.to_owned());
    let model = format!("{}:{}", id("vendor")?, id("device")?);
    let problem = (!exists(root, &format!("{PCI}/{name}/driver"))).then_some("no_driver");
    let identity = format!("{model}/{name}");
    Some(Device { class, identity, model, parent: "root".to_owned(), turn: None, problem, is_plugged: false })
}

/// What is attached by Thunderbolt or USB4.
pub(crate) fn docks(root: &Path) -> Result<Vec<Dock>, ProbeError> {
    let names = list(root, THUNDERBOLT)?;
    let dock = |name: &String| {
        let at = |file: &str| read_trimmed(root, &format!("{THUNDERBOLT}/{name}/{file}"));
        // The machine's own end is the device of route 0.
        let (_, route) = name.split_once('-')?;
        if route == "0" || route.contains([':', '.']) {
            return None;
        }
        let model = format!("{} {}", at("vendor_name").unwrap_or_default(), at("device_name")?);
        Some(Dock {
            identity: at("unique_id").unwrap_or_else(|| name.clone()),
            model: model.trim().to_owned(),
            firmware: at("nvm_version"),
            is_authorized: at("authorized").map(|level| level != "0"),
        })
    };
    Ok(names.iter().filter_map(dock).collect())
}

/// Displays that are connected, as (connector, largest resolution).
pub(crate) fn displays(root: &Path) -> Result<Vec<(String, Option<String>)>, ProbeError> {
    const DRM: &str = "sys/class/drm";
    let names = list(root, DRM)?;
    let display = |name: &String| {
        let connector = name.strip_prefix("card")?.split_once('-')?.1;
        let is_connected = read_trimmed(root, &format!("{DRM}/{name}/status")).as_deref() == Some("connected");
        let modes = read_trimmed(root, &format!("{DRM}/{name}/modes"));
        let best = modes.and_then(|modes| modes.lines().next().map(str::to_owned));
        is_connected.then(|| (connector.to_owned(), best))
    };
    Ok(names.iter().filter_map(display).collect())
}

/// Whether sound devices run a stream in a direction: `p` plays, `c` listens.
pub(crate) fn sound_runs(root: &Path, direction: char) -> bool {
    let cards = list(root, "proc/asound").unwrap_or_default();
    let cards = cards.iter().filter(|name| name.strip_prefix("card").is_some_and(|rest| rest.parse::<u8>().is_ok()));
    cards.into_iter().any(|card| {
        let streams = list(root, &format!("proc/asound/{card}")).unwrap_or_default();
        let mut streams = streams.iter().filter(|name| name.starts_with("pcm") && name.ends_with(direction));
        streams.any(|stream| {
            let status = read_trimmed(root, &format!("proc/asound/{card}/{stream}/sub0/status"));
            status.is_some_and(|status| crate::os::proc::asound::is_running(&status))
        })
    })
}

/// How many cameras there are: each has one first node, whatever else it offers beside.
pub(crate) fn cameras(root: &Path) -> Result<u64, ProbeError> {
    const VIDEO: &str = "sys/class/video4linux";
    let names = match list(root, VIDEO) {
        // The kernel makes the folder with the first camera.
        Err(ProbeError::Missing(_)) if has_sockets(root) => Vec::new(),
        Err(ProbeError::Missing(_)) if exists(root, "sys/class") => {
            return Err(ProbeError::NotPresent(BUS_FOR_CAMERAS));
        }
        other => other?,
    };
    let is_first = |name: &&String| {
        name.starts_with("video")
            && read_trimmed(root, &format!("{VIDEO}/{name}/index")).is_none_or(|index| index == "0")
    };
    Ok(names.iter().filter(is_first).count() as u64)
}

/// Whether any process holds a camera open. Only root sees what others hold.
pub(crate) fn camera_in_use(root: &Path) -> Result<bool, ProbeError> {
    let processes = list(root, "proc")?;
    let mut was_denied = false;
    for process in processes.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
        match fs::read_dir(root.join("proc").join(process).join("fd")) {
            Ok(mut files) => {
                if files.any(|file| file.is_ok_and(|file| is_camera(&file.path()))) {
                    return Ok(true);
                }
            }
            Err(error) => was_denied |= error.kind() == std::io::ErrorKind::PermissionDenied,
        }
    }
    if was_denied {
        return Err(ProbeError::NoPermission("what other people's processes hold open".to_owned()));
    }
    Ok(false)
}

fn is_camera(open_file: &Path) -> bool {
    fs::read_link(open_file).is_ok_and(|target| target.to_string_lossy().starts_with("/dev/video"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine_of;

    #[test]
    fn reads_what_is_plugged_in_and_what_has_no_driver() {
        let root = machine_of(
            &[
                ("sys/bus/usb/devices/usb1/idVendor", "1d6b"),
                ("sys/bus/usb/devices/1-1.2/idVendor", "046d"),
                ("sys/bus/usb/devices/1-1.2/idProduct", "085c"),
                ("sys/bus/usb/devices/1-1.2/serial", "SECRET"),
                ("sys/bus/usb/devices/1-1.2/devnum", "9"),
                ("sys/bus/usb/devices/1-1.2:1.0/bInterfaceClass", "0e"),
                ("sys/bus/usb/devices/1-3/idVendor", "ffff"),
                ("sys/bus/usb/devices/1-3/idProduct", "0001"),
                ("sys/bus/usb/devices/1-3/authorized", "0"),
                ("sys/bus/pci/devices/0000:02:00.0/class", "0x028000"),
                ("sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086"),
                ("sys/bus/pci/devices/0000:02:00.0/device", "0x2725"),
            ],
            &[("sys/bus/pci/devices/0000:02:00.0/driver", "../../drivers/iwlwifi")],
        );
        let devices = devices(root.path()).expect("read");
        let said: Vec<_> = devices.iter().map(|one| (one.class, &*one.model, &*one.parent, one.problem)).collect();
        let expected = [
            ("camera", "046d:085c", "1-1", Some("no_driver")),
            ("other", "ffff:0001", "root", Some("not_authorized")),
            ("network", "8086:2725", "root", None),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn no_camera_is_counted_only_where_one_could_be() {
        let laptop = machine_of(&[("sys/class/net/lo/type", "772"), ("sys/bus/usb/devices/usb1/devnum", "1")], &[]);
        assert_eq!((cameras(laptop.path()), has_sockets(laptop.path())), (Ok(0), true));
        let container = machine_of(&[("sys/class/net/lo/type", "772"), ("sys/bus/pci/devices/0/class", "0x0")], &[]);
        assert_eq!(cameras(container.path()), Err(ProbeError::NotPresent(BUS_FOR_CAMERAS)));
        assert!(!has_sockets(container.path()), "there is PCI, and nothing to plug anything into");
    }

    #[test]
    fn reads_displays_docks_and_cameras() {
        let root = machine_of(
            &[
                ("sys/class/drm/card0-eDP-1/status", "connected\n"),
                ("sys/class/drm/card0-eDP-1/modes", "1920x1200\n1920x1080\n"),
                ("sys/class/drm/card0-DP-1/status", "disconnected\n"),
                ("sys/class/drm/card0/dev", "226:0\n"),
                ("sys/bus/thunderbolt/devices/0-0/device_name", "This Laptop"),
                ("sys/bus/thunderbolt/devices/0-1/device_name", "Dock 3"),
                ("sys/bus/thunderbolt/devices/0-1/vendor_name", "Lenovo"),
                ("sys/bus/thunderbolt/devices/0-1/nvm_version", "40.0"),
                ("sys/bus/thunderbolt/devices/0-1/authorized", "1"),
                ("sys/class/video4linux/video0/index", "0"),
                ("sys/class/video4linux/video1/index", "1"),
            ],
            &[("proc/77/fd/5", "/dev/video0")],
        );
        assert_eq!(displays(root.path()), Ok(vec![("eDP-1".to_owned(), Some("1920x1200".to_owned()))]));
        let docks = docks(root.path()).expect("read");
        assert_eq!((docks.len(), &*docks[0].model, docks[0].is_authorized), (1, "Lenovo Dock 3", Some(true)));
        assert_eq!((cameras(root.path()), camera_in_use(root.path())), (Ok(1), Ok(true)));
    }
}
