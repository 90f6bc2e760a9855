//! The checks, and which of them a pod violates.

use std::fmt;

use super::{APP_ARMOR, Level, context::Bit};
use crate::object::{Annotations, Container, PodSpec, Volume};

macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident: $level:ident $id:literal $reason:literal;)+) => {
        /// One check of the standards, in the order in which the API server reports them.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Check { $($(#[$doc])* $check,)+ }

        impl Check {
            /// Every check, in order.
            pub const ALL: &'static [Self] = &[$(Self::$check,)+];

            /// The level that asks for it first.
            pub const fn level(self) -> Level {
                match self { $(Self::$check => Level::$level,)+ }
            }

            /// Its id upstream.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$check => $id,)+ }
            }

            /// The words of the API server for a pod that violates it.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$check => $reason,)+ }
            }
        }
    };
}

checks! {
    /// Profiles set by field or annotation are the runtime's or local ones.
    AppArmorProfile: Baseline "appArmorProfile" "forbidden AppArmor profile";
    /// No capability beyond the default set is added.
    CapabilitiesBaseline: Baseline "capabilities_baseline" "non-default capabilities";
    /// The node's network, process and IPC namespaces are not shared.
    HostNamespaces: Baseline "hostNamespaces" "host namespaces";
    /// No directory of the node is mounted.
    HostPathVolumes: Baseline "hostPathVolumes" "hostPath volumes";
    /// No port of the node is opened.
    HostPorts: Baseline "hostPorts" "hostPort";
    /// Probes and lifecycle handlers go to the pod itself.
    HostProbesAndHostLifecycle: Baseline "hostProbesAndHostLifecycle" "probe or lifecycle host";
    /// No container is privileged.
    Privileged: Baseline "privileged" "privileged";
    /// The usual parts of `/proc` are masked.
    ProcMount: Baseline "procMount" "procMount";
    /// No user or role, and only container types.
    SeLinuxOptions: Baseline "seLinuxOptions" "seLinuxOptions";
    /// Profiles that are set are the runtime's or local ones.
    SeccompProfileBaseline: Baseline "seccompProfile_baseline" "seccompProfile";
    /// Only sysctls of the safe set.
    Sysctls: Baseline "sysctls" "forbidden sysctls";
    /// No Windows container runs as a process of the node.
    WindowsHostProcess: Baseline "windowsHostProcess" "hostProcess";
    /// Processes cannot gain privileges.
    AllowPrivilegeEscalation: Restricted "allowPrivilegeEscalation" "allowPrivilegeEscalation != false";
    /// All capabilities are dropped, and only `NET_BIND_SERVICE` is added.
    CapabilitiesRestricted: Restricted "capabilities_restricted" "unrestricted capabilities";
    /// As the baseline's, in a user namespace too.
    ProcMountRestricted: Restricted "procMount_restricted" "procMount";
    /// Only volumes that Kubernetes itself fills or provisions.
    RestrictedVolumes: Restricted "restrictedVolumes" "restricted volume types";
    /// Containers are required not to run as root.
    RunAsNonRoot: Restricted "runAsNonRoot" "runAsNonRoot != true";
    /// User 0 is not asked for.
    RunAsUser: Restricted "runAsUser" "runAsUser=0";
    /// A profile is set: the runtime's or a local one.
    SeccompProfileRestricted: Restricted "seccompProfile_restricted" "seccompProfile";
}

impl Check {
    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The stricter check that takes its place at the restricted level.
    const fn is_overridden(self) -> bool {
        matches!(
            self,
            Self::CapabilitiesBaseline
                | Self::HostPathVolumes
                | Self::ProcMount
                | Self::SeccompProfileBaseline
        )
    }

    /// Whether what else the pod says makes the check void.
    fn is_relaxed(self, pod: &PodSpec) -> bool {
        match self {
            // "hostUsers: false" puts the pod into a user namespace, where its root is nobody on the node.
            Self::ProcMount | Self::RunAsNonRoot | Self::RunAsUser => pod.host_users == Some(false),
            Self::AllowPrivilegeEscalation
            | Self::CapabilitiesRestricted
            | Self::SeccompProfileRestricted => pod.os.windows,
            _ => false,
        }
    }

    /// Whether the pod as a whole violates it, whatever its containers say.
    fn is_violated_by_pod(self, pod: &PodSpec, annotations: &Annotations) -> bool {
        let context = pod.security_context;
        match self {
            Self::HostNamespaces => [pod.host_network, pod.host_pid, pod.host_ipc].contains(&Some(true)),
            Self::Sysctls => context.has(Bit::Sysctls),
            Self::AppArmorProfile => context.has(Bit::AppArmor) || annotations.iter().any(is_unconfined),
            Self::SeLinuxOptions => context.has(Bit::SeLinux),
            Self::SeccompProfileBaseline | Self::SeccompProfileRestricted => context.has(Bit::SeccompBad),
            Self::WindowsHostProcess => context.has(Bit::HostProcess),
            Self::RunAsNonRoot => context.has(Bit::MayBeRoot),
            Self::RunAsUser => context.has(Bit::RootUser),
            _ => false,
        }
    }

    fn is_violated_by_container(self, pod: &PodSpec, container: &Container) -> bool {
        let context = container.security_context;
        match self {
            Self::Privileged => context.has(Bit::Privileged),
            Self::CapabilitiesBaseline => context.has(Bit::AddsUnusual),
            Self::CapabilitiesRestricted => !context.has(Bit::DropsAll) || context.has(Bit::AddsAny),
            Self::HostPorts => container.ports.iter().flatten().any(|port| {
                // With the node's network every declared port is one of the node: the API server fills it in.
                port.host_port.unwrap_or(0) != 0 || pod.host_network == Some(true)
            }),
            Self::HostProbesAndHostLifecycle => {
                container.liveness_probe.names_host
                    || container.readiness_probe.names_host
                    || container.startup_probe.names_host
                    || container.lifecycle.names_host
            }
            Self::ProcMount | Self::ProcMountRestricted => context.has(Bit::ProcMount),
            Self::AppArmorProfile => context.has(Bit::AppArmor),
            Self::SeLinuxOptions => context.has(Bit::SeLinux),
            Self::SeccompProfileBaseline => context.has(Bit::SeccompBad),
            Self::SeccompProfileRestricted => {
                let unset = !context.has(Bit::SeccompGood) && !pod.security_context.has(Bit::SeccompGood);
                context.has(Bit::SeccompBad) || unset
            }
            Self::WindowsHostProcess => context.has(Bit::HostProcess),
            Self::AllowPrivilegeEscalation => !context.has(Bit::NoEscalation),
            Self::RunAsNonRoot => {
                let unset = !context.has(Bit::NonRoot) && !pod.security_context.has(Bit::NonRoot);
                context.has(Bit::MayBeRoot) || unset
            }
            Self::RunAsUser => context.has(Bit::RootUser),
            _ => false,
        }
    }

    fn is_violated_by_volume(self, volume: &Volume) -> bool {
        match self {
            Self::HostPathVolumes => volume.host_path.is_some(),
            // A volume without any source is an emptyDir: the API server fills it in.
            Self::RestrictedVolumes => {
                volume.host_path.is_some()
                    || volume.nfs.is_some()
                    || volume.cloud_disk.is_some()
                    || volume.network_disk.is_some()
                    || volume.retired.is_some()
            }
            _ => false,
        }
    }

    fn is_violated(self, pod: &PodSpec, annotations: &Annotations) -> bool {
        !self.is_relaxed(pod)
            && (self.is_violated_by_pod(pod, annotations)
                || pod
                    .every_container()
                    .any(|c| self.is_violated_by_container(pod, c))
                || pod
                    .volumes
                    .iter()
                    .flatten()
                    .any(|v| self.is_violated_by_volume(v)))
    }
}

/// An annotation that sets an AppArmor profile other than the runtime's or a local one.
fn is_unconfined((key, value): (&str, &str)) -> bool {
    key.starts_with(APP_ARMOR)
        && !value.is_empty()
        && value != "runtime/default"
        && !value.starts_with("localhost/")
}

/// What in a pod violates a check: names of containers, or of volumes, or nothing where it is the pod itself.
pub fn offenders(check: Check, pod: &PodSpec) -> Vec<&str> {
    let containers = pod
        .every_container()
        .filter(|c| check.is_violated_by_container(pod, c));
    let volumes = pod
        .volumes
        .iter()
        .flatten()
        .filter(|v| check.is_violated_by_volume(v));
    containers
        .map(|c| &*c.name)
        .chain(volumes.map(|v| &*v.name))
        .collect()
}

/// A set of checks: those that a pod violates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Checks(u32);

impl Checks {
    /// The checks a pod violates, of every level.
    pub fn of(pod: &PodSpec, annotations: &Annotations) -> Self {
        let violated = Check::ALL
            .iter()
            .filter(|check| check.is_violated(pod, annotations));
        Self(violated.fold(0, |bits, check| bits | check.bit()))
    }

    /// Those that a level asks for.
    #[must_use]
    pub fn at(self, level: Level) -> Self {
        let asked = |check: &&Check| match level {
            Level::Privileged => false,
            Level::Baseline => check.level() == Level::Baseline,
            Level::Restricted => !check.is_overridden(),
        };
        Self(
            Check::ALL
                .iter()
                .filter(asked)
                .fold(0, |bits, check| bits | self.0 & check.bit()),
        )
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The checks of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The checks of this set that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The checks, in order.
    pub fn iter(self) -> impl Iterator<Item = Check> {
        Check::ALL
            .iter()
            .copied()
            .filter(move |check| self.0 & check.bit() != 0)
    }

    /// As few bits as there are checks.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Checks {
    /// As the API server lists them: `privileged, hostPort`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, check) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(check.reason())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
