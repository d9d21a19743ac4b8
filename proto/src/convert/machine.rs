use std::collections::BTreeMap;

use firstline_diagnosis::document::Os;

use super::BadField;
use super::bounds::{at_most, at_most_chars, some_chars};
use crate::v1;

/// A workstation in the words of its own operating system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// Host name.
    pub host_name: String,
    /// Operating system.
    pub os: Os,
    /// Sign-in names of people with a session.
    pub users: Vec<String>,
    /// Hardware evidence for matching, already normalised.
    pub hardware: BTreeMap<String, String>,
}

impl From<Machine> for v1::Machine {
    fn from(machine: Machine) -> Self {
        Self {
            host_name: machine.host_name,
            os_type: machine.os.os_type,
            os_name: machine.os.name,
            os_version: machine.os.version,
            os_build_id: machine.os.build_id,
            users: machine.users,
            hardware: machine.hardware.into_iter().collect(),
        }
    }
}

impl TryFrom<v1::Machine> for Machine {
    type Error = BadField;

    fn try_from(machine: v1::Machine) -> Result<Self, BadField> {
        at_most_chars("host_name", &machine.host_name, 255)?;
        if !["linux", "windows", "darwin"].contains(&machine.os_type.as_str()) {
            return Err(BadField::new("os_type", "is not linux, windows or darwin"));
        }
        for (field, text) in
            [("os_name", &machine.os_name), ("os_version", &machine.os_version), ("os_build_id", &machine.os_build_id)]
        {
            at_most_chars(field, text, 256)?;
        }
        at_most("users", machine.users.len(), 64)?;
        machine.users.iter().try_for_each(|user| some_chars("users", user, 256))?;
        at_most("hardware", machine.hardware.len(), 16)?;
        for (name, value) in &machine.hardware {
            some_chars("hardware", name, 64)?;
            at_most_chars("hardware", value, 256)?;
        }
        Ok(Self {
            host_name: machine.host_name,
            os: Os {
                os_type: machine.os_type,
                name: machine.os_name,
                version: machine.os_version,
                build_id: machine.os_build_id,
            },
            users: machine.users,
            hardware: machine.hardware.into_iter().collect(),
        })
    }
}
