//! Rights of copied machines to become endpoints of their own: for one use within ten minutes, by the identity that they
//! were given to, and so many a day. They are rows, since the machine may use its right at another collector.

use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rand::Rng as _;

use super::json;
use crate::authority::hexadecimal;
use crate::store::{Store, StoreError, sql};

/// How long a permit is good.
const PERMIT: Duration = Duration::from_mins(10);

/// How long it is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);

/// Endpoints that may come of one in a day: as many as a room of machines made from one image.
const FORKS_PER_DAY: i64 = 200;

/// What the other machine says of its hardware.
pub(super) type Rival = BTreeMap<String, String>;

/// Gives a permit; nothing when the endpoint was given too many.
pub(super) async fn give(
    store: &Store,
    endpoint_id: &str,
    rival: &Rival,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let mut bytes = [0; 24];
    rand::rng().fill_bytes(&mut bytes);
    let (name, endpoint_id, rival) = (hexadecimal(&bytes), endpoint_id.to_owned(), json(rival));
    store
        .write(move |tx| {
            Box::pin(async move {
                sql::query("DELETE FROM fork_permits WHERE at_ms <= $1")
                    .bind((now - REMEMBERED).unix_ms())
                    .execute(&mut *tx)
                    .await?;
                let given: i64 = sql::query_scalar("SELECT COUNT(*) FROM fork_permits WHERE endpoint_id = $1")
                    .bind(&endpoint_id)
                    .fetch_one(&mut *tx)
                    .await?;
                if given >= FORKS_PER_DAY {
                    return Ok(None);
                }
                sql::query(
                    "INSERT INTO fork_permits (name, endpoint_id, at_ms, used, rival) VALUES ($1, $2, $3, 0, $4)",
                )
                .bind(&name)
                .bind(endpoint_id)
                .bind(now.unix_ms())
                .bind(rival)
                .execute(tx)
                .await?;
                Ok(Some(name))
            })
        })
        .await
}

/// Uses a permit of this endpoint; what the other machine says of its hardware, when it is good.
pub(super) async fn redeem(
    store: &Store,
    name: &str,
    endpoint_id: &str,
    now: Timestamp,
) -> Result<Option<Rival>, StoreError> {
    let (name, endpoint_id) = (name.to_owned(), endpoint_id.to_owned());
    let rival: Option<String> = store
        .write(move |tx| {
            Box::pin(async move {
                let used = sql::query_scalar(
                    "UPDATE fork_permits SET used = 1 WHERE name = $1 AND endpoint_id = $2 AND used = 0 AND at_ms > $3
                     RETURNING rival",
                );
                let used = used.bind(name).bind(endpoint_id).bind((now - PERMIT).unix_ms());
                Ok::<_, StoreError>(used.fetch_optional(tx).await?)
            })
        })
        .await?;
    Ok(rival.map(|rival| serde_json::from_str(&rival).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[tokio::test]
    async fn a_permit_is_for_one_use_one_endpoint_and_ten_minutes() {
        let folder = tempfile::tempdir().expect("folder");
        let store = fixture::open(folder.path()).await;
        let give = async |at| give(&store, "e", &BTreeMap::new(), at).await.expect("given").expect("a permit");
        let redeem = async |name: &str, id: &str, at| redeem(&store, name, id, at).await.expect("asked").is_some();
        let (one, old) = (give(NOW).await, give(NOW).await);
        assert!(!redeem(&one, "another", NOW).await);
        assert!(!redeem("guessed", "e", NOW).await);
        assert!(redeem(&one, "e", NOW).await);
        assert!(!redeem(&one, "e", NOW).await, "a second time");
        assert!(!redeem(&old, "e", NOW + PERMIT).await, "too late");
    }

    #[tokio::test]
    async fn there_are_so_many_a_day() {
        let folder = tempfile::tempdir().expect("folder");
        let store = fixture::open(folder.path()).await;
        let give = async |id: &str, at| give(&store, id, &BTreeMap::new(), at).await.expect("asked");
        let mut given = 0;
        for _ in 0..FORKS_PER_DAY + 5 {
            given += i64::from(give("e", NOW).await.is_some());
        }
        assert_eq!(given, FORKS_PER_DAY);
        assert!(give("another", NOW).await.is_some());
        assert!(give("e", NOW + REMEMBERED).await.is_some());
    }
}
