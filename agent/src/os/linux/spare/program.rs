use std::ffi::c_void;

use crate::os::read;

/// Takes the program's own instructions out of this process's memory. They are never altered, so the file has them.
pub(super) fn forget_pages() {
    let maps = read(std::path::Path::new("/"), "proc/self/maps").unwrap_or_default();
    for (start, end) in instructions(&maps) {
        // SAFETY: the range is a mapping of this process that is read from a file and cannot be written, so each page
        // is found again in the file. Where the kernel refuses, everything stays as it is.
        unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// Where instructions are mapped from a file, privately and not to be written.
fn instructions(maps: &str) -> Vec<(usize, usize)> {
    let mapping = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (range, rights) = (fields.next()?, fields.next()?);
        let is_file = fields.nth(3).is_some_and(|path| path.starts_with('/'));
        let (start, end) = range.split_once('-')?;
        let place = |text| usize::from_str_radix(text, 16).ok();
        (rights == "r-xp" && is_file).then_some((place(start)?, place(end)?))
    };
    maps.lines().filter_map(mapping).filter(|(start, end)| start < end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_instructions_from_files_are_forgotten() {
        let maps = "\
55d0c0000000-55d0c0200000 r--p 00000000 fe:00 1234 /usr/bin/firstline-agent
55d0c0200000-55d0c0700000 r-xp 00200000 fe:00 1234 /usr/bin/firstline-agent
55d0c0700000-55d0c0730000 r--p 00700000 fe:00 1234 /usr/bin/firstline-agent
55d0c0730000-55d0c0740000 rw-p 00730000 fe:00 1234 /usr/bin/firstline-agent
55d0c1000000-55d0c1100000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000010000 rwxp 00000000 fe:00 99 /odd
7ffd8a505000-7ffd8a507000 r-xp 00000000 00:00 0 [vdso]
";
        assert_eq!(instructions(maps), [(0x55d0_c020_0000, 0x55d0_c070_0000)]);
    }

    #[test]
    fn a_program_goes_on_after_its_pages_were_forgotten() {
        let mapped = || instructions(&read(std::path::Path::new("/"), "proc/self/maps").expect("readable"));
        let before = mapped();
        forget_pages();
        assert!(!before.is_empty() && mapped() == before);
    }
}
