//! Runs probes: tiers, jitter, deadlines, cost.
