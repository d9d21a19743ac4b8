//! Who may do what: accounts, sessions, roles, and the audit log.
