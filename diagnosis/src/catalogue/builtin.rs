/// Names and texts of the files; a new file is one line. What is embedded is compiled from them (`build.rs`).
pub(super) const FILES: &[(&str, &str)] = &[
    ("checks/agent.toml", include_str!("../../catalogue/checks/agent.toml")),
    ("checks/forecast.toml", include_str!("../../catalogue/checks/forecast.toml")),
    ("checks/network.toml", include_str!("../../catalogue/checks/network.toml")),
    ("checks/performance.toml", include_str!("../../catalogue/checks/performance.toml")),
    ("checks/power.toml", include_str!("../../catalogue/checks/power.toml")),
    ("checks/stability.toml", include_str!("../../catalogue/checks/stability.toml")),
    ("checks/storage.toml", include_str!("../../catalogue/checks/storage.toml")),
    ("checks/trust.toml", include_str!("../../catalogue/checks/trust.toml")),
    ("suppression.toml", include_str!("../../catalogue/suppression.toml")),
    ("symptoms.toml", include_str!("../../catalogue/symptoms.toml")),
];
