use super::Thresholds;

/// What the file of this version says.
pub(super) fn builtin() -> Thresholds {
    Thresholds::parse(include_str!("../../catalogue/fleet.toml")).expect("catalogue/fleet.toml")
}
