use std::collections::{BTreeMap, HashMap};

use super::Standing;
use crate::store::StoreError;
use crate::store::connection::{Connection, Engine};
use crate::store::sql::{self, Value};

/// Says who holds an endpoint's stream. Only where collectors share a PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose stream.
    pub endpoint_key: i64,
    /// The run of a collector that holds it from now on; none when nobody does.
    pub holder: Option<String>,
    /// Only when it is held under this number.
    pub only_under: Option<i64>,
    /// Whether it changes hands: then it is held under the next number.
    pub changes_hands: bool,
}

/// Many rows with one statement. The rows are locked.
const MAKE: &str = "UPDATE endpoint_progress SET epoch = claim.epoch, holder = claim.holder
    FROM UNNEST($1, $2, $3) AS claim (endpoint_key, epoch, holder)
    WHERE endpoint_progress.endpoint_key = claim.endpoint_key";

/// Makes claims in order; gives the number under which each stream is held afterwards.
pub(super) async fn make(
    connection: &mut Connection,
    standings: &mut HashMap<i64, Standing>,
    claims: &[Claim],
) -> Result<Vec<Result<i64, StoreError>>, StoreError> {
    let mut made = Vec::with_capacity(claims.len());
    let mut changed: BTreeMap<i64, (i64, Option<String>)> = BTreeMap::new();
    for claim in claims {
        let standing = standings.entry(claim.endpoint_key).or_default();
        if claim.only_under.is_some_and(|epoch| epoch != standing.epoch) {
            made.push(Err(StoreError::Moved));
            continue;
        }
        standing.epoch += i64::from(claim.changes_hands);
        changed.insert(claim.endpoint_key, (standing.epoch, claim.holder.clone()));
        made.push(Ok(standing.epoch));
    }
    if !changed.is_empty() && connection.engine() == Engine::Postgres {
        let keys = changed.keys().copied().map(Some).collect();
        let epochs = changed.values().map(|(epoch, _)| Some(*epoch)).collect();
        let holders = changed.into_values().map(|(_, holder)| holder.map(Into::into)).collect();
        let statement = sql::query(MAKE).bind(Value::Integers(keys)).bind(Value::Integers(epochs));
        statement.bind(Value::Texts(holders)).execute(connection).await?;
    }
    Ok(made)
}
