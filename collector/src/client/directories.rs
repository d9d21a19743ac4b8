use std::fmt::Write as _;

use super::Out;
use super::command::Directory;
use super::connection::{Connection, part};
use super::desks::steps;
use super::failure::Failure;
use super::table::{Table, harmless};
use crate::directory::{Account, DirectoryList, DirectoryTrial, DirectoryTrialOrder};

pub(super) async fn follow(connection: &Connection, order: Directory, out: Out) -> Result<(), Failure> {
    match order {
        Directory::List => {
            let list: DirectoryList = connection.get("/directories", &[]).await?;
            out.print(&list, || directories(&list))
        }
        Directory::Test { directory, account } => {
            let path = format!("/directories/{}/test", part(&directory));
            let trial: DirectoryTrial = connection.post(&path, &DirectoryTrialOrder { account }).await?;
            out.print(&trial, || steps(&trial.steps))?;
            if trial.passed {
                Ok(())
            } else {
                Err(Failure::failed(format!("directory {directory} is not set up for all of it")))
            }
        }
        Directory::Look { name, ticket } => {
            let mut query = vec![("name", name.as_str())];
            query.extend(ticket.as_deref().map(|ticket| ("ticket", ticket)));
            let account: Account = connection.get("/directories/account", &query).await?;
            out.print(&account, || words(&account))
        }
    }
}

fn directories(list: &DirectoryList) -> String {
    let mut table = Table::new(["directory", "kind", "address", "trouble"]);
    for one in &list.directories {
        table.row([one.name.clone(), one.kind.clone(), one.url.clone(), one.trouble.clone()]);
    }
    table.print("No directories. docs/directories.md says how to set one up.")
}

fn words(account: &Account) -> String {
    let mut text = format!("{} in directory {}\n", harmless(&account.sign_in), account.directory);
    for (what, says) in account.words() {
        let _ = writeln!(text, "{what:<22}{}", harmless(&says));
    }
    if !account.machines.is_empty() {
        let _ = writeln!(text, "{:<22}{}", "computers", harmless(&account.machines.join(", ")));
    }
    text
}
