use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{Data, say};
use crate::app::{App, Clock as _, SystemClock, owner};
use crate::authority::{Authority, hexadecimal};
use crate::config::{self, Config};
use crate::replica;
use crate::store::{Location, Store, sql};

pub(super) const EXAMPLES: &str = "Examples:
  firstline-collector init --data /var/lib/firstline
  firstline-collector init --data /var/lib/firstline --config postgresql.toml
  firstline-collector init --data /var/lib/firstline --config replica.toml --join COPY-OF-THE-FIRST-ONES/authority";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Name of the first administrator.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    administrator: String,
    /// Configuration to begin with, such as one that names a PostgreSQL server; otherwise every key has its default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Another collector's folder `authority`, or a copy of it: make a further replica on the database of that collector.
    #[arg(long, value_name = "DIR", requires = "config", conflicts_with = "administrator")]
    join: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was made. The password is shown here and kept nowhere.
#[derive(Serialize)]
struct Made<'a> {
    data: &'a Path,
    config: PathBuf,
    authority: PathBuf,
    authority_sha256: String,
    administrator: &'a str,
    password: &'a str,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let folder = &arguments.data.folder;
    let file = folder.join(config::FILE);
    if file.exists() {
        bail!("{} is there already: this folder holds a collector, and it is left as it is", file.display());
    }
    let text = match &arguments.config {
        Some(given) => std::fs::read_to_string(given).with_context(|| format!("reading {}", given.display()))?,
        None => config::TEMPLATE.to_owned(),
    };
    let source = arguments.config.as_ref().unwrap_or(&file).display();
    let config = Config::parse(&text).map_err(|reason| anyhow::anyhow!("{source}: {reason}"))?;
    let database = config.database.location(folder).map_err(anyhow::Error::msg)?;
    if let Some(from) = &arguments.join {
        return join(&arguments, from, &config, &database, &text).await;
    }
    refuse_shared(&database).await?;
    App::create(folder, &config, &SystemClock)?;
    write_through(&file, &text).with_context(|| format!("writing {}", file.display()))?;
    let app = App::open(folder, config, Arc::new(SystemClock)).await?;
    let first = app.access.create_first_administrator(&arguments.administrator).await;
    let Some(administrator) = first.context("making the first administrator")? else {
        bail!("the database {database} has accounts already");
    };
    let made = Made {
        data: folder,
        config: file,
        authority: folder.join("authority").join("root.pem"),
        authority_sha256: hexadecimal(&app.authority.fingerprint()),
        administrator: &administrator.account.name,
        password: administrator.password.as_deref().unwrap_or_default(),
    };
    // The first start would look for a while whether this run is alive.
    app.replicas.leave().await.context("leaving the collectors of this database")?;
    app.store.close().await;
    // Root makes a collector for the service's user.
    owner::hand_over(folder, folder)
        .with_context(|| format!("giving the files to the owner of {}", folder.display()))?;
    say(&mut std::io::stdout(), &if arguments.json { serde_json::to_string(&made)? } else { words(&made) });
    Ok(())
}

/// What was made of a further replica.
#[derive(Serialize)]
struct Joined<'a> {
    data: &'a Path,
    config: PathBuf,
    authority_sha256: String,
    replica: String,
}

/// Makes a further replica, with the authority of the others.
async fn join(
    arguments: &Arguments,
    from: &Path,
    config: &Config,
    database: &Location,
    text: &str,
) -> anyhow::Result<()> {
    let folder = &arguments.data.folder;
    if !config.replicas.is_on() {
        bail!("replicas.nats_url must say how replicas reach each other, here and on the collector that is there");
    }
    let store = Store::open(database).await.with_context(|| format!("opening the database {database}"))?;
    if accounts(&store).await? == 0 {
        bail!("the database {database} is of no collector yet; make the first one without --join");
    }
    Authority::copy(from, &config.authority.place(folder)).context("copying the certificate authority")?;
    let fits = fits(&store, folder, config).await;
    store.close().await;
    let authority_sha256 = match fits {
        Ok(fingerprint) => fingerprint,
        Err(cause) => {
            // Nothing of an authority that is of no use here is left behind.
            let _ = std::fs::remove_dir_all(folder.join("authority"));
            return Err(cause);
        }
    };
    let file = folder.join(config::FILE);
    write_through(&file, text).with_context(|| format!("writing {}", file.display()))?;
    owner::hand_over(folder, folder)
        .with_context(|| format!("giving the files to the owner of {}", folder.display()))?;
    let joined = Joined { data: folder, config: file, authority_sha256, replica: config.replicas.name() };
    say(&mut std::io::stdout(), &if arguments.json { serde_json::to_string(&joined)? } else { joined.words() });
    Ok(())
}

/// Opens the copied authority, and holds it against the database; gives its fingerprint.
async fn fits(store: &Store, folder: &Path, config: &Config) -> anyhow::Result<String> {
    let authority = Authority::open(config.authority.place(folder), &config.listen, SystemClock.now())
        .context("opening the authority")?;
    replica::refuse_stranger(store, &authority).await?;
    Ok(hexadecimal(&authority.fingerprint()))
}

impl Joined<'_> {
    fn words(&self) -> String {
        format!(
            "A further replica, {}, is in {}.\n\n  Configuration   {}\n  Root            SHA-256 {}\n\nStart it with: \
             firstline-collector serve --data {}",
            self.replica,
            self.data.display(),
            self.config.display(),
            self.authority_sha256,
            self.data.display(),
        )
    }
}

/// Writes a file that is on the disk afterwards: one that came up empty after a crash would mean all defaults.
fn write_through(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Refuses a server's database that another collector uses, before anything is made. A file is new anyway.
async fn refuse_shared(database: &Location) -> anyhow::Result<()> {
    if let Location::Postgres(_) = database {
        let store = Store::open(database).await.with_context(|| format!("opening the database {database}"))?;
        let accounts = accounts(&store).await?;
        store.close().await;
        if accounts > 0 {
            bail!(
                "the database {database} belongs to a collector already; name an empty one in database.url, or make a further \
                 replica of that collector with --join"
            );
        }
    }
    Ok(())
}

async fn accounts(store: &Store) -> anyhow::Result<i64> {
    Ok(sql::query_scalar("SELECT COUNT(*) FROM accounts").fetch_one(store.reads()).await?)
}

fn words(made: &Made<'_>) -> String {
    format!(
        "A new collector is in {}.\n\n  Configuration   {}\n  Root            {} (SHA-256 {})\n  Administrator   {}\n  \
         Password        {}   (shown once, write it down)\n\nStart it with: firstline-collector serve --data {}",
        made.data.display(),
        made.config.display(),
        made.authority.display(),
        made.authority_sha256,
        made.administrator,
        made.password,
        made.data.display(),
    )
}
