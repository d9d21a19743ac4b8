//! What the collector asked for, narrowed by what the machine's policy allows.
