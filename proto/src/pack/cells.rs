use crate::convert::BadField;
use crate::v1;

/// A cell without a number and without a reason; the reason's number is added to it.
pub(super) const ABSENT: u32 = 0x7fc0_0000;

/// The row of a sample with its absences; nothing when it is no row that could be stored, which is told as it is then.
pub(super) fn cells(sample: &v1::Sample) -> Option<Vec<u32>> {
    // A packed sample without a layout is of the layout before.
    (sample.layout_fingerprint != 0).then_some(())?;
    let cell = |number: &f32| if number.is_nan() { ABSENT } else { number.to_bits() };
    let mut cells: Vec<u32> = sample.row.iter().map(cell).collect();
    let mut before = None;
    for absence in &sample.absences {
        let cell = cells.get_mut(absence.index as usize).filter(|cell| **cell == ABSENT)?;
        *cell |= reason(absence.why)?;
        let ascends = before.replace(absence.index).is_none_or(|before| before < absence.index);
        ascends.then_some(())?;
    }
    (cells.len() <= super::row::CELLS_MAX).then_some(cells)
}

/// The sample that has this row.
pub(super) fn sample(layout_fingerprint: u64, step_seconds: u32, cells: &[u32]) -> Result<v1::Sample, BadField> {
    let mut absences = Vec::new();
    let mut row = Vec::with_capacity(cells.len());
    for (index, cell) in (0..).zip(cells) {
        let number = f32::from_bits(*cell);
        row.push(if number.is_nan() { f32::NAN } else { number });
        if number.is_nan() && *cell != ABSENT {
            let why = (cell ^ ABSENT).cast_signed();
            reason(why).ok_or_else(|| BadField::new("packed_sample.cells", "hold an unknown reason"))?;
            absences.push(v1::Absence { index, why });
        }
    }
    Ok(v1::Sample { layout_fingerprint, step_seconds, row, absences })
}

/// A reason as the bits of a cell.
fn reason(why: i32) -> Option<u32> {
    let known = v1::WhyKind::try_from(why).is_ok_and(|why| why != v1::WhyKind::Unspecified);
    known.then_some(why.cast_unsigned())
}
