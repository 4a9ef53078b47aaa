//! Every `sslmode` against a server with certificates made for the test.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use cofferdam::db::{self, ConnectOptions, RootCert};
use cofferdam::{Error, ErrorKind, Result};
use cofferdam_testkit::postgres::{self, Cluster, StopMode};

use super::{newest, target, value};

/// A certificate authority in a directory, by the `openssl` program.
struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    /// `None`, with a word on stderr, where there is no `openssl`.
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("skipped: no openssl program to make certificates with");
            return None;
        }
        let authority = Self { dir: tempfile::tempdir().unwrap() };
        authority.self_signed("root", "/CN=test root", &["-addext", "keyUsage=keyCertSign"]);
        Some(authority)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn openssl(&self, args: &[&str]) {
        let output = Command::new("openssl").args(args).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn self_signed(&self, name: &str, subject: &str, more: &[&str]) {
        let (key, cert) = (format!("{name}.key"), format!("{name}.crt"));
        let mut args = vec!["req", "-new", "-x509", "-days", "2", "-nodes", "-newkey", "ec"];
        args.extend([
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-subj",
            subject,
            "-keyout",
            &key,
            "-out",
            &cert,
        ]);
        args.extend(more);
        self.openssl(&args);
    }

    /// A certificate that the root signed, with the given extensions.
    fn signed(&self, name: &str, subject: &str, extensions: &str) {
        let file = |suffix: &str| format!("{name}.{suffix}");
        fs::write(self.path(&file("ext")), extensions).unwrap();
        self.openssl(&[
            "req",
            "-new",
            "-nodes",
            "-newkey",
            "rsa:2048",
            "-subj",
            subject,
            "-keyout",
            &file("key"),
            "-out",
            &file("csr"),
        ]);
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &file("csr"),
            "-days",
            "2",
            "-CA",
            "root.crt",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-extfile",
            &file("ext"),
            "-out",
            &file("crt"),
        ]);
        fs::set_permissions(self.path(&file("key")), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A server on 127.0.0.1, first without TLS.
struct Server {
    cluster: Cluster,
    url: String,
}

impl Server {
    fn start() -> Self {
        let major = newest();
        let binaries = postgres::binaries().iter().find(|found| found.major() == major).unwrap();
        let cluster = Cluster::start(binaries, &postgres::settings(major).tcp(true))
            .unwrap_or_else(|e| panic!("{e} {:?}", e.details()));
        let url = cluster.tcp_url("postgres").unwrap();
        Self { cluster, url }
    }

    /// Puts a file into the server's own directory, readable for it alone.
    fn put(&self, from: &Path, name: &str) {
        let data = self.cluster.data_directory();
        let owner = fs::metadata(&data).unwrap();
        let to = data.join(name);
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    fn set(&self, parameter: &str) {
        self.cluster.run("postgres", &format!("alter system set {parameter}")).unwrap();
    }

    /// Serves TLS with this certificate from now on.
    fn serve(&self, authority: &Authority, name: &str) {
        self.put(&authority.path(&format!("{name}.crt")), "server.crt");
        self.put(&authority.path(&format!("{name}.key")), "server.key");
        self.set("ssl = on");
        self.cluster.restart(StopMode::Fast).unwrap();
    }

    fn rules(&self, lines: &str) {
        let path = self.cluster.data_directory().join("pg_hba.conf");
        fs::write(&path, format!("local all all trust\n{lines}\n")).unwrap();
        self.cluster.restart(StopMode::Fast).unwrap();
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        format!("{}?{parameters}", self.url.replace("127.0.0.1", host))
    }

    async fn connect(&self, host: &str, parameters: &str) -> Result<bool> {
        self.connect_with(host, parameters, &ConnectOptions::default()).await
    }

    /// Whether the session that came about is encrypted.
    async fn connect_with(&self, host: &str, parameters: &str, options: &ConnectOptions) -> Result<bool> {
        let session = db::connect(&target(&self.url(host, parameters)), options).await?;
        assert!(session.pooler().is_none(), "{:?}", session.pooler());
        Ok(value(&session, "select ssl from pg_stat_ssl where pid = pg_backend_pid()").await == "t")
    }
}

fn assert_refused(result: Result<bool>, words: &str) -> Error {
    let error = match result {
        Err(error) => error,
        Ok(encrypted) => panic!("connected (encrypted: {encrypted}) instead of: {words}"),
    };
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.message().contains(words), "{error}");
    error
}

#[tokio::test]
async fn without_tls_in_the_server_only_the_weak_modes_connect() {
    let server = Server::start();
    for mode in ["disable", "allow", "prefer"] {
        assert!(!server.connect("127.0.0.1", &format!("sslmode={mode}")).await.unwrap(), "{mode}");
    }
    assert_refused(server.connect("127.0.0.1", "sslmode=require").await, "does not support TLS");
    assert_refused(
        server.connect("127.0.0.1", "sslmode=verify-full").await,
        "sslmode=verify-full needs a root certificate",
    );
    assert_refused(
        server.connect("127.0.0.1", "sslmode=require&sslrootcert=system").await,
        "sslmode=require is too weak for sslrootcert=system",
    );
    assert_refused(
        server.connect("127.0.0.1", "sslmode=verify-ca&sslrootcert=/no/such.crt").await,
        "no such file or directory",
    );
    assert_refused(
        server.connect("127.0.0.1", "sslnegotiation=direct").await,
        "sslnegotiation=direct needs more than sslmode=prefer",
    );
}

#[tokio::test]
async fn each_mode_checks_what_libpq_checks() {
    let Some(ours) = Authority::new() else { return };
    let other = Authority::new().unwrap();
    ours.signed("server", "/CN=ignored.example", "subjectAltName=DNS:localhost");
    let server = Server::start();
    server.serve(&ours, "server");
    let root = format!("sslrootcert={}", ours.path("root.crt").display());
    let wrong_root = format!("sslrootcert={}", other.path("root.crt").display());

    for (mode, encrypted) in [("disable", false), ("allow", false), ("prefer", true), ("require", true)] {
        assert_eq!(
            server.connect("127.0.0.1", &format!("sslmode={mode}")).await.unwrap(),
            encrypted,
            "{mode}"
        );
    }
    for mode in ["require", "verify-ca"] {
        assert!(server.connect("127.0.0.1", &format!("sslmode={mode}&{root}")).await.unwrap(), "{mode}");
        let error = assert_refused(
            server.connect("localhost", &format!("sslmode={mode}&{wrong_root}")).await,
            "it is not signed by a trusted authority",
        );
        assert_eq!(error.hint_text(), Some("give the authority's certificate with sslrootcert=FILE"));
    }
    assert!(server.connect("localhost", &format!("sslmode=verify-full&{root}")).await.unwrap());
    assert_refused(
        server.connect("127.0.0.1", &format!("sslmode=verify-full&{root}")).await,
        "is not for the host 127.0.0.1",
    );
    // As libpq: a chain that does not verify makes `prefer` go on without TLS.
    assert!(!server.connect("localhost", &format!("sslmode=prefer&{wrong_root}")).await.unwrap());

    // What the shell hands in fills the gaps of the URL, and only the gaps.
    let options = ConnectOptions {
        tls_mode: Some(db::TlsMode::VerifyFull),
        root_cert: Some(RootCert::File(ours.path("root.crt"))),
        ..ConnectOptions::default()
    };
    assert!(server.connect_with("localhost", "", &options).await.unwrap());
    assert_refused(server.connect_with("127.0.0.1", "", &options).await, "is not for the host");
    assert!(!server.connect_with("127.0.0.1", "sslmode=disable", &options).await.unwrap());
    // A root certificate at home makes `require` mean verify-ca.
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".postgresql")).unwrap();
    fs::copy(other.path("root.crt"), home.path().join(".postgresql/root.crt")).unwrap();
    let options = ConnectOptions { home: Some(home.path().to_owned()), ..ConnectOptions::default() };
    assert_refused(
        server.connect_with("localhost", "sslmode=require", &options).await,
        "it is not signed by a trusted authority",
    );
    for version in ["TLSv1.2", "TLSv1.3"] {
        let exactly =
            format!("sslmode=require&ssl_min_protocol_version={version}&ssl_max_protocol_version={version}");
        assert!(server.connect("localhost", &exactly).await.unwrap(), "{version}");
    }
    if newest() >= 17 {
        assert!(server.connect("localhost", "sslmode=require&sslnegotiation=direct").await.unwrap());
    }
    assert!(server.connect("localhost", "sslmode=require&channel_binding=require").await.unwrap());
}

#[tokio::test]
async fn a_certificate_as_the_manual_of_postgres_makes_it_is_accepted() {
    let Some(authority) = Authority::new() else { return };
    // Self-signed, marked as an authority, named by its common name only.
    authority.self_signed("plain", "/CN=localhost", &[]);
    let server = Server::start();
    server.serve(&authority, "plain");
    let root = format!("sslrootcert={}", authority.path("plain.crt").display());
    for mode in ["require", "verify-ca", "verify-full"] {
        assert!(server.connect("localhost", &format!("sslmode={mode}&{root}")).await.unwrap(), "{mode}");
    }
    assert_refused(
        server.connect("127.0.0.1", &format!("sslmode=verify-full&{root}")).await,
        "is not for the host 127.0.0.1",
    );
    let other = format!("sslrootcert={}", authority.path("root.crt").display());
    assert_refused(
        server.connect("localhost", &format!("sslmode=verify-ca&{other}")).await,
        "is not accepted",
    );
}

#[tokio::test]
async fn the_servers_rules_decide_where_the_mode_leaves_a_choice() {
    let Some(authority) = Authority::new() else { return };
    authority.signed("server", "/CN=localhost", "subjectAltName=DNS:localhost");
    authority.signed("client", "/CN=postgres", "extendedKeyUsage=clientAuth");
    let server = Server::start();
    server.put(&authority.path("root.crt"), "root.crt");
    server.set("ssl_ca_file = 'root.crt'");
    server.serve(&authority, "server");

    server.rules("hostssl all all 127.0.0.1/32 scram-sha-256");
    assert!(server.connect("127.0.0.1", "sslmode=allow").await.unwrap());
    assert_refused(server.connect("127.0.0.1", "sslmode=disable").await, "no pg_hba.conf entry");
    server.rules("hostnossl all all 127.0.0.1/32 scram-sha-256");
    assert!(!server.connect("127.0.0.1", "sslmode=prefer").await.unwrap());
    assert_refused(server.connect("127.0.0.1", "sslmode=require").await, "no pg_hba.conf entry");

    server.rules("hostssl all all 127.0.0.1/32 cert");
    let (cert, key) = (authority.path("client.crt"), authority.path("client.key"));
    let identity = format!("sslmode=require&sslcert={}&sslkey={}", cert.display(), key.display());
    assert!(server.connect("127.0.0.1", &identity).await.unwrap());
    assert_refused(server.connect("127.0.0.1", "sslmode=require").await, "client certificate");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let error = assert_refused(server.connect("127.0.0.1", &identity).await, "others can read it");
    assert_eq!(error.hint_text(), Some(format!("chmod 0600 {}", key.display()).as_str()));
}
