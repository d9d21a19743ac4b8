//! Signs that the machine is not a machine of its own.

/// The word of the container manager in the environment of process 1, if it is in a container.
pub(crate) fn container(environment: &[u8]) -> Option<String> {
    let mut entries = environment.split(|byte| *byte == 0);
    let value = entries.find_map(|entry| entry.strip_prefix(b"container="))?;
    let word = String::from_utf8_lossy(value).into_owned();
    (!word.is_empty()).then_some(word)
}

/// Whether what `/sys/hypervisor` says is a hypervisor that this machine is under. The first domain of Xen is the
/// machine itself.
pub(crate) fn is_guest(hypervisor_type: &str, capabilities: &str) -> bool {
    hypervisor_type.trim() == "xen" && !capabilities.contains("control_d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_says_so_to_its_first_process() {
        assert_eq!(container(b"PATH=/bin\0container=podman\0HOME=/\0").as_deref(), Some("podman"));
        assert_eq!(container(b"PATH=/bin\0mycontainer=x\0"), None);
        assert_eq!(container(b"container=\0"), None);
    }

    #[test]
    fn the_host_of_xen_is_no_guest() {
        assert!(is_guest("xen\n", ""));
        assert!(!is_guest("xen\n", "control_d\n"));
        assert!(!is_guest("", ""));
    }
}
