//! Reading an LZ4 frame as a stream: apt keeps its lists so where it is told to save room. The format is that of the
//! LZ4 frame format, version 1.6; checksums are not verified, since apt verified the lists when it fetched them.

use std::io::{self, Error, ErrorKind, Read};

const MAGIC: u32 = 0x184D_2204;
/// How far back a block may point.
const WINDOW_BYTES: usize = 64 * 1024;
/// The largest block of the format.
const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Gives the plain bytes of a frame.
pub(crate) struct Frame<R> {
    source: R,
    block_checksums: bool,
    /// The window and, after it, what was unpacked last.
    plain: Vec<u8>,
    /// Up to here it was given out.
    given: usize,
    packed: Vec<u8>,
    is_over: bool,
}

impl<R: Read> Frame<R> {
    /// Reads the head of the frame.
    ///
    /// # Errors
    /// The source fails, or is not such a frame.
    pub(crate) fn new(mut source: R) -> io::Result<Self> {
        if number(&mut source)? != MAGIC {
            return Err(odd("it does not begin as a frame"));
        }
        let [flags, _block] = bytes(&mut source)?;
        if flags >> 6 != 1 || flags & 1 != 0 {
            return Err(odd("an unknown version"));
        }
        if flags & 0b1000 != 0 {
            bytes::<8>(&mut source)?;
        }
        bytes::<1>(&mut source)?;
        let block_checksums = flags & 0b1_0000 != 0;
        Ok(Self { source, block_checksums, plain: Vec::new(), given: 0, packed: Vec::new(), is_over: false })
    }

    /// Unpacks the next block behind the window.
    fn advance(&mut self) -> io::Result<()> {
        let surplus = self.plain.len().saturating_sub(WINDOW_BYTES);
        self.plain.drain(..surplus);
        self.given = self.plain.len();
        let size = number(&mut self.source)?;
        if size == 0 {
            self.is_over = true;
            return Ok(());
        }
        let length = (size & 0x7fff_ffff) as usize;
        if length > BLOCK_BYTES_MAX {
            return Err(odd("a block is too long"));
        }
        self.packed.resize(length, 0);
        self.source.read_exact(&mut self.packed)?;
        if size & 0x8000_0000 != 0 {
            self.plain.extend_from_slice(&self.packed);
        } else {
            unpack(&self.packed, &mut self.plain).ok_or_else(|| odd("a block is damaged"))?;
        }
        if self.block_checksums {
            bytes::<4>(&mut self.source)?;
        }
        Ok(())
    }
}

impl<R: Read> Read for Frame<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.is_over {
            self.advance()?;
        }
        let length = buffer.len().min(self.plain.len() - self.given);
        buffer[..length].copy_from_slice(&self.plain[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

/// Unpacks `block` behind `plain`, which holds what the block may point back to. `None` when it is damaged.
fn unpack(mut block: &[u8], plain: &mut Vec<u8>) -> Option<()> {
    let start = plain.len();
    while !block.is_empty() {
        let (&token, rest) = block.split_first()?;
        block = rest;
        let literals = length(usize::from(token >> 4), &mut block)?;
        plain.extend_from_slice(block.get(..literals)?);
        block = &block[literals..];
        if plain.len() - start > BLOCK_BYTES_MAX {
            return None;
        }
        // The last sequence of a block has no copy.
        let Some((offset, rest)) = block.split_first_chunk::<2>() else { break };
        block = rest;
        let count = length(usize::from(token & 15), &mut block)? + 4;
        copy(plain, usize::from(u16::from_le_bytes(*offset)), count)?;
    }
    block.is_empty().then_some(())
}

/// A length of four bits; all set means that bytes follow, up to the first that is not 255.
fn length(bits: usize, block: &mut &[u8]) -> Option<usize> {
    let mut total = bits;
    if bits == 15 {
        loop {
            let (&more, rest) = block.split_first()?;
            *block = rest;
            total += usize::from(more);
            if more != 255 {
                break;
            }
        }
    }
    (total <= BLOCK_BYTES_MAX).then_some(total)
}

/// Repeats what stands `offset` bytes back; what is written now may be repeated too.
fn copy(plain: &mut Vec<u8>, offset: usize, count: usize) -> Option<()> {
    let from = plain.len().checked_sub(offset).filter(|_| offset > 0)?;
    if offset >= count {
        plain.extend_from_within(from..from + count);
    } else {
        for index in from..from + count {
            plain.push(plain[index]);
        }
    }
    Some(())
}

fn bytes<const N: usize>(source: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(source: &mut impl Read) -> io::Result<u32> {
    Ok(u32::from_le_bytes(bytes(source)?))
}

fn odd(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not LZ4: {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `printf 'hello hello hello hello hello\n' | lz4 -c`, with a checksum of the content at its end.
    const HELLO: &[u8] = &[
        0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x10, 0, 0, 0, 0x6f, b'h', b'e', b'l', b'l', b'o', b' ', 0x06, 0, 0,
        0x50, b'e', b'l', b'l', b'o', b'\n', 0, 0, 0, 0, 0x2d, 0x82, 0x03, 0x39,
    ];

    fn plain(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Frame::new(packed)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn unpacks_a_frame() {
        let bytes = plain(HELLO).expect("well formed");
        assert_eq!(String::from_utf8_lossy(&bytes), "hello hello hello hello hello\n");
    }

    #[test]
    fn a_frame_that_is_cut_is_an_error() {
        for cut in 0..HELLO.len() - 4 {
            assert!(plain(&HELLO[..cut]).is_err(), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut frame = HELLO[..7].to_vec();
            frame.extend((body.len() as u32).to_le_bytes());
            frame.extend(body);
            let _ = plain(&frame);
        }
    }
}
