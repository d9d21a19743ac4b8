/// Names and texts of the files; a new file is one line. What is embedded is compiled from them (`build.rs`).
pub(super) const FILES: &[(&str, &str)] = &[
    ("changes/kinds.toml", include_str!("../../catalogue/changes/kinds.toml")),
    ("changes/noise.toml", include_str!("../../catalogue/changes/noise.toml")),
    ("changes/relevance.toml", include_str!("../../catalogue/changes/relevance.toml")),
];
