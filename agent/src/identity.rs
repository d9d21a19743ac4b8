//! The endpoint's key and certificate: made here, the key never leaves.
