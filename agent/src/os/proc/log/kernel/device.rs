use super::super::found::{last_word, name, word_after};
use super::Found;

/// Cables, plugs and drivers.
pub(super) fn meaning(line: &str) -> Option<Found> {
    cable(line).or_else(|| usb(line)).or_else(|| firmware(line)).or_else(|| clock(line))
}

/// `e1000e 0000:00:1f.6 enp0s31f6: NIC Link is Down`; `r8169 0000:02:00.0 enp2s0: Link is Down`
fn cable(line: &str) -> Option<Found> {
    let before = [": NIC Link is Down", " NIC Link is Down", ": Link is Down", ": Link is down", ": link down"]
        .into_iter()
        .find_map(|words| line.strip_suffix(words))?;
    let adapter = name(last_word(before)?.trim_end_matches(':'))?;
    // What follows the driver must be an adapter, not an address on the bus.
    (!adapter.contains('.')).then(|| Found::new("endpoint.link.down").of("network.interface.name", adapter))
}

/// `usb usb1-port2: over-current condition`; `usb 1-2: device descriptor read/64, error -71`
fn usb(line: &str) -> Option<Found> {
    let is_bus = line.starts_with("usb ") || line.starts_with("hub ");
    let what = line.split_once(": ").filter(|_| is_bus)?.1;
    let kind = if what.starts_with("over-current") {
        "over_current"
    } else if what.starts_with("device descriptor read")
        || what.starts_with("device not accepting address")
        || what.starts_with("unable to enumerate USB device")
        || what.starts_with("can't set config")
    {
        "not_recognised"
    } else if what.starts_with("reset ") && what.contains("-speed ") && what.contains(" USB device number ") {
        "reset"
    } else if what.starts_with("USB disconnect, device number ") {
        "disconnect"
    } else {
        return None;
    };
    Some(Found::new("endpoint.usb.problem").of("kind", kind))
}

/// `xhci_hcd 0000:00:14.0: firmware: failed to load x.fw (-2)`; `iwlwifi 0000:00:14.3: no suitable firmware found!`;
/// `Bluetooth: hci0: Failed to load firmware file (-2)`; `r8152 2-1:1.0: unable to load firmware patch rtl_nic/x.fw (-2)`
///
/// `Direct firmware load for x failed with error -2` is no fault: drivers look for the newest version first.
fn firmware(line: &str) -> Option<Found> {
    let (device, what) = line.split_once(": ")?;
    let driver = device.split_whitespace().next().and_then(name)?;
    let kind = if what.contains("no suitable firmware found")
        || what.contains("Failed to load firmware")
        || what.contains("nable to load firmware")
        || what.starts_with("firmware: failed to load ")
        || what.starts_with("failed to load firmware")
    {
        "firmware_missing"
    } else if what.contains("Microcode SW error detected") || what.contains("firmware crashed!") {
        "firmware_crashed"
    } else if word_after(what, "probe of ").is_some() && what.contains(" failed with error ") {
        "driver_failed"
    } else if what.starts_with("probe with driver ") && what.contains(" failed with error ") {
        return Some(problem("driver_failed", word_after(what, "probe with driver ").and_then(name)?));
    } else {
        return None;
    };
    Some(problem(kind, driver))
}

fn problem(kind: &str, driver: &str) -> Found {
    Found::new("endpoint.driver.problem").of("driver", driver).of("kind", kind)
}

/// `clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:`
fn clock(line: &str) -> Option<Found> {
    let rest = line.strip_prefix("clocksource: timekeeping watchdog")?;
    rest.contains("as unstable").then(|| Found::new("endpoint.clock.step").of("source", "kernel"))
}
