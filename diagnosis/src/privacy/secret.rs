//! What looks like a secret by itself.

/// Beginnings of keys that clouds and forges give out, and how long such a key is at least.
const ISSUED: [(&str, usize); 14] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 30),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("sk-", 24),
    ("sk_live_", 16),
    ("pk_live_", 16),
    ("SG.", 24),
];

/// Whether `word` is a web token, an issued key, a key in hexadecimal (32 digits or more) or in base 64 (24 or more,
/// with letters of both cases and digits).
pub(super) fn looks_random(word: &str) -> bool {
    let is_token = word.starts_with("eyJ") && word.matches('.').count() >= 2;
    is_token || is_issued(word) || is_hexadecimal(word) || is_base64(word)
}

fn is_issued(word: &str) -> bool {
    ISSUED.iter().any(|(start, length)| word.len() >= *length && word.starts_with(start))
}

fn is_hexadecimal(word: &str) -> bool {
    word.len() >= 32 && word.bytes().all(|letter| letter.is_ascii_hexdigit())
}

fn is_base64(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
    word.len() >= 24
        && word.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"+_-".contains(&letter))
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && word.bytes().filter(u8::is_ascii_digit).count() >= 3
}

/// Whether what follows `word` is a secret.
pub(super) fn announces(word: &str) -> bool {
    const WORDS: [&str; 17] = [
        "pass",
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "token",
        "secret",
        "key",
        "apikey",
        "api_key",
        "api-key",
        "auth",
        "authorization",
        "bearer",
        "credential",
        "accountkey",
        "sharedaccesskey",
    ];
    const FLAGS: [&str; 4] = ["-u", "-p", "--user", "--u"];
    let lower = word.to_ascii_lowercase();
    FLAGS.contains(&lower.as_str()) || WORDS.contains(&lower.trim_start_matches('-'))
}
