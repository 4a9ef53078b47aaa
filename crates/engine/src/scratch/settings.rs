//! How a scratch server is set up.

use std::path::{Path, PathBuf};

/// How a [`Cluster`](super::Cluster) is set up. The default suits throw-away
/// work: fast, not durable, reachable only through its socket, ready for
/// logical decoding.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) base: PathBuf,
    pub(super) tcp: bool,
    pub(super) template: Option<PathBuf>,
    parameters: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { base: PathBuf::from("/tmp"), tcp: false, template: None, parameters: Vec::new() }
            .durable(false)
            .parameter("wal_level", "logical")
            .parameter("max_connections", "200")
            .parameter("max_wal_senders", "20")
            .parameter("max_replication_slots", "40")
            .parameter("max_prepared_transactions", "20")
            // Kept in the data directory, so that a killed server leaves nothing outside it.
            .parameter("dynamic_shared_memory_type", "mmap")
            .parameter("shared_buffers", "64MB")
            .parameter("timezone", "UTC")
            .parameter("log_timezone", "UTC")
            .parameter("lc_messages", "C")
            .parameter("log_line_prefix", "%m [%p] %d ")
    }
}

impl Settings {
    /// The directory under which the cluster gets a directory of its own;
    /// `/tmp` unless told. Keep it short: the path of a unix socket is limited
    /// to about 100 bytes. The user of the server must be able to reach it.
    #[must_use]
    pub fn base(mut self, directory: impl Into<PathBuf>) -> Self {
        self.base = directory.into();
        self
    }

    /// Whether commits reach the disk (`fsync`, `full_page_writes`). Off unless
    /// told: a scratch server's files need not survive the machine. They do
    /// survive a killed server either way, because the kernel keeps its writes.
    #[must_use]
    pub fn durable(self, durable: bool) -> Self {
        let value = if durable { "on" } else { "off" };
        self.parameter("fsync", value).parameter("full_page_writes", value)
    }

    /// Whether the server also listens on a free port of 127.0.0.1. Such
    /// connections need a password, which [`Cluster::tcp_url`](super::Cluster::tcp_url) carries.
    #[must_use]
    pub fn tcp(mut self, tcp: bool) -> Self {
        self.tcp = tcp;
        self
    }

    /// A stopped data directory to copy instead of running `initdb`. It must
    /// come from the same major and build, and the server's user must be able to read it.
    #[must_use]
    pub fn template(mut self, data_directory: impl Into<PathBuf>) -> Self {
        self.template = Some(data_directory.into());
        self
    }

    /// Sets a server parameter; the last value given for a name counts.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The text that goes to the end of postgresql.conf.
    #[cfg_attr(not(unix), expect(dead_code, reason = "no server is started there"))]
    pub(super) fn configuration(&self, directory: &Path, port: u16) -> String {
        let mut own = vec![
            ("unix_socket_directories", directory.display().to_string()),
            ("unix_socket_permissions", "0700".to_owned()),
            ("listen_addresses", if self.tcp { "127.0.0.1".to_owned() } else { String::new() }),
            ("port", port.to_string()),
            ("password_encryption", "scram-sha-256".to_owned()),
        ];
        own.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let mut text = String::new();
        for (name, value) in own {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_parameter_counts() {
        let settings = Settings::default().durable(true).parameter("work_mem", "1MB");
        let text = settings.parameter("work_mem", "2MB").configuration(Path::new("/s"), 5432);
        assert!(text.contains("fsync = 'on'\n"), "{text}");
        assert!(text.contains("work_mem = '2MB'\n") && !text.contains("1MB"), "{text}");
    }

    #[test]
    fn a_value_cannot_end_its_own_quotes() {
        let text =
            Settings::default().parameter("log_line_prefix", r"a'b\c").configuration(Path::new("/s"), 1);
        assert!(text.contains(r"log_line_prefix = 'a''b\\c'"), "{text}");
    }
}
