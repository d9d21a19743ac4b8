//! Terminates TLS for agents and for people: reload, revocation, bounds.
