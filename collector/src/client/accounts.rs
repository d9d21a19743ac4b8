use reqwest::Method;
use serde_json::json;

use super::command::Account;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::sign_in::{new_password, password};
use super::table::Table;
use super::{Out, progress};
use crate::access::{AccountList, NewAccount, NewAdministrator, NewPassword, Principal};

pub(super) async fn follow(connection: &Connection, order: Account, out: Out) -> Result<(), Failure> {
    match order {
        Account::Add { name, role, password_file } => {
            let role = role.parse().map_err(|error: crate::access::NoSuchRole| Failure::usage(error.to_string()))?;
            let password = password_file.as_deref().map(|file| password(Some(file), &name)).transpose()?;
            let made: NewAdministrator = connection.post("/accounts", &NewAccount { name, role, password }).await?;
            if made.password.is_some() && !out.json {
                progress("The password is shown this once; hand it over and let them keep it.");
            }
            out.print(&made, || {
                let head = format!("Account {} ({}) is there.", made.account.name, made.account.role);
                made.password.as_ref().map_or(head.clone(), |password| format!("{head}\nPassword: {password}"))
            })
        }
        Account::List => {
            let list: AccountList = connection.get("/accounts", &[]).await?;
            out.print(&list, || print(&list))
        }
        Account::Password { password_file, new_password_file } => {
            let me: Principal = connection.get("/me", &[]).await?;
            let old = password(password_file.as_deref(), &me.name)?;
            let new = new_password(new_password_file.as_deref())?;
            connection.hand("/me/password", &NewPassword { old, new }).await?;
            out.print(&json!({ "changed": me.name }), || {
                format!("The password of {} is changed; other sessions have ended.", me.name)
            })
        }
        Account::Disable { name } => {
            connection.tell(Method::POST, &format!("/accounts/{}/disable", part(&name))).await?;
            out.print(&json!({ "disabled": name }), || {
                format!("Account {name} is disabled, and its sessions have ended.")
            })
        }
    }
}

fn print(list: &AccountList) -> String {
    let mut table = Table::new(["name", "role", "made", "by", "state"]);
    for account in &list.accounts {
        let state = account.disabled_at.map_or_else(String::new, |at| format!("disabled {at}"));
        table.row([
            account.name.clone(),
            account.role.name().to_owned(),
            account.created_at.to_string(),
            account.created_by.clone(),
            state,
        ]);
    }
    table.print("There is no account.")
}
