//! Containers: what they run, and what they ask for.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer};

use crate::{
    object::Script,
    podsecurity::{Handler, Lifecycle, SecurityContext},
    texts::{Configs, Env, of_env_from},
};

/// One container.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name, unique in the pod.
    #[serde(default)]
    pub name: Box<str>,
    /// Image reference.
    #[serde(default)]
    pub image: Option<Box<str>>,
    /// What its environment variables showed.
    #[serde(default)]
    pub env: Env,
    /// ConfigMaps that become environment variables as a whole.
    #[serde(default, deserialize_with = "of_env_from")]
    pub env_from: Configs,
    /// What `command` hints at, and what it showed.
    #[serde(default)]
    pub command: Script,
    /// What `args` hint at, and what they showed.
    #[serde(default)]
    pub args: Script,
    /// Ports the container declares.
    #[serde(default)]
    pub ports: Option<Box<[ContainerPort]>>,
    /// Resource requests, which a quota counts.
    #[serde(default)]
    pub resources: Option<Box<Resources>>,
    /// Until the specification is read: see [`super::HostPath::read_only`].
    #[serde(default, rename = "volumeMounts")]
    pub(super) mounts: Option<Box<[Mount]>>,
    /// What its `securityContext` asks for.
    #[serde(default)]
    pub security_context: SecurityContext,
    /// Whether it lives.
    #[serde(default)]
    pub liveness_probe: Handler,
    /// Whether it can serve.
    #[serde(default)]
    pub readiness_probe: Handler,
    /// Whether it has started.
    #[serde(default)]
    pub startup_probe: Handler,
    /// What runs when it starts and before it ends.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Of an init container: it stays beside the regular ones (`restartPolicy: Always`).
    #[serde(default, rename = "restartPolicy", deserialize_with = "is_always")]
    pub sidecar: bool,
}

/// One of `volumeMounts`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mount {
    #[serde(default)]
    pub(super) name: Box<str>,
    #[serde(default, deserialize_with = "or_false")]
    pub(super) read_only: bool,
}

fn or_false<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or(false))
}

fn is_always<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    let policy: Option<Cow<'de, str>> = Option::deserialize(d)?;
    Ok(policy.as_deref() == Some("Always"))
}

/// `resources` of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Resources {
    /// Requested amounts, as written (Kubernetes quantities).
    #[serde(default)]
    pub requests: Option<BTreeMap<Box<str>, serde_json::Value>>,
    /// Upper limits, as written (Kubernetes quantities).
    #[serde(default)]
    pub limits: Option<BTreeMap<Box<str>, serde_json::Value>>,
}

/// One port of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// Name that policies and services may use.
    #[serde(default)]
    pub name: Option<Box<str>>,
    /// Port number in the pod.
    pub container_port: u16,
    /// Port opened on the node, if any.
    #[serde(default)]
    pub host_port: Option<u16>,
    /// `TCP` (default), `UDP` or `SCTP`.
    #[serde(default)]
    pub protocol: Option<Box<str>>,
}
