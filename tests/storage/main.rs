//! What the agent keeps on disk, without the rest of the agent.
//!
//! `storage rates` measures the spool and the recorder beside plain writes; `storage live` is an agent that is nothing but
//! a spool and a stream, for a test that kills it.

mod live;
mod rates;

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["rates"] => rates::print(&PathBuf::from(".")),
        ["rates", folder] => rates::print(&PathBuf::from(folder)),
        ["live", state, start_ms, first, count] => {
            live::run(&PathBuf::from(state), start_ms.parse()?, first.parse()?, count.parse()?)
        }
        _ => anyhow::bail!("storage rates [FOLDER] | storage live STATE START_MS FIRST COUNT"),
    }
}
