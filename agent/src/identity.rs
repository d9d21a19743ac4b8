//! The endpoint's key and certificate: the key is made here and never leaves.
//!
//! The key is an ECDSA P-256 key in an owner-only file. What leaves is a certificate request, at enrolment and at
//! renewal, and signatures over snapshots. The collector is trusted by the fingerprint in the enrolment token at
//! first, and by the authorities that enrolment brought from then on; the system's trust store plays no part.
//!
//! Hardware is evidence for telling machines apart, never identity: an identity is a key. When a disk was copied, two
//! machines have one key; the collector then tells one of them to [`fork`], which makes a key and an endpoint of its own.

pub(crate) mod certificate;
mod crypto;
mod enroll;
mod fork;
mod hardware;
mod pin;
mod renew;
mod store;
mod token;
mod witness;

pub use crypto::{NotAKey, install_provider, provider};
pub use enroll::{EnrollError, enroll};
pub use fork::fork;
pub(crate) use hardware::Told;
pub use hardware::evidence;
pub use renew::{renew, renewal_due};
pub use store::{Identity, IdentityError};
pub use token::{BadToken, Token};
pub use witness::Stranger;
