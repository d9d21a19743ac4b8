//! The agent's configuration file and directories.
