use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

/// What a person is here for. One account has one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works on tickets: reads endpoints, pulls diagnoses, writes notes.
    Technician,
    /// Watches alerts: all a technician may, and acknowledges and silences.
    Ops,
    /// Rolls out and runs the product: all that ops may, and tokens, revocation and accounts.
    Administrator,
    /// Reads everything, the audit log too, and changes nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Technician, Self::Ops, Self::Administrator, Self::Auditor];

    /// The word in documents, in the database and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Technician => "technician",
            Self::Ops => "ops",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no role: choose technician, ops, administrator or auditor")]
pub struct NoSuchRole(pub String);

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| NoSuchRole(text.to_owned()))
    }
}

/// Who may use a route. Every route declares one of these; there is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Nobody needs to be signed in: the sign-in page, the assets.
    pub const OPEN: Self = Self(0xff);
    /// Everybody who is signed in may look.
    pub const LOOK: Self =
        Self(Role::Technician.bit() | Role::Ops.bit() | Role::Administrator.bit() | Role::Auditor.bit());
    /// Work on tickets: open, note, pull.
    pub const WORK: Self = Self(Role::Technician.bit() | Role::Ops.bit() | Role::Administrator.bit());
    /// Decide about alerts: acknowledge, silence.
    pub const OPERATE: Self = Self(Role::Ops.bit() | Role::Administrator.bit());
    /// Run the product: tokens, revocation, accounts.
    pub const ADMINISTER: Self = Self(Role::Administrator.bit());
    /// Read the audit log.
    pub const AUDIT: Self = Self(Role::Administrator.bit() | Role::Auditor.bit());

    /// Whether nobody needs to be signed in.
    pub fn is_open(self) -> bool {
        self == Self::OPEN
    }

    /// Whether `role` is among them.
    pub fn admit(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The roles by name, for the API's document.
    pub fn names(self) -> Vec<&'static str> {
        if self.is_open() {
            return Vec::new();
        }
        Role::ALL.into_iter().filter(|role| self.admit(*role)).map(Role::name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_changes_nothing() {
        for roles in [Roles::WORK, Roles::OPERATE, Roles::ADMINISTER] {
            assert!(!roles.admit(Role::Auditor));
        }
        assert!(Roles::AUDIT.admit(Role::Auditor) && Roles::LOOK.admit(Role::Auditor));
    }

    #[test]
    fn reads_back_its_names_and_nothing_else() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
