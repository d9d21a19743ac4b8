//! What just happened, for everybody who watches.
