/// Names and texts of the embedded files; a new file is one line.
pub(super) const FILES: &[(&str, &str)] = &[];
