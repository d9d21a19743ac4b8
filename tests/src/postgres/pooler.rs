use std::fs;

use super::{NAME, Postgres, give, section, unprivileged};
use crate::{Process, port, wait};

/// pgbouncer in front of a server: each transaction gets whichever connection is free.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    secret: std::path::PathBuf,
    _process: Process,
}

impl Pooler {
    /// Starts one that keeps at most `connections` to the server.
    pub async fn start(server: &Postgres, connections: u32) -> Self {
        let folder = server.folder.path().join("pooler");
        fs::create_dir(&folder).expect("a folder can be made");
        let (file, users, port) = (folder.join("pooler.ini"), folder.join("users"), port::free());
        fs::write(&users, format!("\"{NAME}\" \"{}\"\n", server.password)).expect("the users can be kept");
        let text = format!(
            "[databases]\n{NAME} = host=127.0.0.1 port={} dbname={NAME}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {connections}\nmax_client_conn = 200\nserver_login_retry = 1\n",
            server.port(),
            users.display()
        );
        fs::write(&file, text).expect("the configuration can be written");
        for path in [&folder, &file, &users] {
            give(path);
        }
        let mut command = unprivileged("/usr/sbin/pgbouncer");
        command.arg(&file);
        let process = Process::start("pgbouncer", command, &folder.join("log"));
        wait::for_listener(port, super::READY).await;
        Self { port, secret: server.secret(), _process: process }
    }

    /// What a collector's configuration says about it.
    pub fn configuration(&self) -> String {
        section(self.port, &self.secret, "transaction")
    }
}
