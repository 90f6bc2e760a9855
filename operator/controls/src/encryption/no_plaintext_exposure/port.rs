//! What a published port speaks, as far as its declaration tells.

use super::Params;

/// Protocols of `appProtocol` that are TLS, or encrypted by themselves (`ssh`, and `quic` and `http3` over UDP).
const ENCRYPTED: [&str; 7] = ["https", "kubernetes.io/wss", "tls", "ssl", "ssh", "quic", "http3"];
/// Those that say plainly that there is none.
const PLAINTEXT: [&str; 5] = ["http", "kubernetes.io/h2c", "kubernetes.io/ws", "h2c", "ws"];

/// What the name of a container's port says of its protocol, where it says that it is encrypted: it has no `appProtocol`, and
/// names are read so by meshes (`https`, `tls-metrics`).
pub(super) fn by_name(name: &str) -> Option<&'static str> {
    let protocol = name.split_once('-').map_or(name, |(protocol, _)| protocol);
    ["https", "tls"].into_iter().find(|known| *known == protocol)
}

/// Ports of databases and caches, which speak plaintext unless told otherwise.
const DATABASES: [(u16, &str); 7] = [
    (5432, "PostgreSQL"),
    (3306, "MySQL"),
    (1433, "SQL Server"),
    (27017, "MongoDB"),
    (6379, "Redis"),
    (9200, "Elasticsearch"),
    (11211, "memcached"),
];

/// Ports that are registered for SSH, or for protocols that turn TLS on themselves (FTP, SMTP, POP3, IMAP, LDAP, XMPP).
const TURN_ON: [u16; 9] = [21, 22, 25, 110, 143, 389, 587, 5222, 5269];
/// Ports that are registered for TLS from the first byte.
const REGISTERED: [u16; 12] = [465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5671, 8883];

pub(super) const REGISTERED_ONLY: &str = "it is registered for TLS, which only trying it, or an appProtocol, confirms";

/// A port that can be reached from outside.
pub(super) struct Published<'p> {
    /// `TCP`, `UDP` or `SCTP`.
    pub(super) transport: &'p str,
    /// The number outside.
    pub(super) number: u16,
    /// The number of the pods' port, if known.
    pub(super) target: Option<u16>,
    /// The name of the pods' port.
    pub(super) target_name: Option<&'p str>,
    /// `appProtocol`.
    pub(super) app_protocol: Option<&'p str>,
    /// Whether the load balancer in front ends TLS.
    pub(super) terminated: bool,
}

/// What it speaks.
pub(super) enum Speaks {
    /// TLS, or another encrypted protocol.
    Encrypted,
    /// A database's protocol.
    Database(&'static str),
    /// Plaintext, as far as anything says.
    Plaintext(&'static str),
    /// Only trying it would tell.
    Untold(&'static str),
}

impl Published<'_> {
    /// Whether trying a handshake can tell anything: not of what TCP does not carry, nor of what speaks SSH, nor where a
    /// load balancer in front ends TLS, past which connections from within the cluster go.
    pub(super) fn can_be_tried(&self) -> bool {
        self.transport == "TCP" && !self.terminated && self.app_protocol != Some("ssh")
    }

    /// `TCP/80`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.transport, self.number)
    }

    pub(super) fn speaks(&self, params: &Params) -> Speaks {
        let declared = |list: &[&str]| self.app_protocol.is_some_and(|p| list.contains(&p));
        if self.terminated || declared(&ENCRYPTED) {
            return Speaks::Encrypted;
        }
        let is_tls = |port: u16| params.tls_ports.contains(&port);
        if let Some(database) = self.database().filter(|(port, _)| !is_tls(*port)) {
            return Speaks::Database(database.1);
        }
        if declared(&PLAINTEXT) {
            return Speaks::Plaintext("its appProtocol is plaintext");
        }
        if is_tls(self.number) {
            return match (self.target, self.target_name) {
                (Some(80), _) | (_, Some("http")) if self.transport == "TCP" && !is_tls(80) => {
                    Speaks::Plaintext("leads to the pods' port for HTTP without anything that ends TLS")
                }
                _ => Speaks::Encrypted,
            };
        }
        match self.number {
            _ if self.transport != "TCP" => Speaks::Untold("nothing tells whether what is spoken there is encrypted"),
            port if TURN_ON.contains(&port) => {
                Speaks::Untold("its protocol may turn encryption on by itself: only trying it tells")
            }
            port if REGISTERED.contains(&port) => {
                Speaks::Untold(REGISTERED_ONLY)
            }
            _ => Speaks::Plaintext("nothing says that it speaks TLS"),
        }
    }

    /// The database whose port it is, outside or in the pods.
    fn database(&self) -> Option<(u16, &'static str)> {
        let ports = [Some(self.number), self.target];
        DATABASES
            .into_iter()
            .find(|(port, _)| ports.contains(&Some(*port)))
    }
}
