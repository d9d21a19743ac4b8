//! One endpoint by what people call it: its id, its name when no other has it, or the letters that tell it from others of
//! the same name. Names are what machines say of themselves, so that several may say the same.

use super::FleetError;
use super::row::{Known, select};
use crate::store::{Reads, sql};

/// Letters at the end of an id that lists show beside a name that several have: random ones, 32 bits.
const LETTERS: usize = 8;
/// Endpoints of one name that a refusal lists.
const LISTED: usize = 5;

/// What tells an endpoint from others of its name.
pub(crate) fn short(id: &str) -> String {
    id.get(id.len().saturating_sub(LETTERS)..).unwrap_or(id).to_owned()
}

pub(super) async fn find(reads: &Reads, called: &str) -> Result<Known, FleetError> {
    let became = sql::query(select!("WHERE id = (SELECT COALESCE(merged_into, id) FROM endpoints WHERE id = $1)"));
    if let Some(row) = became.bind(called).fetch_optional(reads).await? {
        return Ok(Known::read(&row)?);
    }
    let named = named(reads, called).await?;
    let in_use = named.iter().filter(|one| !one.revoked).count();
    if named.len() > 1 && in_use != 1 {
        return Err(FleetError::Ambiguous { name: called.to_owned(), candidates: candidates(&named) });
    }
    match named.into_iter().next() {
        Some(only) => Ok(only),
        None => by_letters(reads, called).await?.ok_or_else(|| FleetError::Unknown(called.to_owned())),
    }
}

/// Those of a name, in any case of letters; first those that are in use.
async fn named(reads: &Reads, name: &str) -> Result<Vec<Known>, FleetError> {
    let rows = sql::query(select!(
        "WHERE LOWER(name) = LOWER($1) AND merged_into IS NULL ORDER BY revoked_at_ms IS NOT NULL, id LIMIT $2"
    ))
    .bind(name)
    .bind(LISTED as i64 + 1)
    .fetch_all(reads)
    .await?;
    Ok(rows.iter().map(Known::read).collect::<Result<Vec<_>, _>>()?)
}

/// The only one whose id ends with these letters.
async fn by_letters(reads: &Reads, letters: &str) -> Result<Option<Known>, FleetError> {
    if letters.len() < LETTERS || !letters.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return Ok(None);
    }
    let rows = sql::query(select!("WHERE id LIKE '%' || LOWER($1) AND merged_into IS NULL LIMIT 2"))
        .bind(letters)
        .fetch_all(reads)
        .await?;
    Ok(if let [only] = rows.as_slice() { Some(Known::read(only)?) } else { None })
}

/// What people know machines by, beside the letters to name each with.
fn candidates(named: &[Known]) -> String {
    let one = |known: &Known| {
        let endpoint = &known.endpoint;
        let users = if endpoint.users.is_empty() { "nobody".to_owned() } else { endpoint.users.join(", ") };
        format!(
            "{} ({users}; {} {}; {})",
            short(&endpoint.id),
            endpoint.os.name,
            endpoint.os.version,
            endpoint.state.name()
        )
    };
    let more = if named.len() > LISTED { ", and more" } else { "" };
    named.iter().take(LISTED).map(one).collect::<Vec<_>>().join(", ") + more
}
