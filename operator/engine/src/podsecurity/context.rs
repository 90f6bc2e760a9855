//! What the checks need of a security context, reduced to bits while it is decoded.

use std::fmt;

use serde::Deserialize;

use crate::object::Word;

/// A pod's or a container's `securityContext`, as far as the Pod Security Standards look at it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Option<Wire>")]
pub struct SecurityContext(u16);

/// One fact about a security context.
#[derive(Clone, Copy, Debug)]
#[repr(u16)]
pub(super) enum Bit {
    Privileged = 1,
    /// `allowPrivilegeEscalation: false`.
    NoEscalation = 1 << 1,
    /// Adds a capability beyond the default set.
    AddsUnusual = 1 << 2,
    /// Adds a capability other than `NET_BIND_SERVICE`.
    AddsAny = 1 << 3,
    DropsAll = 1 << 4,
    /// A `seLinuxOptions` with a user, a role or an unusual type.
    SeLinux = 1 << 5,
    /// A `procMount` other than `Default`.
    ProcMount = 1 << 6,
    /// An AppArmor profile other than the runtime's or a local one.
    AppArmor = 1 << 7,
    /// A seccomp profile of the runtime's or a local one.
    SeccompGood = 1 << 8,
    /// Any other seccomp profile.
    SeccompBad = 1 << 9,
    HostProcess = 1 << 10,
    /// `runAsNonRoot: true`.
    NonRoot = 1 << 11,
    /// `runAsNonRoot: false`.
    MayBeRoot = 1 << 12,
    /// `runAsUser: 0`.
    RootUser = 1 << 13,
    /// A sysctl outside the safe set.
    Sysctls = 1 << 14,
}

impl SecurityContext {
    pub(super) const fn has(self, bit: Bit) -> bool {
        self.0 & bit as u16 != 0
    }

    fn set(&mut self, bit: Bit, when: bool) {
        if when {
            self.0 |= bit as u16;
        }
    }
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecurityContext({:#x})", self.0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    privileged: Option<bool>,
    #[serde(default)]
    allow_privilege_escalation: Option<bool>,
    #[serde(default)]
    capabilities: Option<Capabilities>,
    #[serde(default)]
    se_linux_options: Option<SeLinux>,
    #[serde(default)]
    proc_mount: Option<Word<DefaultMount>>,
    #[serde(default)]
    app_armor_profile: Option<Profile>,
    #[serde(default)]
    seccomp_profile: Option<Profile>,
    #[serde(default)]
    windows_options: Option<WindowsOptions>,
    #[serde(default)]
    run_as_non_root: Option<bool>,
    #[serde(default)]
    run_as_user: Option<i64>,
    #[serde(default)]
    sysctls: Option<Vec<Sysctl>>,
}

impl From<Option<Wire>> for SecurityContext {
    fn from(wire: Option<Wire>) -> Self {
        let mut bits = Self::default();
        let Some(wire) = wire else { return bits };
        bits.set(Bit::Privileged, wire.privileged == Some(true));
        bits.set(Bit::NoEscalation, wire.allow_privilege_escalation == Some(false));
        if let Some(capabilities) = &wire.capabilities {
            let mut added = capabilities.add.iter().flatten().map(|c| c.0);
            bits.set(
                Bit::AddsUnusual,
                added
                    .clone()
                    .any(|c| matches!(c, Capability::All | Capability::Unusual)),
            );
            bits.set(Bit::AddsAny, added.any(|c| c != Capability::NetBindService));
            let mut dropped = capabilities.drop.iter().flatten().map(|c| c.0);
            bits.set(Bit::DropsAll, dropped.any(|c| c == Capability::All));
        }
        bits.set(
            Bit::SeLinux,
            wire.se_linux_options.is_some_and(|o| o.is_unusual()),
        );
        bits.set(Bit::ProcMount, wire.proc_mount.is_some_and(|mount| !mount.0.0));
        bits.set(
            Bit::AppArmor,
            wire.app_armor_profile.is_some_and(|p| !p.r#type.0.0),
        );
        bits.set(
            Bit::SeccompGood,
            wire.seccomp_profile.as_ref().is_some_and(|p| p.r#type.0.0),
        );
        bits.set(
            Bit::SeccompBad,
            wire.seccomp_profile.is_some_and(|p| !p.r#type.0.0),
        );
        bits.set(
            Bit::HostProcess,
            wire.windows_options.is_some_and(|o| o.host_process == Some(true)),
        );
        bits.set(Bit::NonRoot, wire.run_as_non_root == Some(true));
        bits.set(Bit::MayBeRoot, wire.run_as_non_root == Some(false));
        bits.set(Bit::RootUser, wire.run_as_user == Some(0));
        bits.set(
            Bit::Sysctls,
            wire.sysctls.iter().flatten().any(|sysctl| !sysctl.name.0.0),
        );
        bits
    }
}

#[derive(Deserialize)]
struct Capabilities {
    #[serde(default)]
    add: Option<Vec<Word<Capability>>>,
    #[serde(default)]
    drop: Option<Vec<Word<Capability>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Capability {
    All,
    NetBindService,
    Default,
    Unusual,
}

impl From<&str> for Capability {
    /// Names compare exactly: the API server knows neither `CAP_` nor lower case.
    fn from(name: &str) -> Self {
        match name {
            "ALL" => Self::All,
            "NET_BIND_SERVICE" => Self::NetBindService,
            "AUDIT_WRITE" | "CHOWN" | "DAC_OVERRIDE" | "FOWNER" | "FSETID" | "KILL" | "MKNOD" | "SETFCAP"
            | "SETGID" | "SETPCAP" | "SETUID" | "SYS_CHROOT" => Self::Default,
            _ => Self::Unusual,
        }
    }
}

#[derive(Deserialize)]
struct SeLinux {
    #[serde(default)]
    r#type: Option<Word<SeLinuxType>>,
    #[serde(default)]
    user: Option<Word<Empty>>,
    #[serde(default)]
    role: Option<Word<Empty>>,
}

impl SeLinux {
    fn is_unusual(&self) -> bool {
        let unusual = self.r#type.as_ref().is_some_and(|t| !t.0.0);
        let given = |word: &Option<Word<Empty>>| word.as_ref().is_some_and(|word| !word.0.0);
        unusual || given(&self.user) || given(&self.role)
    }
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default = "Word::empty")]
    r#type: Word<UsualProfile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowsOptions {
    #[serde(default)]
    host_process: Option<bool>,
}

#[derive(Deserialize)]
struct Sysctl {
    #[serde(default = "Word::empty")]
    name: Word<SafeSysctl>,
}

/// Words of which only whether they belong to a set is kept.
macro_rules! sets {
    ($($name:ident: $($word:literal)|+;)+) => {$(
        struct $name(bool);

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                Self(matches!(word, $($word)|+))
            }
        }
    )+};
}

sets! {
    Empty: "";
    DefaultMount: "Default";
    UsualProfile: "RuntimeDefault" | "Localhost";
    SeLinuxType: "" | "container_t" | "container_init_t" | "container_kvm_t" | "container_engine_t";
    SafeSysctl: "kernel.shm_rmid_forced" | "net.ipv4.ip_local_port_range" | "net.ipv4.tcp_syncookies"
        | "net.ipv4.ping_group_range" | "net.ipv4.ip_unprivileged_port_start"
        | "net.ipv4.ip_local_reserved_ports" | "net.ipv4.tcp_keepalive_time" | "net.ipv4.tcp_fin_timeout"
        | "net.ipv4.tcp_keepalive_intvl" | "net.ipv4.tcp_keepalive_probes" | "net.ipv4.tcp_rmem"
        | "net.ipv4.tcp_wmem" | "net.ipv4.tcp_slow_start_after_idle" | "net.ipv4.tcp_notsent_lowat";
    Windows: "windows";
}

/// `os` of a pod: all that counts is whether it is Windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Option<OsWire>")]
pub struct Os {
    /// `name: windows`.
    pub windows: bool,
}

#[derive(Deserialize)]
struct OsWire {
    #[serde(default = "Word::empty")]
    name: Word<Windows>,
}

impl From<Option<OsWire>> for Os {
    fn from(wire: Option<OsWire>) -> Self {
        Self {
            windows: wire.is_some_and(|wire| wire.name.0.0),
        }
    }
}

/// A probe, or a handler of a lifecycle event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Option<HandlerWire>")]
pub struct Handler {
    /// Whether it names a host to connect to, instead of the pod itself.
    pub names_host: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HandlerWire {
    #[serde(default)]
    http_get: Option<Connection>,
    #[serde(default)]
    tcp_socket: Option<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(default = "Word::empty")]
    host: Word<Empty>,
}

impl From<Option<HandlerWire>> for Handler {
    fn from(wire: Option<HandlerWire>) -> Self {
        let connections = wire.map(|wire| [wire.http_get, wire.tcp_socket]);
        let mut connections = connections.into_iter().flatten().flatten();
        Self {
            names_host: connections.any(|c| !c.host.0.0),
        }
    }
}

/// `lifecycle` of a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Option<LifecycleWire>")]
pub struct Lifecycle {
    /// Whether one of its handlers names a host.
    pub names_host: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LifecycleWire {
    #[serde(default)]
    post_start: Handler,
    #[serde(default)]
    pre_stop: Handler,
}

impl From<Option<LifecycleWire>> for Lifecycle {
    fn from(wire: Option<LifecycleWire>) -> Self {
        Self {
            names_host: wire.is_some_and(|w| w.post_start.names_host || w.pre_stop.names_host),
        }
    }
}
