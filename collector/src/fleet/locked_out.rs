//! Endpoints that no root of this collector lets in: somebody put the authority of another collector into its place, or a root
//! was retired before everybody knew the next. The database remembers under which root each certificate is.

use std::fmt;

use firstline_diagnosis::vocabulary::Timestamp;

use crate::authority::{Fingerprint, hexadecimal};
use crate::store::{Reads, sql};

/// Of the endpoints that have a certificate which is still good, those with none under a root that is trusted here. `$2` is
/// one such root, `$3` the other or the same. A certificate from before roots could change says nothing.
const COUNT: &str =
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM certificates c WHERE c.endpoint_key = e.key
     AND c.expires_at_ms > $1 AND (c.root IS NULL OR c.root = $2 OR c.root = $3)) THEN 0 ELSE 1 END), 0)
     FROM endpoints e WHERE e.revoked_at_ms IS NULL
     AND EXISTS (SELECT 1 FROM certificates c WHERE c.endpoint_key = e.key AND c.expires_at_ms > $1)";

/// How many endpoints are locked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LockedOut {
    /// Those that no root lets in.
    pub(crate) count: i64,
    /// Those that have a certificate which is still good.
    pub(crate) of: i64,
}

/// What to do about it.
pub(crate) const REMEDY: &str = "If authority/root.pem is not the one that this collector had, put the folder `authority` back from its backup. If \
    the root before was retired by force, enrol them again.";

impl LockedOut {
    /// Counts those whom none of the `trusted` roots lets in, of which there are one or two; nothing when everybody may come.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn count(
        reads: &Reads,
        trusted: &[Fingerprint],
        now: Timestamp,
    ) -> Result<Option<Self>, sql::Error> {
        let [Some(one), Some(other)] = [trusted.first(), trusted.last()].map(|root| root.map(|root| hexadecimal(root)))
        else {
            return Ok(None);
        };
        let (of, count): (i64, i64) =
            sql::query_as(COUNT).bind(now.unix_ms()).bind(one).bind(other).fetch_one(reads).await?;
        Ok((count > 0).then_some(Self { count, of }))
    }
}

impl fmt::Display for LockedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, of } = self;
        write!(f, "The certificates of {count} of {of} endpoints are under a root that is not this collector's")
    }
}
