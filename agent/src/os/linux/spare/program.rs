use std::ffi::c_void;
use std::path::Path;

use crate::os::read;

/// Takes the unaltered pages of the program and its libraries out of this process's memory: the files have them.
pub(super) fn forget_pages() {
    let maps = read(Path::new("/"), "proc/self/smaps").unwrap_or_default();
    for (start, end) in unaltered(&maps) {
        // SAFETY: the range is a mapping of a loaded file, which stays where it is; it cannot be written and no page in
        // it differs from the file, so each is found again there. Where the kernel refuses, everything stays as it is.
        unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// A mapping of a file that cannot be written.
#[derive(Debug, Clone, Copy)]
struct Mapping<'a> {
    range: (usize, usize),
    path: &'a str,
    has_instructions: bool,
}

/// The instructions and constants of what is loaded. What was relocated at the start has pages of its own and stays.
fn unaltered(maps: &str) -> Vec<(usize, usize)> {
    // Every mapping has an entry, so that what is said of one is not taken for another's.
    let mut all: Vec<(Option<Mapping<'_>>, bool)> = Vec::new();
    for line in maps.lines() {
        let first = line.split_ascii_whitespace().next().unwrap_or_default();
        if !first.ends_with(':') {
            all.push((mapping(line), false));
        } else if let Some((_, is_unaltered)) = all.last_mut().filter(|_| first == "Anonymous:") {
            *is_unaltered = line.trim_end().ends_with(" 0 kB");
        }
    }
    let files = || all.iter().filter_map(|(mapping, is_unaltered)| Some((mapping.as_ref()?, is_unaltered)));
    let is_loaded = |path: &str| files().any(|(other, _)| other.has_instructions && other.path == path);
    let unaltered = files().filter(|(mapping, is_unaltered)| **is_unaltered && is_loaded(mapping.path));
    unaltered.map(|(mapping, _)| mapping.range).collect()
}

/// What the first line of a mapping says, when it is of a file and cannot be written.
fn mapping(line: &str) -> Option<Mapping<'_>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let rights = fields.next().filter(|rights| rights.starts_with("r-") && rights.ends_with('p'))?;
    let path = fields.nth(3).filter(|path| path.starts_with('/'))?;
    let place = |text| usize::from_str_radix(text, 16).ok();
    let range = (place(start)?, place(end)?);
    (range.0 < range.1).then_some(Mapping { range, path, has_instructions: rights == "r-xp" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_file_has_is_forgotten() {
        let maps = "\
55d0c0000000-55d0c0200000 r--p 00000000 fe:00 1234 /usr/bin/firstline-agent
Anonymous:             0 kB
55d0c0200000-55d0c0700000 r-xp 00200000 fe:00 1234 /usr/bin/firstline-agent
Size:               5120 kB
Anonymous:             0 kB
55d0c0700000-55d0c0730000 r--p 00700000 fe:00 1234 /usr/bin/firstline-agent
Anonymous:           192 kB
55d0c0730000-55d0c0740000 rw-p 00730000 fe:00 1234 /usr/bin/firstline-agent
Anonymous:             0 kB
55d0c1000000-55d0c1100000 rw-p 00000000 00:00 0 [heap]
Anonymous:             0 kB
7f0000000000-7f0000010000 r--s 00000000 fe:00 99 /shared
Anonymous:             0 kB
7f0000010000-7f0000020000 r--p 00000000 fe:00 98 /read/for/a/while
Anonymous:             0 kB
7ffd8a505000-7ffd8a507000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
VmFlags: rd ex mr mw me de sd
";
        let expected = [(0x55d0_c000_0000, 0x55d0_c020_0000), (0x55d0_c020_0000, 0x55d0_c070_0000)];
        assert_eq!(unaltered(maps), expected);
    }

    #[test]
    fn a_program_goes_on_after_its_pages_were_forgotten() {
        forget_pages();
        let maps = read(Path::new("/"), "proc/self/smaps").expect("readable");
        assert!(!unaltered(&maps).is_empty(), "constants and instructions are found again");
    }
}
