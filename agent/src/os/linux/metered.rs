use std::path::Path;

use super::bus::{self, Object};

const MANAGER: Object<'_> = Object {
    service: "org.freedesktop.NetworkManager",
    path: "/org/freedesktop/NetworkManager",
    interface: "org.freedesktop.NetworkManager",
};

/// NMMetered: yes, and guessed yes.
const PAID_FOR: [u32; 2] = [1, 3];

/// Whether somebody pays for what goes over the network, as far as NetworkManager knows. Where nobody says, it is free.
pub(crate) fn metered(root: &Path) -> bool {
    bus::property::<u32>(root, MANAGER, "Metered").is_ok_and(|metered| PAID_FOR.contains(&metered))
}
