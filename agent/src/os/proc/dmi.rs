//! What firmware says about the machine (`/sys/class/dmi/id`), in words.

/// The kind of machine by SMBIOS chassis type; `vm` is told by other signs.
pub(crate) fn chassis(code: &str) -> Option<&'static str> {
    Some(match code.trim().parse::<u8>().ok()? {
        3..=7 | 15 | 16 | 24 | 35 | 36 => "desktop",
        8 | 9 | 10 | 14 | 31 | 32 => "laptop",
        13 => "aio",
        11 | 30 => "tablet",
        17 | 23 | 25 | 28 | 29 => "server",
        _ => return None,
    })
}

/// Whether the names that firmware gives are those of a hypervisor.
pub(crate) fn is_virtual(manufacturer: &str, model: &str) -> bool {
    let text = format!("{manufacturer} {model}").to_ascii_lowercase();
    ["qemu", "kvm", "vmware", "virtualbox", "innotek", "xen", "bochs", "parallels", "virtual machine", "amazon ec2"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// Firmware that was never filled in says so in these ways.
pub(crate) fn told(text: Option<String>) -> Option<String> {
    let empty =
        ["to be filled by o.e.m.", "default string", "system manufacturer", "system product name", "none", "n/a"];
    text.filter(|text| !empty.contains(&text.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_usual_codes() {
        assert_eq!(chassis("10\n"), Some("laptop"));
        assert_eq!(chassis("3"), Some("desktop"));
        assert_eq!(chassis("13"), Some("aio"));
        assert_eq!(chassis("1"), None);
        assert_eq!(chassis("x"), None);
    }

    #[test]
    fn a_hypervisor_gives_itself_away() {
        assert!(is_virtual("QEMU", "Standard PC (Q35 + ICH9, 2009)"));
        assert!(is_virtual("Microsoft Corporation", "Virtual Machine"));
        assert!(!is_virtual("LENOVO", "21CBCTO1WW"));
    }

    #[test]
    fn what_the_maker_forgot_is_not_a_name() {
        assert_eq!(told(Some("To Be Filled By O.E.M.".into())), None);
        assert_eq!(told(Some("LENOVO".into())).as_deref(), Some("LENOVO"));
    }
}
