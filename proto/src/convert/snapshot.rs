use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::BadField;
use super::bounds::some_chars;
use crate::v1;

/// The largest piece of a snapshot, bytes.
pub const PIECE_BYTES_MAX: usize = 128 * 1024;

/// The largest snapshot document, bytes.
pub const SNAPSHOT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A piece of a snapshot document, within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Name of the pull.
    pub pull_id: String,
    /// Where it starts in the document.
    pub offset_bytes: u64,
    /// Length of the whole document.
    pub total_bytes: u64,
    /// SHA-256 of the whole document.
    pub document_sha256: [u8; 32],
    /// The piece itself.
    pub piece: Bytes,
}

impl TryFrom<v1::SnapshotChunk> for Piece {
    type Error = BadField;

    fn try_from(chunk: v1::SnapshotChunk) -> Result<Self, BadField> {
        some_chars("pull_id", &chunk.pull_id, 64)?;
        if chunk.total_bytes == 0 || chunk.total_bytes > SNAPSHOT_BYTES_MAX {
            return Err(BadField::new("total_bytes", "is not between 1 byte and 8 MiB"));
        }
        if chunk.piece.is_empty() || chunk.piece.len() > PIECE_BYTES_MAX {
            return Err(BadField::new("piece", "is not between 1 byte and 128 KiB"));
        }
        let end = chunk.offset_bytes.checked_add(chunk.piece.len() as u64);
        if end.is_none_or(|end| end > chunk.total_bytes) {
            return Err(BadField::new("offset_bytes", "puts the piece beyond the document's end"));
        }
        let document_sha256 = <[u8; 32]>::try_from(&chunk.document_sha256[..])
            .map_err(|_| BadField::new("document_sha256", "is not 32 bytes long"))?;
        Ok(Self {
            pull_id: chunk.pull_id,
            offset_bytes: chunk.offset_bytes,
            total_bytes: chunk.total_bytes,
            document_sha256,
            piece: chunk.piece,
        })
    }
}

/// Cuts a document into the pieces that carry it, in order.
pub fn pieces(pull_id: &str, document: &Bytes) -> impl Iterator<Item = v1::SnapshotChunk> + use<> {
    let digest = Bytes::from(Sha256::digest(document).to_vec());
    let (pull_id, document) = (pull_id.to_owned(), document.clone());
    (0..document.len()).step_by(PIECE_BYTES_MAX).map(move |start| v1::SnapshotChunk {
        pull_id: pull_id.clone(),
        offset_bytes: start as u64,
        total_bytes: document.len() as u64,
        document_sha256: digest.clone(),
        piece: document.slice(start..document.len().min(start + PIECE_BYTES_MAX)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_document_again() {
        let document = Bytes::from((0..300_000u32).map(|n| n as u8).collect::<Vec<_>>());
        let pieces: Vec<_> =
            pieces("p", &document).map(|chunk| Piece::try_from(chunk).expect("within bounds")).collect();
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.iter().flat_map(|piece| piece.piece.to_vec()).collect::<Vec<_>>(), document);
    }

    #[test]
    fn refuses_a_piece_beyond_the_end() {
        let mut chunk = pieces("p", &Bytes::from_static(b"abc")).next().expect("one piece");
        chunk.offset_bytes = u64::MAX;
        assert_eq!(Piece::try_from(chunk).expect_err("beyond").field, "offset_bytes");
    }
}
