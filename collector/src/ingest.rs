//! Takes in streams of agents and hands their records to the store.

mod observation;

pub use observation::Observation;
