//! What the client is told when it is made. Defaults are for a machine on an ordinary line.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Secret;
use crate::tls::Root;

/// How the client behaves. Retries have their own settings in [`crate::RetryPolicy`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// `lightship/0.1.0`.
    pub user_agent: String,
    /// The certificate authorities to trust. Without any, no HTTPS server is trusted.
    pub roots: Vec<Root>,
    /// Proxies, from wherever the caller takes them.
    pub proxies: Proxies,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How many redirects one request may take.
    pub redirects: u32,
    /// Hosts (`name` or `name:port`, as in a reference) that may be spoken to without TLS. Loopback
    /// needs no entry.
    pub plain_http: BTreeSet<String>,
}

impl Settings {
    /// Defaults, with the caller's name and trust.
    pub fn new(user_agent: impl Into<String>, roots: Vec<Root>) -> Self {
        Self {
            user_agent: user_agent.into(),
            roots,
            proxies: Proxies::default(),
            timeouts: Timeouts::default(),
            redirects: 10,
            plain_http: BTreeSet::new(),
        }
    }
}

/// Proxies by the scheme of the target. Loopback is never sent through one.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For `http://` targets; a URL that may hold a password.
    pub http: Option<Secret>,
    /// For `https://` targets; a URL that may hold a password.
    pub https: Option<Secret>,
    /// Hosts, domains and address blocks that need no proxy, separated by commas.
    pub bypass: String,
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next bytes in either direction, and for the beginning of an answer. A transfer may take
    /// forever as long as something moves.
    pub stall: Duration,
    /// For the answer to a whole upload: registries hash and move gigabytes before they answer.
    pub commit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            stall: Duration::from_mins(1),
            commit: Duration::from_mins(10),
        }
    }
}
