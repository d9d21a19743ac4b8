//! Lets libFuzzer make up bytes for the target that `FIRSTLINE_FUZZ_TARGET` names.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FIRSTLINE_FUZZ_TARGET").unwrap_or_default();
    firstline_fuzz::target(&name).unwrap_or_else(|| panic!("FIRSTLINE_FUZZ_TARGET is {name:?}, which is no target"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
