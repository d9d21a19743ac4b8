/// Names and texts of the declarations; a new area is one line. What is embedded is compiled from them (`build.rs`).
pub(super) const FILES: &[(&str, &str)] = &[
    ("signals/agent.toml", include_str!("../../catalogue/signals/agent.toml")),
    ("signals/events.toml", include_str!("../../catalogue/signals/events.toml")),
    ("signals/hardware.toml", include_str!("../../catalogue/signals/hardware.toml")),
    ("signals/identity.toml", include_str!("../../catalogue/signals/identity.toml")),
    ("signals/network.toml", include_str!("../../catalogue/signals/network.toml")),
    ("signals/performance.toml", include_str!("../../catalogue/signals/performance.toml")),
    ("signals/peripheral.toml", include_str!("../../catalogue/signals/peripheral.toml")),
    ("signals/software.toml", include_str!("../../catalogue/signals/software.toml")),
    ("signals/storage.toml", include_str!("../../catalogue/signals/storage.toml")),
    ("signals/trust.toml", include_str!("../../catalogue/signals/trust.toml")),
];
