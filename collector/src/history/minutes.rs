//! Sealed minutes: the samples of one endpoint over a few hours, bit for bit.
//!
//! Times, steps, rows and reasons come back exactly as they were stored, in the same order. Rows of one layout are
//! turned into columns; when the layout changes within the window, each layout has columns of its own. What a layout's
//! series are is not repeated here: `layouts` keeps that for longer than minutes are kept.
//!
//! Layout, in the words of [`super::columns`]: how many rows, their times, steps and layouts (an index), their reasons;
//! then for each layout its fingerprint, its width, what is left of its rows beyond whole floats, and its columns.

use std::collections::BTreeMap;

use super::columns::{Damaged, Opened, Sealer};

/// A row of `samples`, as it lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minute {
    /// The end of its step, Unix milliseconds.
    pub at_ms: i64,
    /// Length of the step in seconds.
    pub step_seconds: i64,
    /// Fingerprint of the layout, as a signed number.
    pub layout: i64,
    /// 32-bit floats, little endian.
    pub row: Vec<u8>,
    /// Reasons for missing numbers.
    pub absences: Option<Vec<u8>>,
}

/// How the reasons of a row are told.
const NO_REASONS: u64 = 0;
const SAME_REASONS: u64 = 1;
const OWN_REASONS: u64 = 2;

/// Seals rows.
pub fn seal(minutes: &[Minute]) -> Vec<u8> {
    let mut sealer = Sealer::default();
    sealer.number(minutes.len() as u64);
    let integers = |of: &dyn Fn(&Minute) -> i64| minutes.iter().map(of).collect::<Vec<i64>>();
    sealer.integers(&integers(&|minute| minute.at_ms));
    sealer.integers(&integers(&|minute| minute.step_seconds));
    let groups = groups(minutes);
    let group = |minute: &Minute| groups.iter().position(|(kind, _)| *kind == kind_of(minute)).unwrap_or(0) as i64;
    sealer.integers(&integers(&group));
    reasons(&mut sealer, minutes);
    sealer.number(groups.len() as u64);
    for ((layout, bytes), rows) in &groups {
        let (width, rest) = (bytes / 4, bytes % 4);
        sealer.bytes(&layout.to_le_bytes());
        sealer.number(width as u64);
        sealer.number(rest as u64);
        if rest > 0 {
            for minute in rows {
                sealer.bytes(&minute.row[width * 4..]);
            }
        }
        for place in 0..width {
            let number = |minute: &&Minute| f32::from_le_bytes(four(&minute.row, place));
            sealer.floats(&rows.iter().map(number).collect::<Vec<f32>>(), None);
        }
    }
    sealer.seal()
}

/// The rows that were sealed.
///
/// # Errors
/// When the bytes are not what was sealed.
pub fn open(sealed: &[u8]) -> Result<Vec<Minute>, Damaged> {
    let mut opened = Opened::new(sealed)?;
    let count = opened.count()?;
    let times = opened.integers(count)?;
    let steps = opened.integers(count)?;
    let groups = opened.integers(count)?;
    let absences = read_reasons(&mut opened, count)?;
    let parts = times.into_iter().zip(steps).zip(absences);
    let minute = |((at_ms, step_seconds), absences)| Minute { at_ms, step_seconds, layout: 0, row: vec![], absences };
    let mut minutes: Vec<Minute> = parts.map(minute).collect();
    for group in 0..opened.count()? {
        let rows: Vec<usize> = (0..count).filter(|&index| groups[index] == group as i64).collect();
        open_group(&mut opened, &mut minutes, &rows)?;
    }
    Ok(minutes)
}

fn open_group(opened: &mut Opened, minutes: &mut [Minute], rows: &[usize]) -> Result<(), Damaged> {
    let layout: [u8; 8] = opened.bytes()?.try_into().map_err(|_| Damaged("a layout has no fingerprint"))?;
    let (width, rest) = (opened.count()?, opened.count()?);
    let rests = (0..if rest > 0 { rows.len() } else { 0 }).map(|_| opened.bytes().map(<[u8]>::to_vec));
    let rests = rests.collect::<Result<Vec<_>, _>>()?;
    for _ in 0..width {
        let column = opened.floats(rows.len(), None)?;
        for (index, number) in rows.iter().zip(column) {
            minutes[*index].row.extend_from_slice(&number.to_le_bytes());
        }
    }
    for (place, index) in rows.iter().enumerate() {
        minutes[*index].layout = i64::from_le_bytes(layout);
        minutes[*index].row.extend(rests.get(place).into_iter().flatten());
    }
    Ok(())
}

/// Rows that lie in columns together: those of one layout, and of one length.
fn kind_of(minute: &Minute) -> (i64, usize) {
    (minute.layout, minute.row.len())
}

fn groups(minutes: &[Minute]) -> Vec<((i64, usize), Vec<&Minute>)> {
    let mut groups: BTreeMap<(i64, usize), Vec<&Minute>> = BTreeMap::new();
    for minute in minutes {
        groups.entry(kind_of(minute)).or_default().push(minute);
    }
    groups.into_iter().collect()
}

fn four(row: &[u8], place: usize) -> [u8; 4] {
    row[place * 4..place * 4 + 4].try_into().expect("a slice of four is four long")
}

/// Reasons are mostly those of the row before.
fn reasons(sealer: &mut Sealer, minutes: &[Minute]) {
    let mut last: &[u8] = &[];
    for minute in minutes {
        match &minute.absences {
            None => sealer.number(NO_REASONS),
            Some(reasons) if *reasons == last => sealer.number(SAME_REASONS),
            Some(reasons) => {
                sealer.number(OWN_REASONS);
                sealer.bytes(reasons);
                last = reasons;
            }
        }
    }
}

fn read_reasons(opened: &mut Opened, count: usize) -> Result<Vec<Option<Vec<u8>>>, Damaged> {
    let (mut last, mut all) = (Vec::new(), Vec::new());
    for _ in 0..count {
        match opened.number()? {
            NO_REASONS => all.push(None),
            SAME_REASONS => all.push(Some(last.clone())),
            OWN_REASONS => {
                last = opened.bytes()?.to_vec();
                all.push(Some(last.clone()));
            }
            _ => return Err(Damaged("reasons are told in an unknown way")),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
