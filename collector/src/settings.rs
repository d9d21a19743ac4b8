//! What agents are asked to collect, and how often.
