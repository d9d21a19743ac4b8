//! What Firstline knows about workstations, and nothing else.
//!
//! Pure by construction: no I/O, no clock of its own, no network. The collector uses it on live data, the agent
//! uses it when there is no network, and a replay uses it on a recording: one code path, `now` is always passed in.
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`vocabulary`] | the words: signal, reading, sample, event, mark |
//! | [`document`] | the documents people and scripts receive: endpoint, snapshot, diagnosis |

pub mod document;
pub mod vocabulary;
