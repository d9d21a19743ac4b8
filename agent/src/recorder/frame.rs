//! What a file of the recorder is made of: frames, each with a mark, so that the next one is found behind a damaged one.

/// Where a frame begins. The last byte is the version of the form.
const MARK: [u8; 3] = *b"FL\x03";

/// Bytes before what a frame holds: mark, kind, length, checksum.
pub(super) const HEAD_BYTES: usize = 3 + 1 + 4 + 4;

/// No frame is longer.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Names of columns.
    Names,
    /// Rows as columns.
    Block,
    /// One row.
    Row,
}

impl Kind {
    fn letter(self) -> u8 {
        match self {
            Self::Names => b'N',
            Self::Block => b'B',
            Self::Row => b'R',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        [Self::Names, Self::Block, Self::Row].into_iter().find(|kind| kind.letter() == letter)
    }
}

/// A whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    /// Where it begins.
    pub(super) at: usize,
    /// What it holds.
    pub(super) payload: &'a [u8],
}

impl Frame<'_> {
    /// Bytes with the head.
    pub(super) fn length(&self) -> usize {
        HEAD_BYTES + self.payload.len()
    }

    /// Where what is behind it begins.
    pub(super) fn end(&self) -> usize {
        self.at + self.length()
    }
}

/// Adds a frame of `kind` that holds what `fill` adds.
pub(super) fn write(out: &mut Vec<u8>, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&MARK);
    out.push(kind.letter());
    out.extend_from_slice(&[0; 8]);
    fill(out);
    let length = u32::try_from(out.len() - start - HEAD_BYTES).unwrap_or(u32::MAX);
    out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(&out[start..]);
    out[start + 8..start + HEAD_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

/// Over everything but the mark, which is compared, and itself.
fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[3..8]), &frame[HEAD_BYTES..])
}

/// The frame that begins at `at`; nothing when there is none, or it is torn or altered.
fn read(bytes: &[u8], at: usize) -> Option<Frame<'_>> {
    let head = bytes.get(at..at + HEAD_BYTES).filter(|head| head.starts_with(&MARK))?;
    let word = |from: usize| Some(u32::from_le_bytes(head[from..from + 4].try_into().ok()?));
    let length = HEAD_BYTES + word(4)? as usize;
    let whole = bytes.get(at..at.checked_add(length)?).filter(|_| length <= BYTES_MAX)?;
    (word(8)? == checksum(whole)).then_some(())?;
    Some(Frame { kind: Kind::of(head[3])?, at, payload: &whole[HEAD_BYTES..] })
}

/// The whole frames of `bytes` from `from` on, in order; what lies between them is passed over.
pub(super) fn frames(bytes: &[u8], from: usize) -> impl Iterator<Item = Frame<'_>> {
    let mut at = from;
    std::iter::from_fn(move || {
        let last = bytes.len().checked_sub(HEAD_BYTES)?;
        let found = (at..=last).find_map(|at| read(bytes, at))?;
        at = found.end();
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            write(&mut out, Kind::Block, |out| out.extend_from_slice(payload));
        }
        out
    }

    proptest! {
        #[test]
        fn an_altered_frame_is_passed_over_and_the_others_are_found(place in 0usize..100_000, bit in 0u8..8) {
            let payloads = [vec![1; 20], vec![2; 30], vec![3; 40]];
            let mut bytes = written(&payloads);
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
            let found: Vec<_> = frames(&bytes, 0).map(|frame| frame.payload.to_vec()).collect();
            prop_assert_eq!(found.len(), 2);
            prop_assert!(found.iter().all(|payload| payloads.contains(payload)));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let marked = [&MARK[..], &bytes].concat();
            prop_assert_eq!(frames(&bytes, 0).count() + frames(&marked, 0).count(), 0);
        }
    }

    #[test]
    fn a_cut_frame_is_none() {
        let bytes = written(&[vec![7; 9], vec![8; 9]]);
        for cut in 0..bytes.len() {
            assert_eq!(frames(&bytes[..cut], 0).count(), cut / (HEAD_BYTES + 9), "cut at {cut}");
        }
    }
}
