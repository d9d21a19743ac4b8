//! Numbers of any length in a row of bits, most significant first.

/// Writes bits, most significant first.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that are free in the last byte.
    free: u32,
}

impl BitWriter {
    /// The lowest `count` bits of `value`.
    pub fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> bit & 1 == 1) << self.free;
            }
        }
    }

    /// A number from 1 on, in twice as many bits as it has, less one.
    pub fn put_gamma(&mut self, value: u32) {
        let length = 32 - value.leading_zeros();
        self.put(0, length - 1);
        self.put(value, length);
    }

    /// The bytes; what is left of the last one is zero.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads bits; behind the end there are none.
#[derive(Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// From the first bit of `bytes` on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next number of `count` bits, at most 32; nothing when there are not as many.
    pub fn take(&mut self, count: u32) -> Option<u32> {
        let end = self.position + count as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let from = self.position / 8;
        let last = self.bytes.len().min(from + 8);
        let mut eight = [0; 8];
        eight[..last - from].copy_from_slice(&self.bytes[from..last]);
        let skipped = u64::from_be_bytes(eight) << (self.position % 8);
        self.position = end;
        // Shifted in two steps, since a shift by 64 is none.
        Some((skipped >> 1 >> (63 - count)) as u32)
    }

    /// The next number that was put by [`BitWriter::put_gamma`].
    pub fn take_gamma(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        // The first one is read already.
        let rest = (zeros < 32).then(|| self.take(zeros)).flatten()?;
        Some(rest | 1_u32 << zeros)
    }

    /// Whether nothing is left but what fills the last byte.
    pub fn is_over(&self) -> bool {
        self.position.div_ceil(8) == self.bytes.len()
    }
}
