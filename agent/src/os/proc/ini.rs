//! Files of `[sections]` with `key = value` lines, as sssd, Kerberos, Samba and NetworkManager write them.

/// Values of `key` in sections that `wanted` accepts, in order.
pub(crate) fn values<'a>(text: &'a str, wanted: impl Fn(&str) -> bool, key: &str) -> Vec<&'a str> {
    let mut section = "";
    let mut values = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((name, value)) = line.split_once('=').filter(|_| wanted(section))
            && name.trim().eq_ignore_ascii_case(key)
        {
            values.push(value.trim());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_in_their_section() {
        let text =
            "# realm = no\n[libdefaults]\n default_realm = CORP.EXAMPLE\n[domain/corp]\nid_provider=ad\nodd line\n";
        assert_eq!(values(text, |section| section == "libdefaults", "default_realm"), ["CORP.EXAMPLE"]);
        assert_eq!(values(text, |section| section.starts_with("domain/"), "id_provider"), ["ad"]);
        assert_eq!(values(text, |section| section == "libdefaults", "id_provider"), [""; 0]);
        assert_eq!(values("= \n[\n", |_| true, "x"), [""; 0]);
    }
}
