//! Rules of the packet filter as they are written down for the next start: `nftables.conf` and `iptables-save`.

/// Whether a configuration of nftables refuses anything that comes in: a chain that sees it drops what no rule allowed,
/// or a rule drops or rejects. `None` when no chain sees it.
pub(crate) fn nftables(text: &str) -> Option<bool> {
    let plain = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words: Vec<String> = plain.flat_map(words).collect();
    let sees = words.windows(2).any(|pair| pair == ["hook", "input"]);
    sees.then(|| words.iter().any(|word| word == "drop" || word == "reject"))
}

/// The same of what `iptables-save` writes, for the table that filters.
pub(crate) fn iptables(text: &str) -> Option<bool> {
    let filter = text.split("*filter").nth(1)?.split("COMMIT").next()?;
    let lines = || filter.lines().map(str::trim);
    let policy = lines().find_map(|line| line.strip_prefix(":INPUT "))?;
    let by_rule = || lines().any(|line| line.ends_with("-j DROP") || line.contains("-j REJECT"));
    Some(policy.starts_with("DROP") || by_rule())
}

fn words(line: &str) -> Vec<String> {
    let separators = |letter: char| letter.is_whitespace() || "{};,".contains(letter);
    line.split(separators).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workstation_that_drops_what_it_did_not_ask_for_refuses() {
        let strict =
            "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n";
        assert_eq!(nftables(strict), Some(true));
        // What Debian ships, which filters nothing.
        let shipped = "#!/usr/sbin/nft -f\n\nflush ruleset\n\ntable inet filter {\n\tchain input {\n\t\ttype filter hook input \
            priority filter;\n\t}\n\tchain forward {\n\t\ttype filter hook forward priority filter;\n\t}\n}\n# drop\n";
        assert_eq!(nftables(shipped), Some(false));
        assert_eq!(nftables("table ip nat {\n chain post { type nat hook postrouting priority 100; }\n}\n"), None);
    }

    #[test]
    fn reads_what_iptables_saves() {
        let strict = "# Generated\n*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
        assert_eq!(iptables(strict), Some(true));
        let by_rule = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n";
        assert_eq!(iptables(by_rule), Some(true));
        assert_eq!(iptables("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n"), Some(false));
        assert_eq!(iptables("*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n"), None);
    }
}
