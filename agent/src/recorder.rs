//! The agent's own memory: 15-second steps for 24 hours in a bounded file.
