//! Every fault of a small network, made for real: which step fails first, according to the agent on the pc, which has
//! nobody to ask but itself.

mod between;
mod faults;
