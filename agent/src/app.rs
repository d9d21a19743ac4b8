//! Turns a configuration into running tasks, and owns their end.
