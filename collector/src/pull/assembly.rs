//! Puts the pieces of a snapshot together, within bounds.

use firstline_proto::convert::Piece;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The largest document; the wire's own bound, held here as well since memory is at stake.
pub(super) const DOCUMENT_BYTES: u64 = 8 * 1024 * 1024;

/// Why the pieces make no document. The endpoint is asked again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Broken {
    /// Longer than any snapshot.
    #[error("the snapshot is larger than {} MiB", DOCUMENT_BYTES >> 20)]
    TooLarge,
    /// Pieces must come in order.
    #[error("a piece of the snapshot is missing")]
    OutOfOrder,
    /// Pieces of two documents.
    #[error("the pieces belong to different snapshots")]
    Mixed,
    /// The hash does not fit.
    #[error("the snapshot was damaged on its way")]
    Damaged,
}

/// A document that is coming in.
#[derive(Debug)]
pub struct Assembly {
    sha256: [u8; 32],
    total_bytes: u64,
    document: Vec<u8>,
}

impl Assembly {
    /// An empty document of which `first` is to be a piece.
    pub fn of(first: &Piece) -> Result<Self, Broken> {
        if first.total_bytes > DOCUMENT_BYTES {
            return Err(Broken::TooLarge);
        }
        Ok(Self { sha256: first.document_sha256, total_bytes: first.total_bytes, document: Vec::new() })
    }

    /// Takes the next piece; the whole document with the last one.
    pub fn add(&mut self, piece: &Piece) -> Result<Option<Vec<u8>>, Broken> {
        if piece.total_bytes != self.total_bytes || piece.document_sha256 != self.sha256 {
            return Err(Broken::Mixed);
        }
        if piece.offset_bytes != self.received_bytes() {
            return Err(Broken::OutOfOrder);
        }
        if self.received_bytes() + piece.piece.len() as u64 > self.total_bytes {
            return Err(Broken::TooLarge);
        }
        self.document.extend_from_slice(&piece.piece);
        if self.received_bytes() < self.total_bytes {
            return Ok(None);
        }
        let fits = Sha256::digest(&self.document).as_slice() == self.sha256;
        if fits { Ok(Some(std::mem::take(&mut self.document))) } else { Err(Broken::Damaged) }
    }

    /// Bytes that are here.
    pub fn received_bytes(&self) -> u64 {
        self.document.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use firstline_proto::convert::pieces;

    fn cut(document: &[u8]) -> Vec<Piece> {
        let pieces = pieces("p", &Bytes::copy_from_slice(document));
        pieces.map(|chunk| Piece::try_from(chunk).expect("within bounds")).collect()
    }

    fn put_together(pieces: &[Piece]) -> Result<Option<Vec<u8>>, Broken> {
        let mut assembly = Assembly::of(&pieces[0])?;
        pieces.iter().try_fold(None, |_, piece| assembly.add(piece))
    }

    #[test]
    fn pieces_in_order_make_the_document() {
        let document = vec![7; 300_000];
        assert_eq!(put_together(&cut(&document)), Ok(Some(document)));
    }

    #[test]
    fn refuses_what_is_too_large_missing_mixed_or_damaged() {
        let mut pieces = cut(&vec![7; 300_000]);
        assert_eq!(put_together(&[pieces[0].clone(), pieces[2].clone()]), Err(Broken::OutOfOrder));
        let other = cut(&vec![8; 300_000]);
        assert_eq!(put_together(&[pieces[0].clone(), other[1].clone()]), Err(Broken::Mixed));
        pieces[2].piece = Bytes::from(vec![9; pieces[2].piece.len()]);
        assert_eq!(put_together(&pieces), Err(Broken::Damaged));
        pieces[0].total_bytes = DOCUMENT_BYTES + 1;
        assert_eq!(put_together(&pieces), Err(Broken::TooLarge));
    }
}
