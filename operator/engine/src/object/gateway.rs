//! Gateway API: GatewayClass, Gateway, HTTPRoute, ReferenceGrant; and Envoy Gateway's ClientTrafficPolicy.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

/// What is kept of a GatewayClass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct GatewayClass {
    /// `spec`.
    #[serde(default)]
    pub spec: GatewayClassSpec,
}

/// `spec` of a GatewayClass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassSpec {
    /// The controller that serves Gateways of the class.
    #[serde(default)]
    pub controller_name: Box<str>,
}

/// What is kept of a Gateway.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Gateway {
    /// `spec`.
    #[serde(default)]
    pub spec: GatewaySpec,
    /// `status`.
    #[serde(default)]
    pub status: GatewayStatus,
}

/// `status` of a Gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct GatewayStatus {
    /// Where it is reached.
    #[serde(default)]
    pub addresses: Option<Box<[GatewayAddress]>>,
}

/// One of `status.addresses`: an IP address or a name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct GatewayAddress {
    /// The address.
    #[serde(default)]
    pub value: Box<str>,
}

/// `spec` of a Gateway.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// The class, by name.
    #[serde(default)]
    pub gateway_class_name: Box<str>,
    /// Ports it listens on.
    #[serde(default)]
    pub listeners: Option<Vec<Listener>>,
}

/// One listener of a Gateway.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Listener {
    /// Name, unique in the Gateway.
    #[serde(default)]
    pub name: Box<str>,
    /// Hosts it serves; absent or empty means all.
    #[serde(default)]
    pub hostname: Option<Box<str>>,
    /// Port number.
    #[serde(default)]
    pub port: Option<i32>,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP` or one of the implementation's own.
    #[serde(default)]
    pub protocol: Box<str>,
    /// TLS settings.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
}

/// `tls` of a listener.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// `Terminate` (default) or `Passthrough`.
    #[serde(default)]
    pub mode: Option<Box<str>>,
    /// The certificates.
    #[serde(default)]
    pub certificate_refs: Option<Vec<IgnoredAny>>,
    /// Keys of the implementation, such as a certificate of the cloud.
    #[serde(default)]
    pub options: Option<BTreeMap<Box<str>, Box<str>>>,
}

impl Listener {
    /// Whether the backend, not the Gateway, ends TLS.
    pub fn passes_through(&self) -> bool {
        self.tls.as_ref().and_then(|tls| tls.mode.as_deref()) == Some("Passthrough")
    }

    /// Whether it speaks TLS.
    pub fn is_tls(&self) -> bool {
        matches!(&*self.protocol, "HTTPS" | "TLS")
    }
}

/// What is kept of an HTTPRoute.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct HttpRoute {
    /// `spec`.
    #[serde(default)]
    pub spec: HttpRouteSpec,
}

/// `spec` of an HTTPRoute.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// What it attaches to.
    #[serde(default)]
    pub parent_refs: Option<Vec<ParentRef>>,
    /// Hosts it serves; none means those of the listener.
    #[serde(default)]
    pub hostnames: Option<Vec<Box<str>>>,
    /// Rules; only what redirects is kept.
    #[serde(default)]
    pub rules: Option<Vec<RouteRule>>,
}

/// One of `parentRefs`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// `Gateway` (default), `Service` (inside a mesh) …
    #[serde(default)]
    pub kind: Option<Box<str>>,
    /// Namespace; absent means the route's own.
    #[serde(default)]
    pub namespace: Option<Box<str>>,
    /// Name.
    #[serde(default)]
    pub name: Box<str>,
    /// One listener; absent means all that fit.
    #[serde(default)]
    pub section_name: Option<Box<str>>,
    /// Listeners on this port; absent means any.
    #[serde(default)]
    pub port: Option<i32>,
}

/// One rule of a route.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "RuleWire")]
pub struct RouteRule {
    /// Answers with a redirect to `https`.
    pub redirects_to_https: bool,
    /// The backends it names with a namespace: where it forwards to, or mirrors.
    elsewhere: Option<Box<[BackendRef]>>,
}

impl RouteRule {
    /// The backends it names with a namespace: where it forwards to, or mirrors.
    pub fn backends_elsewhere(&self) -> impl Iterator<Item = &BackendRef> {
        self.elsewhere.iter().flat_map(|backends| backends.iter())
    }
}

/// A backend in a namespace that the route names.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct BackendRef {
    /// Name of the Service (or of another kind of backend).
    #[serde(default)]
    pub name: Box<str>,
    /// Its namespace.
    pub namespace: Box<str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleWire {
    #[serde(default)]
    filters: Option<Vec<FilterWire>>,
    #[serde(default)]
    backend_refs: Option<Vec<BackendWire>>,
}

#[derive(Deserialize, Default)]
struct BackendWire {
    #[serde(default)]
    name: Box<str>,
    #[serde(default)]
    namespace: Option<Box<str>>,
    #[serde(default)]
    filters: Option<Vec<FilterWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterWire {
    #[serde(default)]
    request_redirect: Option<RedirectWire>,
    #[serde(default)]
    request_mirror: Option<MirrorWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MirrorWire {
    #[serde(default)]
    backend_ref: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    name: Box<str>,
    #[serde(default)]
    namespace: Option<Box<str>>,
}

/// The backends of a rule that name a namespace.
fn elsewhere(wire: &RuleWire) -> Option<Box<[BackendRef]>> {
    let backends = || wire.backend_refs.iter().flatten();
    let filters = wire.filters.iter().flatten();
    let mirrors = filters
        .chain(backends().flat_map(|backend| backend.filters.iter().flatten()))
        .filter_map(|filter| filter.request_mirror.as_ref()?.backend_ref.as_ref())
        .map(|target| (&target.name, &target.namespace));
    let found: Vec<BackendRef> = backends()
        .map(|backend| (&backend.name, &backend.namespace))
        .chain(mirrors)
        .filter_map(|(name, namespace)| {
            Some(BackendRef {
                name: name.clone(),
                namespace: namespace.clone().filter(|namespace| !namespace.is_empty())?,
            })
        })
        .collect();
    (!found.is_empty()).then(|| found.into_boxed_slice())
}

#[derive(Deserialize)]
struct RedirectWire {
    #[serde(default)]
    scheme: Option<Box<str>>,
}

impl From<RuleWire> for RouteRule {
    fn from(wire: RuleWire) -> Self {
        let elsewhere = elsewhere(&wire);
        let mut redirects = wire
            .filters
            .into_iter()
            .flatten()
            .filter_map(|f| f.request_redirect);
        Self {
            redirects_to_https: redirects.any(|r| r.scheme.as_deref() == Some("https")),
            elsewhere,
        }
    }
}

impl HttpRoute {
    /// Whether every rule only redirects to `https`. A route without rules forwards by default.
    pub fn only_redirects(&self) -> bool {
        let mut rules = self.spec.rules.iter().flatten().peekable();
        rules.peek().is_some() && rules.all(|rule| rule.redirects_to_https)
    }
}

/// What is kept of a ReferenceGrant: who may refer to objects of its namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ReferenceGrant {
    /// `spec`.
    #[serde(default)]
    pub spec: ReferenceGrantSpec,
}

/// `spec` of a ReferenceGrant.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ReferenceGrantSpec {
    /// The kinds and namespaces that may refer.
    #[serde(default)]
    pub from: Option<Vec<GrantFrom>>,
}

/// One of `from`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct GrantFrom {
    /// Kind of what may refer.
    #[serde(default)]
    pub kind: Box<str>,
    /// Its namespace.
    #[serde(default)]
    pub namespace: Box<str>,
}

/// What is kept of Envoy Gateway's ClientTrafficPolicy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ClientTrafficPolicy {
    /// `spec`.
    #[serde(default)]
    pub spec: ClientTrafficPolicySpec,
}

/// `spec` of a ClientTrafficPolicy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTrafficPolicySpec {
    /// The Gateway, in the policy's namespace (older form).
    #[serde(default)]
    target_ref: Option<PolicyTarget>,
    #[serde(default)]
    target_refs: Option<Vec<PolicyTarget>>,
    #[serde(default)]
    target_selectors: Option<Vec<IgnoredAnyEq>>,
    /// TLS settings towards clients.
    #[serde(default)]
    pub tls: Option<ClientTls>,
}

/// Only that there is one matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct IgnoredAnyEq;

impl<'de> Deserialize<'de> for IgnoredAnyEq {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(d).map(|_| Self)
    }
}

/// One of `targetRefs`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyTarget {
    /// `Gateway`.
    #[serde(default)]
    pub kind: Box<str>,
    /// Name of the Gateway.
    #[serde(default)]
    pub name: Box<str>,
    /// One listener; absent means all.
    #[serde(default)]
    pub section_name: Option<Box<str>>,
}

/// `tls` of a ClientTrafficPolicy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTls {
    /// `Auto`, `1.0`, `1.1`, `1.2` or `1.3`.
    #[serde(default)]
    pub min_version: Option<Box<str>>,
}

impl ClientTrafficPolicy {
    /// The objects it names.
    pub fn targets(&self) -> impl Iterator<Item = &PolicyTarget> {
        self.spec
            .target_ref
            .iter()
            .chain(self.spec.target_refs.iter().flatten())
    }

    /// Whether it (also) selects its targets by label.
    pub fn selects(&self) -> bool {
        self.spec.target_selectors.as_ref().is_some_and(|s| !s.is_empty())
    }
}
