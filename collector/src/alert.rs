//! Findings that people must be told about.
