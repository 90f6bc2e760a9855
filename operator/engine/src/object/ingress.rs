//! `networking.k8s.io/v1` Ingress and IngressClass, and the cloud objects that configure their load balancers.

use serde::{Deserialize, de::IgnoredAny};

/// What is kept of an Ingress.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Ingress {
    /// `spec`.
    #[serde(default)]
    pub spec: IngressSpec,
    /// `status`.
    #[serde(default)]
    pub status: LoadBalancerStatus,
}

/// `status` of an Ingress, a Service or an HTTPProxy: where the load balancers are that were made for it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "StatusWire")]
pub struct LoadBalancerStatus {
    /// `loadBalancer.ingress`.
    pub load_balancers: Box<[LoadBalancer]>,
}

/// Where a load balancer is reached.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "LoadBalancerWire")]
pub struct LoadBalancer {
    /// An IP address or a name; empty where neither is stated.
    pub address: Box<str>,
    /// TCP ports, where they are stated.
    pub ports: Box<[u16]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusWire {
    #[serde(default)]
    load_balancer: Option<LoadBalancersWire>,
}

#[derive(Deserialize)]
struct LoadBalancersWire {
    #[serde(default)]
    ingress: Option<Box<[LoadBalancer]>>,
}

#[derive(Deserialize)]
struct LoadBalancerWire {
    #[serde(default)]
    ip: Option<Box<str>>,
    #[serde(default)]
    hostname: Option<Box<str>>,
    #[serde(default)]
    ports: Option<Vec<PortWire>>,
}

#[derive(Deserialize)]
struct PortWire {
    port: u16,
    #[serde(default)]
    protocol: Option<Box<str>>,
}

impl From<StatusWire> for LoadBalancerStatus {
    fn from(wire: StatusWire) -> Self {
        Self {
            load_balancers: wire.load_balancer.and_then(|lb| lb.ingress).unwrap_or_default(),
        }
    }
}

impl From<LoadBalancerWire> for LoadBalancer {
    fn from(wire: LoadBalancerWire) -> Self {
        let ports = wire.ports.unwrap_or_default();
        let tcp = ports
            .iter()
            .filter(|p| p.protocol.as_deref().unwrap_or("TCP") == "TCP");
        Self {
            address: wire
                .ip
                .filter(|ip| !ip.is_empty())
                .or(wire.hostname)
                .unwrap_or_default(),
            ports: tcp.map(|p| p.port).collect(),
        }
    }
}

/// `spec` of an Ingress.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// The class, by name.
    #[serde(default)]
    pub ingress_class_name: Option<Box<str>>,
    /// Which hosts are served with which certificate.
    #[serde(default)]
    pub tls: Option<Vec<IngressTls>>,
    /// Hosts and paths served.
    #[serde(default)]
    pub rules: Option<Vec<IngressRule>>,
    /// Serves whatever no rule matches.
    #[serde(default)]
    pub default_backend: Option<IgnoredAny>,
}

/// One of `spec.tls`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressTls {
    /// Hosts of the certificate; none means the controller's wildcard.
    #[serde(default)]
    pub hosts: Option<Vec<Box<str>>>,
    /// The Secret that holds it; absent means the controller's default certificate.
    #[serde(default)]
    pub secret_name: Option<Box<str>>,
}

/// One of `spec.rules`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IngressRule {
    /// The host; absent or empty means all.
    #[serde(default)]
    pub host: Option<Box<str>>,
    #[serde(default)]
    http: Option<HttpRule>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "HttpWire")]
struct HttpRule {
    acme_only: bool,
}

#[derive(Deserialize)]
struct HttpWire {
    #[serde(default)]
    paths: Option<Vec<PathWire>>,
}

#[derive(Deserialize)]
struct PathWire {
    #[serde(default)]
    path: Option<Box<str>>,
}

impl From<HttpWire> for HttpRule {
    fn from(wire: HttpWire) -> Self {
        let paths = wire.paths.unwrap_or_default();
        let is_challenge = |p: &PathWire| {
            p.path
                .as_deref()
                .is_some_and(|path| path.starts_with("/.well-known/acme-challenge"))
        };
        Self {
            acme_only: !paths.is_empty() && paths.iter().all(is_challenge),
        }
    }
}

impl Ingress {
    /// Whether it serves nothing but ACME HTTP-01 challenges, which come over plain HTTP by design (RFC 8555, 8.3).
    pub fn serves_acme_only(&self) -> bool {
        let mut rules = self.spec.rules.iter().flatten().peekable();
        self.spec.default_backend.is_none()
            && rules.peek().is_some()
            && rules.all(|rule| rule.http.as_ref().is_some_and(|http| http.acme_only))
    }

    /// The hosts of its rules; `None` for a rule (or a default backend) that serves any host.
    pub fn hosts(&self) -> impl Iterator<Item = Option<&str>> {
        let rules = self.spec.rules.iter().flatten();
        rules
            .map(|rule| rule.host.as_deref().filter(|host| !host.is_empty()))
            .chain(self.spec.default_backend.is_some().then_some(None))
    }
}

/// What is kept of an IngressClass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IngressClass {
    /// `spec`.
    #[serde(default)]
    pub spec: IngressClassSpec,
}

/// `spec` of an IngressClass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IngressClassSpec {
    /// The controller that serves Ingresses of the class.
    #[serde(default)]
    pub controller: Box<str>,
    /// An object with more configuration.
    #[serde(default)]
    pub parameters: Option<ClassParametersRef>,
}

/// `spec.parameters` of an IngressClass.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ClassParametersRef {
    /// Kind of the object.
    #[serde(default)]
    pub kind: Box<str>,
    /// Its name.
    #[serde(default)]
    pub name: Box<str>,
}

/// What is kept of the AWS load balancer controller's IngressClassParams.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IngressClassParams {
    /// `spec`.
    #[serde(default)]
    pub spec: IngressClassParamsSpec,
}

/// `spec` of IngressClassParams.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressClassParamsSpec {
    /// Overrides the `ssl-policy` annotation of every Ingress of the class.
    #[serde(default)]
    pub ssl_policy: Option<Box<str>>,
    /// Certificates of every Ingress of the class.
    #[serde(default, rename = "certificateArn")]
    pub certificate_arn: Option<Vec<Box<str>>>,
    /// `internal` or `internet-facing`.
    #[serde(default)]
    pub scheme: Option<Box<str>>,
}

/// What is kept of GKE's FrontendConfig.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct FrontendConfig {
    /// `spec`.
    #[serde(default)]
    pub spec: FrontendConfigSpec,
}

/// `spec` of a FrontendConfig.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendConfigSpec {
    /// Name of an SSL policy of the cloud project.
    #[serde(default)]
    pub ssl_policy: Option<Box<str>>,
}
