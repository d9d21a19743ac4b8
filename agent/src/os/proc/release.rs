//! `/etc/os-release` and `/proc/cpuinfo`.

/// The value of `key` in an os-release file, without quotes.
pub(crate) fn release_value(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    let value = line.trim();
    let inner = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value);
    let value = inner.replace("\\\"", "\"").replace("\\$", "$");
    (!value.is_empty()).then_some(value)
}

/// The model of the first processor; ARM kernels do not say.
pub(crate) fn cpu_model(cpuinfo: &str) -> Option<String> {
    let names = ["model name", "Model", "cpu model", "Processor"];
    names.iter().find_map(|name| cpu_value(cpuinfo, name)).map(str::to_owned)
}

/// Whether the processor says that it is under a hypervisor.
pub(crate) fn is_hypervised(cpuinfo: &str) -> bool {
    cpu_value(cpuinfo, "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"))
}

fn cpu_value<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(key, _)| key.trim_end() == name)?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_bare_values() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID='12'\nEMPTY=\n";
        assert_eq!(release_value(text, "PRETTY_NAME").as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(release_value(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(release_value(text, "ID").as_deref(), Some("debian"));
        assert_eq!(release_value(text, "EMPTY"), None);
        assert_eq!(release_value(text, "NAME"), None);
    }

    #[test]
    fn reads_model_and_hypervisor() {
        let text = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Processor\nflags\t\t: fpu vme hypervisor lahf_lm\n";
        assert_eq!(cpu_model(text).as_deref(), Some("Intel(R) Xeon(R) Processor"));
        assert!(is_hypervised(text));
        assert!(!is_hypervised("flags\t: fpu\n"));
        assert_eq!(cpu_model("processor\t: 0\nBogoMIPS\t: 48.00\n"), None);
    }
}
