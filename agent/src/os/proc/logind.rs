//! `/run/systemd/sessions/*` and `/run/systemd/users/*`: who is signed in, as logind keeps it for itself.

/// The person of a session record; `None` for sessions of services, of the sign-in screen, and for those that end.
pub(crate) fn session_person(record: &str) -> Option<String> {
    let is_person = value(record, "CLASS").is_none_or(|class| class.starts_with("user"));
    let is_over = value(record, "STATE").is_some_and(|state| state == "closing");
    value(record, "USER").filter(|_| is_person && !is_over)
}

/// The person of a user record; `None` for services that linger without anybody there.
pub(crate) fn user_person(record: &str) -> Option<String> {
    let state = value(record, "STATE")?;
    value(record, "NAME").filter(|_| state == "active" || state == "online")
}

fn value(record: &str, key: &str) -> Option<String> {
    let line = record.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    let text = unescape(line.trim().trim_matches('"'));
    (!text.is_empty()).then_some(text)
}

/// Undoes `\x20` and the like: logind escapes what is not plain ASCII, byte by byte.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.strip_prefix(b"x").and_then(|hex| hex.get(..2)).filter(|_| first == b'\\');
        let byte = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "# This is private data. Do not parse.\nUID=1000\nUSER=ada\nACTIVE=1\nSTATE=active\nREMOTE=0\n\
                           TYPE=wayland\nCLASS=user\nSEAT=seat0\n";

    #[test]
    fn a_session_names_its_person() {
        assert_eq!(session_person(SESSION).as_deref(), Some("ada"));
        assert_eq!(session_person(&SESSION.replace("STATE=active", "STATE=online")).as_deref(), Some("ada"));
        assert_eq!(session_person("USER=ada\n").as_deref(), Some("ada"));
    }

    #[test]
    fn the_sign_in_screen_and_services_are_nobody() {
        for class in ["greeter", "manager", "background", "lock-screen"] {
            assert_eq!(session_person(&SESSION.replace("CLASS=user", &format!("CLASS={class}"))), None, "{class}");
        }
        assert_eq!(session_person(&SESSION.replace("STATE=active", "STATE=closing")), None);
        assert_eq!(session_person(""), None);
    }

    #[test]
    fn services_that_linger_are_nobody() {
        assert_eq!(user_person("NAME=ada\nSTATE=active\n").as_deref(), Some("ada"));
        assert_eq!(user_person("NAME=backup\nSTATE=lingering\n"), None);
        assert_eq!(user_person("NAME=ada\n"), None);
    }

    #[test]
    fn names_are_unescaped_byte_by_byte() {
        assert_eq!(session_person(r"USER=CORP\x5cj\xc3\xb6rg").as_deref(), Some(r"CORP\jörg"));
        assert_eq!(session_person(r"USER=odd\x5").as_deref(), Some(r"odd\x5"));
    }
}
