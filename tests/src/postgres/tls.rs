use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::{NAME, Postgres, give};

/// Names of the server's files.
pub(super) const CERTIFICATE: &str = "server.crt";
pub(super) const KEY: &str = "server.key";

impl Postgres {
    /// Gives the server a certificate for `host`, of an authority of its own, and starts it again: it encrypts from now on.
    pub async fn encrypt(&mut self, host: &str) {
        let authority_key = KeyPair::generate().expect("a key can be made");
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).expect("a root can be made");
        let key = KeyPair::generate().expect("a key can be made");
        let server = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        let issuer = Issuer::new(authority, authority_key);
        let certificate = server.signed_by(&key, &issuer).expect("a certificate can be made");
        fs::write(self.authority(), root.pem()).expect("written");
        for (name, text) in [(CERTIFICATE, certificate.pem()), (KEY, key.serialize_pem())] {
            let path = self.folder.path().join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
            give(&path);
        }
        self.encrypts = true;
        self.kill();
        self.go().await;
    }

    /// The certificate of the authority that signed the server's.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("root.crt")
    }

    /// What a collector's configuration says that reaches it as `host`, and checks that with the authority in this file.
    pub fn verified_configuration(&self, host: &str, authority: &std::path::Path) -> String {
        format!(
            "[database]\nurl = \"postgres://{NAME}@{host}:{}/{NAME}?sslmode=verify-full&sslrootcert={}\"\npassword_file = \"{}\"\n",
            self.port(),
            authority.display(),
            self.secret().display()
        )
    }
}
