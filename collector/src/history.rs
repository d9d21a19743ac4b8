//! Minutes, kept in arrival order and forgotten by age.
