//! The collector's configuration file.
