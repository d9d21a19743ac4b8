//! The key of pseudonyms: random, made once, the same for every endpoint. Replicas share the folder, and so the key.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::files::{self, AuthorityError};

/// Reads the key, and makes one in a folder that has none yet.
pub(super) fn open(folder: &Path) -> Result<[u8; 32], AuthorityError> {
    let path = folder.join("naming.key");
    if !path.exists() {
        let key: [u8; 32] = rand::random();
        files::write_secret(&path, &STANDARD.encode(key))?;
        return Ok(key);
    }
    let text = files::read(&path)?;
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(AuthorityError::NamingKey(path))
}
