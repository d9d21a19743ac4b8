//! The two hash functions by which a journal file finds values: `SipHash` with the file's key, and Jenkins' lookup3 in
//! files of systemd before 246. Both are published algorithms; a file decides which one holds in it.

/// SipHash-2-4 of `data` (Aumasson and Bernstein).
pub(super) fn siphash(data: &[u8], key: &[u8; 16]) -> u64 {
    let (k0, k1) = (word(&key[..8]), word(&key[8..]));
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let chunks = data.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        compress(&mut v, word(chunk));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    #[expect(clippy::cast_possible_truncation, reason = "the algorithm takes the length modulo 256")]
    {
        last[7] = data.len() as u8;
    }
    compress(&mut v, u64::from_le_bytes(last));
    v[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn compress(v: &mut [u64; 4], m: u64) {
    v[3] ^= m;
    round(v);
    round(v);
    v[0] ^= m;
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

/// Bob Jenkins' lookup3 of `data`, both halves, starting from zero.
pub(super) fn lookup3(data: &[u8]) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the algorithm takes the length modulo 2^32")]
    let start = 0xdead_beef_u32.wrapping_add(data.len() as u32);
    let mut v = [start; 3];
    let mut rest = data;
    while rest.len() > 12 {
        let (block, after) = rest.split_at(12);
        add(&mut v, block);
        mix(&mut v);
        rest = after;
    }
    if !rest.is_empty() {
        let mut block = [0; 12];
        block[..rest.len()].copy_from_slice(rest);
        add(&mut v, &block);
        finish(&mut v);
    }
    (u64::from(v[2]) << 32) | u64::from(v[1])
}

fn add(v: &mut [u32; 3], block: &[u8]) {
    for (value, part) in v.iter_mut().zip(block.chunks_exact(4)) {
        *value = value.wrapping_add(part.try_into().map_or(0, u32::from_le_bytes));
    }
}

fn mix(v: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *v;
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    *v = [a, b, c];
}

fn finish(v: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *v;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    *v = [a, b, c];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siphash_gives_the_vectors_of_its_paper() {
        let key: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).expect("small"));
        let data: Vec<u8> = (0..15).collect();
        assert_eq!(siphash(&data, &key), 0xa129_ca61_49be_45e5);
        assert_eq!(siphash(&[], &key), 0x726f_db47_dd0e_0e31);
    }

    #[test]
    fn lookup3_gives_the_vectors_of_its_author() {
        assert_eq!(lookup3(b""), 0xdead_beef_dead_beef);
        // The author prints c and b of hashlittle2 with both seeds 0 as 17770551 and ce7226e6.
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551_ce72_26e6);
    }
}
