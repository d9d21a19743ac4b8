//! Answers a collector's request for a fresh snapshot.
