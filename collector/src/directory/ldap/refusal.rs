//! Why a directory did not do it, in its own words and in plain ones.

use ldap3::{LdapError, LdapResult};

use crate::desk::{Trouble, TroubleKind};
use crate::ticket::rich_text::clean_line;

/// Most letters of a directory's words that are kept.
const WORDS: usize = 200;

/// What the sub-code of a refused bind means (`data 52e`).
const SIGN_IN: [(&str, &str); 8] = [
    ("525", "there is no such account"),
    ("52e", "the password is wrong, or there is no such account"),
    ("530", "the account may not sign in at this hour"),
    ("531", "the account may not sign in from here"),
    ("532", "its password has expired"),
    ("533", "the account is disabled"),
    ("701", "the account has expired"),
    ("773", "its password must be changed first"),
];
const LOCKED: (&str, &str) = ("775", "the account is locked");

/// Result codes of LDAP: the number, its name, what it comes to, and what helps.
const CODES: [(u32, &str, TroubleKind, &str); 8] = [
    (1, "operationsError", TroubleKind::Refused, ""),
    (8, "strongerAuthRequired", TroubleKind::Refused, "the directory wants an encrypted connection"),
    (10, "referral", TroubleKind::Refused, "another server has that part of the directory; is base right?"),
    (32, "noSuchObject", TroubleKind::NotFound, ""),
    (49, "invalidCredentials", TroubleKind::Unauthorized, ""),
    (50, "insufficientAccessRights", TroubleKind::Forbidden, "the account may not read this"),
    (51, "busy", TroubleKind::Away, ""),
    (52, "unavailable", TroubleKind::Away, ""),
];

/// What a result says when it is no success.
pub(super) fn refused(step: &str, result: &LdapResult) -> Result<(), Trouble> {
    if result.rc == 0 {
        return Ok(());
    }
    let known = CODES.iter().find(|(code, ..)| *code == result.rc);
    let (name, kind, helps) =
        known.map_or(("refused", TroubleKind::Refused, ""), |(_, name, kind, helps)| (*name, *kind, *helps));
    let words: String = clean_line(&result.text).chars().take(WORDS).collect();
    let said = format!("{step} refused with {} {name}: {words}", result.rc);
    let trouble = Trouble::new(kind, said.trim_end_matches(": "));
    let helps = if result.rc == 49 { sign_in(&result.text).unwrap_or("the password is wrong") } else { helps };
    Err(if helps.is_empty() { trouble } else { trouble.meaning(helps) })
}

/// What the sub-code in the words of a refused bind means.
fn sign_in(text: &str) -> Option<&'static str> {
    let (_, after) = text.split_once("data ")?;
    let code = after.split([',', ' ']).next()?;
    SIGN_IN.iter().chain([&LOCKED]).find(|(known, _)| *known == code).map(|(_, means)| *means)
}

/// What a connection that broke means.
pub(super) fn broken(error: LdapError) -> Trouble {
    match error {
        LdapError::LdapResult { result } => {
            refused("StartTLS", &result).err().unwrap_or_else(|| Trouble::odd("StartTLS did not come about"))
        }
        LdapError::Timeout { .. } => Trouble::away("no answer in time"),
        LdapError::Io { source } if source.to_string().contains("certificate") => Trouble::odd(format!("{source}"))
            .meaning("ca_file must hold the root of its certificate, and url a name that is in it"),
        LdapError::Io { source } => Trouble::away(format!("cannot be reached: {source}")),
        LdapError::ResultRecv { .. } | LdapError::OpSend { .. } | LdapError::EndOfStream => {
            Trouble::away("closed the connection")
        }
        other => Trouble::odd(clean_line(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: Vec::new(), ctrls: Vec::new() }
    }

    #[test]
    fn a_refused_sign_in_says_why_in_plain_words() {
        for (code, means) in
            [("52e", "password is wrong"), ("775", "is locked"), ("532", "expired"), ("533", "disabled")]
        {
            let text =
                format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code}, v1db1");
            let trouble = refused("sign-in", &result(49, &text)).expect_err("refused");
            assert_eq!(trouble.kind, TroubleKind::Unauthorized);
            assert!(trouble.said.contains("49 invalidCredentials") && trouble.said.contains(means), "{trouble}");
        }
        let plain = refused("sign-in", &result(49, "")).expect_err("refused");
        assert_eq!(plain.said, "sign-in refused with 49 invalidCredentials; the password is wrong");
        assert!(refused("sign-in", &result(0, "")).is_ok());
    }

    #[test]
    fn what_lacks_a_right_and_what_is_away_are_told_apart() {
        assert_eq!(refused("search", &result(50, "")).expect_err("refused").kind, TroubleKind::Forbidden);
        assert_eq!(refused("search", &result(52, "")).expect_err("away").kind, TroubleKind::Away);
        assert_eq!(
            refused("search", &result(4711, "odd")).expect_err("odd").said,
            "search refused with 4711 refused: odd"
        );
        let certificate = std::io::Error::other("invalid peer certificate: UnknownIssuer");
        assert!(broken(LdapError::Io { source: certificate }).said.contains("ca_file"));
        let closed = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(broken(LdapError::Io { source: closed }).kind, TroubleKind::Away);
    }
}
