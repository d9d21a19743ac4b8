use std::fmt;

/// A UCUM unit as far as signals need one: a scale and powers of the base dimensions.
///
/// Annotations (`{page}`, `{cpu}`) have no dimension, as UCUM wants it, but they are remembered so that a count is not
/// printed as a percentage.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// One of this unit in base units.
    pub(crate) scale: f64,
    /// Powers of the base dimensions, in the order of [`BASES`].
    powers: [i8; BASES.len()],
    /// Whether it counts things.
    pub(crate) counts: bool,
    /// As it is written.
    text: String,
}

/// Base dimensions. Information is counted in bytes, so that bits and bytes convert.
const BASES: [&str; 8] = ["By", "s", "Cel", "W", "V", "dBm", "dB", "{rotation}"];

/// Every unit that signals and literals may name: text, scale, base dimension, power.
const KNOWN: [(&str, f64, usize, i8); 45] = [
    ("By", 1.0, 0, 1),
    ("B", 1.0, 0, 1),
    ("kB", 1e3, 0, 1),
    ("MB", 1e6, 0, 1),
    ("GB", 1e9, 0, 1),
    ("TB", 1e12, 0, 1),
    ("KiB", 1024.0, 0, 1),
    ("MiB", 1_048_576.0, 0, 1),
    ("GiB", 1_073_741_824.0, 0, 1),
    ("TiB", 1_099_511_627_776.0, 0, 1),
    ("KiBy", 1024.0, 0, 1),
    ("MiBy", 1_048_576.0, 0, 1),
    ("GiBy", 1_073_741_824.0, 0, 1),
    ("bit", 0.125, 0, 1),
    ("kbit", 125.0, 0, 1),
    ("Mbit", 125e3, 0, 1),
    ("Gbit", 125e6, 0, 1),
    ("ns", 1e-9, 1, 1),
    ("us", 1e-6, 1, 1),
    ("ms", 1e-3, 1, 1),
    ("s", 1.0, 1, 1),
    ("sec", 1.0, 1, 1),
    ("m", 60.0, 1, 1),
    ("min", 60.0, 1, 1),
    ("h", 3600.0, 1, 1),
    ("d", 86400.0, 1, 1),
    ("w", 604_800.0, 1, 1),
    ("wk", 604_800.0, 1, 1),
    ("Hz", 1.0, 1, -1),
    ("kHz", 1e3, 1, -1),
    ("MHz", 1e6, 1, -1),
    ("GHz", 1e9, 1, -1),
    ("Cel", 1.0, 2, 1),
    ("mW", 1e-3, 3, 1),
    ("W", 1.0, 3, 1),
    ("mV", 1e-3, 4, 1),
    ("V", 1.0, 4, 1),
    ("dBm", 1.0, 5, 1),
    ("dB", 1.0, 6, 1),
    ("rpm", 1.0, 7, 1),
    ("1", 1.0, 0, 0),
    ("%", 0.01, 0, 0),
    ("ppm", 1e-6, 0, 0),
    ("kWh", 3.6e6, 3, 1),
    ("Wh", 3600.0, 3, 1),
];

impl Unit {
    /// A plain ratio.
    pub fn one() -> Self {
        Self { scale: 1.0, powers: [0; BASES.len()], counts: false, text: "1".to_owned() }
    }

    /// Seconds.
    pub fn seconds() -> Self {
        Self::parse("s").expect("the second is known")
    }

    /// How many there are of something.
    pub fn count() -> Self {
        Self { counts: true, text: "{count}".to_owned(), ..Self::one() }
    }

    /// Reads `By`, `1`, `{page}`, `bit/s`, `Mbit/s`, `{page}/s`.
    ///
    /// # Errors
    /// What is not known, and what may have been meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let mut unit = Self::factor(parts.next().unwrap_or_default())?;
        for part in parts {
            unit = unit.over(&Self::factor(part)?);
        }
        text.clone_into(&mut unit.text);
        Ok(unit)
    }

    fn factor(text: &str) -> Result<Self, String> {
        if text.starts_with('{') && text.ends_with('}') && text.len() > 2 {
            return Ok(Self { counts: true, text: text.to_owned(), ..Self::one() });
        }
        let Some((_, scale, base, power)) = KNOWN.iter().find(|(name, ..)| *name == text) else {
            let hint = crate::spelling::hint(text, KNOWN.iter().map(|(name, ..)| *name));
            return Err(format!("{text:?} is not a unit{hint}"));
        };
        let mut powers = [0; BASES.len()];
        powers[*base] = *power;
        Ok(Self { scale: *scale, powers, counts: false, text: text.to_owned() })
    }

    /// Whether both measure the same thing and can be compared.
    pub fn fits(&self, other: &Self) -> bool {
        self.powers == other.powers
    }

    /// Whether it has no dimension.
    pub fn is_plain(&self) -> bool {
        self.powers.iter().all(|power| *power == 0)
    }

    /// Whether it is nothing but time.
    pub fn is_time(&self) -> bool {
        self.fits(&Self::seconds())
    }

    /// Whether it is nothing but an amount of data.
    pub(crate) fn is_data(&self) -> bool {
        self.powers == Self::factor("By").expect("the byte is known").powers
    }

    /// Whether it is an amount of data over time.
    pub(crate) fn is_data_rate(&self) -> bool {
        self.powers == Self::parse("By/s").expect("both are known").powers
    }

    /// The unit of a product.
    pub(crate) fn times(&self, other: &Self) -> Self {
        self.combined(other, 1)
    }

    /// The unit of a quotient.
    pub(crate) fn over(&self, other: &Self) -> Self {
        self.combined(other, -1)
    }

    fn combined(&self, other: &Self, sign: i8) -> Self {
        let mut powers = self.powers;
        for (power, more) in powers.iter_mut().zip(other.powers) {
            *power += sign * more;
        }
        let scale = if sign > 0 { self.scale * other.scale } else { self.scale / other.scale };
        let text = match (self.text.as_str(), other.text.as_str()) {
            (one, two) if sign < 0 && one == two => "1".to_owned(),
            (one, "1") => one.to_owned(),
            ("1", two) if sign > 0 => two.to_owned(),
            (one, two) if sign > 0 => format!("{one}.{two}"),
            (one, two) => format!("{one}/{two}"),
        };
        let counts = if sign > 0 { self.counts || other.counts } else { self.counts && self.text != other.text };
        let unit = Self { scale, powers, counts, text };
        unit.simplified()
    }

    /// Under its short name, when what is left is one base dimension or none: `1/{operation}/s` is `s`.
    fn simplified(mut self) -> Self {
        let used: Vec<usize> = (0..BASES.len()).filter(|base| self.powers[*base] != 0).collect();
        let is_base = (self.scale - 1.0).abs() < 1e-12 && !self.counts;
        match used.as_slice() {
            [] if is_base => "1".clone_into(&mut self.text),
            [base] if is_base && self.powers[*base] == 1 => BASES[*base].clone_into(&mut self.text),
            _ => {}
        }
        self
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        Unit::parse(text).expect("a unit")
    }

    #[test]
    fn bits_and_bytes_convert() {
        assert!(unit("Mbit/s").fits(&unit("By/s")));
        assert_eq!(unit("Mbit").scale, 125_000.0);
        assert!(!unit("By").fits(&unit("s")));
    }

    #[test]
    fn counts_are_plain_but_remembered() {
        assert!(unit("{page}").is_plain() && unit("{page}").counts);
        assert!(!unit("s").over(&unit("s")).counts);
        assert!(!unit("1").over(&unit("{cpu}")).counts);
        assert!(!unit("{inode}").over(&unit("{inode}")).counts);
        assert_eq!(unit("By").over(&unit("By")).to_string(), "1");
        assert_eq!(unit("{page}").over(&unit("s")).to_string(), "{page}/s");
        assert_eq!(unit("1").over(&unit("{page}").over(&unit("s"))).to_string(), "s");
    }

    #[test]
    fn suggests_what_was_meant() {
        assert!(Unit::parse("Gib").expect_err("wrong").contains("did you mean"));
    }
}
