use super::{Data, say};
use crate::config::{self, Config};
use crate::detect::Catalogues;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.data.folder;
    let config = Config::read(folder)?;
    let file = folder.join(config::FILE);
    // The files that it names belong to it, and so do the administrator's checks.
    config.check_files(folder).map_err(|reason| anyhow::anyhow!("{}: {reason}", file.display()))?;
    Catalogues::check(folder)?;
    say(&mut std::io::stdout(), &format!("{} is right", file.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn said(folder: &Path) -> String {
        let data = Data { folder: folder.to_owned() };
        run(&Arguments { data }).expect_err("something is wrong").to_string()
    }

    #[test]
    fn what_the_file_names_and_the_checks_beside_it_belong_to_it() {
        let folder = tempfile::tempdir().expect("folder");
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        let desk = "[[desk]]\nname = \"helpdesk\"\nkind = \"request-tracker\"\nurl = \"https://rt.example.com\"\n";
        put(config::FILE, &format!("{desk}token_file = \"rt.token\"\nca_file = \"rt.pem\"\n"));
        assert!(said(folder.path()).contains("desk \"helpdesk\": token_file: cannot read"), "{}", said(folder.path()));
        put("rt.token", "secret\n");
        assert!(said(folder.path()).contains("desk \"helpdesk\": ca_file: cannot read"), "{}", said(folder.path()));
        put("rt.pem", "-----BEGIN CERTIFICATE-----");
        fs::create_dir(folder.path().join("checks")).expect("a folder");
        put("checks/mine.toml", "[[check]]\nid = \"mine\"\nwehn = \"1 = 1\"\n");
        assert!(said(folder.path()).contains("checks/mine.toml:"), "{}", said(folder.path()));
        put(
            config::FILE,
            "[listen]\npeople_certificate_file = \"/nowhere/a.pem\"\npeople_key_file = \"/nowhere/a.key\"\n",
        );
        assert!(said(folder.path()).contains("listen.people_certificate_file: cannot read /nowhere/a.pem"));
    }
}
