//! Starts real agents, collectors and browsers, and looks at what their users would see.
//!
//! Everything here runs the binaries that ship, on free ports of the loopback, in a folder of its own that is deleted
//! at the end. Waiting is always for a condition with a deadline ([`wait`]). What a failed test leaves behind (logs,
//! screenshots) is printed or kept where the message says.

pub mod active_directory;
pub mod agent;
pub mod api;
pub mod balancer;
pub mod binary;
pub mod browser;
pub mod collector;
pub mod command;
pub mod guest;
pub mod lab;
pub mod limit;
pub mod lost_reply;
pub mod machine;
pub mod nats;
pub mod port;
pub mod postgres;
pub mod process;
pub mod replicas;
pub mod request_tracker;
pub mod slow_link;
pub mod stage;
pub mod volume;
pub mod wait;
pub mod wire;

pub use active_directory::ActiveDirectory;
pub use agent::Agent;
pub use api::Api;
pub use browser::Browser;
pub use collector::Collector;
pub use command::Outcome;
pub use guest::Guest;
pub use lab::Lab;
pub use limit::Limit;
pub use lost_reply::LostReply;
pub use postgres::Postgres;
pub use process::Process;
pub use replicas::Replicas;
pub use request_tracker::RequestTracker;
pub use slow_link::SlowLink;
pub use stage::Stage;
pub use volume::{FailingDisk, Volume};
