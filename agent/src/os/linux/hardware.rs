use std::path::Path;

use crate::identity::Told;
use crate::os::read_trimmed;

/// What firmware and system say of which machine this is. Serials are for root alone.
pub(crate) fn hardware(root: &Path) -> Told {
    let dmi = |name: &str| read_trimmed(root, &format!("sys/class/dmi/id/{name}"));
    let device_tree = || read_trimmed(root, "proc/device-tree/serial-number");
    Told {
        product_uuid: dmi("product_uuid"),
        serial: dmi("product_serial").or_else(device_tree),
        board_serial: dmi("board_serial"),
        machine_id: read_trimmed(root, "etc/machine-id").filter(|id| id != "uninitialized"),
    }
}
