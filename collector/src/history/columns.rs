//! The code of sealed columns.
//!
//! Numbers of one series lie together, since they resemble each other. A column of 32-bit floats is brought into whole
//! numbers that keep their order, without the zero bits that all of them end with; then it is told as what differs: from the
//! least of them, from the one before, or from the column beside it (a minimum from its mean), whichever takes the fewest
//! bits. The first bytes of all columns lie together, and so do the second ones, and zstd does the rest.
//!
//! - Every bit comes back: any float, NaN with any payload, any time.
//! - A missing number (the plain NaN) takes no number's place: where they are is told as lengths of runs.
//! - Bytes that are damaged are refused with a reason (zstd's checksum, and bounds on every length); what reads them
//!   neither panics nor takes more than [`BYTES_MAX`].
//!
//! Layout: a version, then one zstd frame: the lengths of five streams, the heads (numbers of seven bits a byte), and the
//! four planes from the lowest byte to the highest.

use std::io::{Read as _, Write as _};

/// What the first byte says.
const VERSION: u8 = 1;
/// zstd's effort. Higher ones take several times as long for one part in a hundred.
const EFFORT: i32 = 6;
/// The most that sealed bytes may unfold to.
pub(super) const BYTES_MAX: u64 = 64 << 20;
/// The most numbers that a column may claim to have.
const COUNT_MAX: usize = 1 << 24;
/// A float without a number.
const NONE: u32 = 0x7fc0_0000;
/// Says in a column's head that some numbers are missing.
const WITH_GAPS: u64 = 8;

/// Sealed bytes that are not what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes are damaged: {0}")]
pub struct Damaged(pub(super) &'static str);

/// How the numbers of a column are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// There are none.
    Nothing = 0,
    /// All are the same.
    Always = 1,
    /// By how much each is above the least.
    Above = 2,
    /// By how much each differs from the one before.
    Before = 3,
    /// By how much each differs from the column beside.
    Beside = 4,
}

impl Told {
    const ALL: [Self; 5] = [Self::Nothing, Self::Always, Self::Above, Self::Before, Self::Beside];
}

/// Takes in columns and seals them.
#[derive(Debug, Default)]
pub(super) struct Sealer {
    heads: Vec<u8>,
    planes: [Vec<u8>; 4],
}

impl Sealer {
    /// Adds a number.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.heads.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.heads.push(number as u8);
    }

    /// Adds bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.heads.extend_from_slice(bytes);
    }

    /// Adds whole numbers that grow evenly, such as times.
    pub(super) fn integers(&mut self, numbers: &[i64]) {
        let (mut last, mut stride) = (0_i64, 0_i64);
        for &number in numbers {
            let step = number.wrapping_sub(last);
            self.number(zigzag(step.wrapping_sub(stride)));
            (last, stride) = (number, step);
        }
    }

    /// Adds a column. `beside` is one of the same length that was added before.
    pub(super) fn floats(&mut self, column: &[f32], beside: Option<&[f32]>) {
        let bits: Vec<u32> = column.iter().map(|number| number.to_bits()).collect();
        let there: Vec<usize> = (0..bits.len()).filter(|&index| bits[index] != NONE).collect();
        let gaps = if there.len() < bits.len() { WITH_GAPS } else { 0 };
        let Some(&first) = there.first() else {
            self.number(Told::Nothing as u64);
            return;
        };
        if there.iter().all(|&index| bits[index] == bits[first]) {
            self.number(Told::Always as u64 | gaps);
            self.runs(&bits, gaps);
            self.number(u64::from(bits[first].reverse_bits()));
            return;
        }
        let shift = there.iter().map(|&index| bits[index].trailing_zeros()).min().unwrap_or(0).min(31);
        let words: Vec<u32> = there.iter().map(|&index| ordered(bits[index]) >> shift).collect();
        let base = words.iter().copied().min().unwrap_or(0);
        let above = words.iter().map(|word| word - base).collect();
        let before = differences(&words, std::iter::once(words[0]).chain(words.iter().copied()));
        let mut ways = vec![(Told::Above, base, above), (Told::Before, words[0], before)];
        if let Some(beside) = beside {
            let others = there.iter().map(|&index| ordered(beside[index].to_bits()) >> shift);
            ways.push((Told::Beside, 0, differences(&words, others)));
        }
        let bits_of = |rest: &[u32]| rest.iter().map(|one| 32 - one.leading_zeros()).sum::<u32>();
        let best = ways.into_iter().min_by_key(|(_, _, rest)| bits_of(rest));
        let (told, base, rest) = best.expect("there are two ways at least");
        self.number(told as u64 | gaps);
        self.runs(&bits, gaps);
        self.number(u64::from(shift));
        self.number(u64::from(base));
        self.planes(&rest);
    }

    /// How many numbers are there, how many are missing, and so on.
    fn runs(&mut self, bits: &[u32], gaps: u64) {
        if gaps == 0 {
            return;
        }
        let (mut missing, mut length) = (false, 0);
        for &one in bits {
            if (one == NONE) != missing {
                self.number(length);
                (missing, length) = (!missing, 0);
            }
            length += 1;
        }
        self.number(length);
    }

    fn planes(&mut self, rest: &[u32]) {
        let widest = rest.iter().map(|one| 32 - one.leading_zeros()).max().unwrap_or(0);
        let width = widest.div_ceil(8) as usize;
        self.number(width as u64);
        for (place, plane) in self.planes.iter_mut().enumerate().take(width) {
            plane.extend(rest.iter().map(|one| (one >> (8 * place)) as u8));
        }
    }

    /// The sealed bytes.
    pub(super) fn seal(self) -> Vec<u8> {
        let mut lengths = Self::default();
        let streams = [&self.heads, &self.planes[0], &self.planes[1], &self.planes[2], &self.planes[3]];
        for stream in streams {
            lengths.number(stream.len() as u64);
        }
        let sealed = || -> std::io::Result<Vec<u8>> {
            let mut zstd = zstd::Encoder::new(vec![VERSION], EFFORT)?;
            zstd.include_checksum(true)?;
            zstd.write_all(&lengths.heads)?;
            for stream in streams {
                zstd.write_all(stream)?;
                // A block of its own has statistics of its own.
                zstd.flush()?;
            }
            zstd.finish()
        };
        sealed().expect("memory takes what is written to it")
    }
}

/// Gives columns back in the order in which they were added.
#[derive(Debug)]
pub(super) struct Opened {
    bytes: Vec<u8>,
    /// Where each stream is read next, and where it ends.
    streams: [(usize, usize); 5],
}

impl Opened {
    /// Unfolds sealed bytes.
    pub(super) fn new(sealed: &[u8]) -> Result<Self, Damaged> {
        let (version, frame) = sealed.split_first().ok_or(Damaged("there are none"))?;
        if *version != VERSION {
            return Err(Damaged("their version is not known"));
        }
        let mut bytes = Vec::new();
        // Not only the first frame: what follows it is damage as well.
        let unfolded = zstd::Decoder::new(frame).map(|zstd| zstd.take(BYTES_MAX + 1));
        unfolded.and_then(|mut zstd| zstd.read_to_end(&mut bytes)).map_err(|_| Damaged("zstd cannot unfold them"))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Damaged("they unfold to more than was sealed"));
        }
        let mut opened = Self { streams: [(0, bytes.len()); 5], bytes };
        let mut lengths = [0; 5];
        for length in &mut lengths {
            *length = usize::try_from(opened.number()?).map_err(|_| Damaged("a stream is too long"))?;
        }
        let mut from = opened.streams[0].0;
        for (stream, length) in opened.streams.iter_mut().zip(lengths) {
            let end = from.checked_add(length).filter(|end| *end <= opened.bytes.len());
            *stream = (from, end.ok_or(Damaged("a stream is too long"))?);
            from = stream.1;
        }
        Ok(opened)
    }

    /// The next number.
    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(0, 1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damaged("a number is too long"))
    }

    /// The next number, which says how many of something follow.
    pub(super) fn count(&mut self) -> Result<usize, Damaged> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= COUNT_MAX);
        count.ok_or(Damaged("there is too much of something"))
    }

    /// The next bytes.
    pub(super) fn bytes(&mut self) -> Result<&[u8], Damaged> {
        let length = self.count()?;
        self.take(0, length)
    }

    /// The next `count` whole numbers.
    pub(super) fn integers(&mut self, count: usize) -> Result<Vec<i64>, Damaged> {
        let (mut last, mut stride) = (0_i64, 0_i64);
        let mut numbers = Vec::new();
        for _ in 0..count {
            stride = stride.wrapping_add(unzigzag(self.number()?));
            last = last.wrapping_add(stride);
            numbers.push(last);
        }
        Ok(numbers)
    }

    /// The next column, of `count` numbers.
    pub(super) fn floats(&mut self, count: usize, beside: Option<&[f32]>) -> Result<Vec<f32>, Damaged> {
        let Some(head) = self.head(count)? else { return Ok(vec![f32::from_bits(NONE); count]) };
        let there = head.there(count);
        let mut column = vec![f32::from_bits(NONE); count];
        if head.told == Told::Always {
            there.for_each(|index| column[index] = f32::from_bits(head.base.reverse_bits()));
            return Ok(column);
        }
        let mut word = head.base;
        let (places, _) = head.places;
        for (number, index) in there.enumerate() {
            let rest = self.rest(places, head.width, number);
            word = match head.told {
                Told::Above => head.base.wrapping_add(rest),
                Told::Before => word.wrapping_add(unzigzag_word(rest)),
                _ => {
                    let other = beside.and_then(|beside| beside.get(index)).ok_or(Damaged("nothing is beside it"))?;
                    (ordered(other.to_bits()) >> head.shift).wrapping_add(unzigzag_word(rest))
                }
            };
            column[index] = f32::from_bits(unordered(word, head.shift));
        }
        Ok(column)
    }

    /// Leaves out the next column, of `count` numbers.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), Damaged> {
        self.head(count).map(drop)
    }

    /// What is said of the next column before its numbers, whose places are taken; nothing when it has no numbers.
    fn head(&mut self, count: usize) -> Result<Option<Head>, Damaged> {
        let number = self.number()?;
        let told = usize::try_from(number & !WITH_GAPS).ok().and_then(|told| Told::ALL.get(told));
        let told = *told.ok_or(Damaged("a column is told in an unknown way"))?;
        if told == Told::Nothing {
            return Ok(None);
        }
        let runs = if number & WITH_GAPS == 0 { vec![count] } else { self.runs(count)? };
        let mut head = Head { told, runs, shift: 0, base: 0, width: 0, places: ([0; 4], 0) };
        if told != Told::Always {
            head.shift = u32::try_from(self.number()?).ok().filter(|shift| *shift < 32).ok_or(Damaged("a shift"))?;
        }
        head.base = u32::try_from(self.number()?).map_err(|_| Damaged("a number has more than 32 bits"))?;
        if told != Told::Always {
            head.width = self.count()?;
            head.places = self.places(head.width, head.runs.iter().step_by(2).sum())?;
        }
        Ok(Some(head))
    }

    fn runs(&mut self, count: usize) -> Result<Vec<usize>, Damaged> {
        let (mut runs, mut sum) = (Vec::new(), 0);
        while sum < count {
            let run = self.count()?;
            sum += run;
            if runs.len() > count || sum > count {
                return Err(Damaged("gaps are longer than their column"));
            }
            runs.push(run);
        }
        Ok(runs)
    }

    /// Takes `count` bytes of each of the first planes, and says where they begin.
    fn places(&mut self, width: usize, count: usize) -> Result<([usize; 4], usize), Damaged> {
        let mut places = [0; 4];
        if width > places.len() {
            return Err(Damaged("a number has more than 32 bits"));
        }
        for (place, stream) in places.iter_mut().take(width).zip(1..) {
            *place = self.streams[stream].0;
            self.take(stream, count)?;
        }
        Ok((places, count))
    }

    /// The rest of a number, put together from its planes.
    fn rest(&self, places: [usize; 4], width: usize, number: usize) -> u32 {
        let byte = |plane: usize| u32::from(self.bytes[places[plane] + number]) << (8 * plane);
        (0..width).map(byte).sum()
    }

    fn take(&mut self, stream: usize, length: usize) -> Result<&[u8], Damaged> {
        let (from, end) = self.streams[stream];
        let to = from.checked_add(length).filter(|to| *to <= end).ok_or(Damaged("they end too early"))?;
        self.streams[stream].0 = to;
        Ok(&self.bytes[from..to])
    }
}

/// What is said of a column before its numbers.
struct Head {
    told: Told,
    /// Lengths of runs that are there and missing, by turns.
    runs: Vec<usize>,
    shift: u32,
    base: u32,
    width: usize,
    /// Where its bytes begin in each plane, and how many they are.
    places: ([usize; 4], usize),
}

impl Head {
    /// The places of the numbers that are there.
    fn there(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let mut from = 0;
        let start = |run: &usize| {
            from += run;
            (from - run, *run)
        };
        let runs: Vec<(usize, usize)> = self.runs.iter().map(start).collect();
        runs.into_iter().step_by(2).flat_map(|(from, run)| from..from + run).filter(move |index| *index < count)
    }
}

fn differences(words: &[u32], others: impl Iterator<Item = u32>) -> Vec<u32> {
    words.iter().zip(others).map(|(word, other)| zigzag_word(word.wrapping_sub(other))).collect()
}

/// Bits of a float as a number that is larger for a larger float.
fn ordered(bits: u32) -> u32 {
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The bits of a float again, `shift` of which were zeros and left out.
fn unordered(word: u32, shift: u32) -> u32 {
    let word = word << shift;
    if word >> 31 == 1 { word & !(1 << 31) } else { !word >> shift << shift }
}

/// Small numbers of either sign as small numbers.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn zigzag_word(difference: u32) -> u32 {
    let signed = difference.cast_signed();
    (signed << 1 ^ signed >> 31).cast_unsigned()
}

fn unzigzag_word(word: u32) -> u32 {
    ((word >> 1).cast_signed() ^ -(word & 1).cast_signed()).cast_unsigned()
}

#[cfg(test)]
mod tests;
