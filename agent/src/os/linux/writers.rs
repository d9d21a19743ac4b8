use std::collections::HashMap;
use std::path::Path;

use firstline_diagnosis::order::Arrange as _;

use super::process::{each_process, executable};
use crate::os::proc::usage;
use crate::os::read;
use crate::probe::ProbeError;

/// A process, and its start: a number alone is given again.
type Process = (u32, u64);

/// What each process has written to disks so far.
#[derive(Debug, Default)]
pub(crate) struct Written {
    bytes: HashMap<Process, u64>,
    denied: bool,
}

/// What each process has written so far. Those of other people take rights.
pub(crate) fn written(root: &Path) -> Result<Written, ProbeError> {
    let mut written = Written::default();
    each_process(root, |pid, stat| match read(root, &format!("proc/{pid}/io")) {
        Ok(text) => {
            let bytes = usage::io(&text).map(|io| io.written_bytes);
            written.bytes.extend(bytes.map(|bytes| ((pid, stat.start_ticks), bytes)));
        }
        Err(ProbeError::NoPermission(_)) => written.denied = true,
        Err(_) => {}
    })?;
    Ok(written)
}

impl Written {
    /// The programs that wrote since `before`, by their names, most first; at most `most`.
    ///
    /// # Errors
    /// Nobody wrote whom the agent may see, and there are some whom it may not.
    pub(crate) fn since(&self, root: &Path, before: &Self, most: usize) -> Result<Vec<(String, u64)>, ProbeError> {
        let mut programs: HashMap<String, u64> = HashMap::new();
        for (process, bytes) in &self.bytes {
            let wrote = bytes.saturating_sub(before.bytes.get(process).copied().unwrap_or(0));
            let name = (wrote > 0).then(|| executable(root, process.0)).flatten();
            if let Some(name) = name {
                *programs.entry(name).or_default() += wrote;
            }
        }
        if programs.is_empty() && self.denied {
            return Err(ProbeError::NoPermission("what other people's processes write".to_owned()));
        }
        let mut programs: Vec<_> = programs.into_iter().collect();
        programs.arrange_by(|(one, fewer), (other, more)| more.cmp(fewer).then_with(|| one.cmp(other)));
        programs.truncate(most);
        Ok(programs)
    }
}
