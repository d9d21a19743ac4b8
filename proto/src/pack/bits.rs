/// Writes bits, most significant first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that are free in the last byte.
    free: u32,
}

impl BitWriter {
    /// The lowest `count` bits of `value`.
    pub(super) fn put(&mut self, value: u32, count: u32) {
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
    pub(super) fn put_gamma(&mut self, value: u32) {
        let length = 32 - value.leading_zeros();
        self.put(0, length - 1);
        self.put(value, length);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads bits; behind the end there are none.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.position / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Some(value)
    }

    pub(super) fn take_gamma(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        // The first one is read already.
        let rest = (zeros < 32).then(|| self.take(zeros)).flatten()?;
        Some(rest | 1_u32 << zeros)
    }

    /// Whether nothing is left but what fills the last byte.
    pub(super) fn is_over(&self) -> bool {
        self.position.div_ceil(8) == self.bytes.len()
    }
}
