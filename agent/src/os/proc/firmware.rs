//! What the firmware says: dates, variables, identities.

/// `bios_date`, `03/15/2023`, as `2023-03-15`.
pub(crate) fn date(text: &str) -> Option<String> {
    let mut parts = text.trim().splitn(3, '/').map(str::parse::<u16>);
    let (month, day, year) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    // Before 2000, firmware wrote two digits.
    let year = if year < 100 { year + 1900 } else { year };
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && (1980..2100).contains(&year);
    valid.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// The flag in an EFI variable: four bytes of attributes, one of value.
pub(crate) fn efi_flag(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [_, _, _, _, 0] => Some(false),
        [_, _, _, _, 1] => Some(true),
        _ => None,
    }
}

/// Whether the trusted certificates hold one of the makers' keys of 2023, by the name of its owner.
pub(crate) fn names_keys_of_2023(certificates: &[u8]) -> bool {
    const OWNERS: [&[u8]; 2] = [b"Microsoft UEFI CA 2023", b"Windows UEFI CA 2023"];
    OWNERS.iter().any(|owner| certificates.windows(owner.len()).any(|bytes| bytes == *owner))
}

/// A serial number, unless it is what makers write who forgot it.
pub(crate) fn serial(text: &str) -> Option<String> {
    const JUNK: [&str; 15] = [
        "none",
        "n/a",
        "na",
        "not specified",
        "not applicable",
        "not available",
        "default string",
        "default",
        "to be filled by o.e.m.",
        "system serial number",
        "serial number",
        "chassis serial number",
        "unknown",
        "invalid",
        "oem",
    ];
    let serial = text.trim();
    let mut letters = serial.chars().filter(char::is_ascii_alphanumeric);
    let first = letters.next()?;
    let varied = letters.any(|letter| letter != first);
    let counted = "0123456789".contains(serial) || "1234567890".contains(serial);
    let junk = JUNK.contains(&serial.to_ascii_lowercase().as_str()) || !varied || counted;
    (!junk && serial.len() <= 64 && serial.chars().all(|letter| letter.is_ascii_graphic() || letter == ' '))
        .then(|| serial.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_keys_by_the_name_in_their_certificates() {
        let named = |owner: &str| [b"\x30\x82\x05\xa0\x13\x16".as_slice(), owner.as_bytes(), b"\x30\x82"].concat();
        assert!(names_keys_of_2023(&named("Microsoft UEFI CA 2023")));
        assert!(!names_keys_of_2023(&named("Microsoft Corporation UEFI CA 2011")));
        assert!(!names_keys_of_2023(&[]));
    }

    #[test]
    fn writes_dates_so_that_they_sort() {
        assert_eq!(date("03/15/2023\n").as_deref(), Some("2023-03-15"));
        assert_eq!(date("04/01/99").as_deref(), Some("1999-04-01"));
        for odd in ["", "2023-03-15", "13/01/2023", "03/15", "03/15/20233"] {
            assert_eq!(date(odd), None, "{odd}");
        }
    }

    #[test]
    fn reads_the_flag_behind_the_attributes() {
        assert_eq!(efi_flag(&[6, 0, 0, 0, 1]), Some(true));
        assert_eq!(efi_flag(&[6, 0, 0, 0, 0]), Some(false));
        assert_eq!(efi_flag(&[6, 0, 0, 0]), None);
        assert_eq!(efi_flag(&[6, 0, 0, 0, 7]), None);
    }

    #[test]
    fn what_the_maker_forgot_is_no_serial_number() {
        assert_eq!(serial("PF3XK2Z9\n").as_deref(), Some("PF3XK2Z9"));
        for junk in [
            "",
            "0",
            "00000000",
            "To Be Filled By O.E.M.",
            "Not Specified",
            "123456789",
            "xxxxxxxx",
            "....",
            "\u{7f}ab",
        ] {
            assert_eq!(serial(junk), None, "{junk}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9/]{0,12}.{0,9}") {
            let _ = (date(&text), serial(&text), efi_flag(text.as_bytes()));
        }
    }
}
