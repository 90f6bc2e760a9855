//! Kinds of ingress controllers that publish hosts: Traefik's, Contour's, Istio's, and those that are not modelled.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::LoadBalancerStatus;

/// What is kept of an object of a kind that publishes hosts and is not modelled: that it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Opaque;

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(d).map(|_| Self)
    }
}

/// What is kept of Traefik's IngressRoute.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TraefikRoute {
    /// `spec`.
    #[serde(default)]
    pub spec: TraefikRouteSpec,
}

/// `spec` of an IngressRoute.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraefikRouteSpec {
    /// Entry points; none means the default ones.
    #[serde(default)]
    pub entry_points: Option<Vec<Box<str>>>,
    /// Routes; of each its middlewares and the hosts it matches.
    #[serde(default)]
    pub routes: Option<Vec<TraefikRule>>,
    /// TLS settings; absent means none, unless the entry point has some.
    #[serde(default)]
    pub tls: Option<TraefikTls>,
}

/// One of `routes`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TraefikRule {
    /// Middlewares the requests pass.
    #[serde(default)]
    pub middlewares: Option<Vec<NamedRef>>,
    #[serde(default, rename = "match", deserialize_with = "matched_hosts")]
    hosts: Box<[Box<str>]>,
}

impl TraefikRule {
    /// The hosts its rule names: the arguments of `Host(…)`, not those of `HostRegexp` or of what is negated.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| &**host)
    }
}

/// Most hosts of one rule that are kept.
const MOST_HOSTS: usize = 64;

fn matched_hosts<'de, D: Deserializer<'de>>(d: D) -> Result<Box<[Box<str>]>, D::Error> {
    let rule = Option::<Box<str>>::deserialize(d)?;
    Ok(hosts_of_rule(rule.as_deref().unwrap_or_default()).into())
}

/// The quoted arguments of each `Host(…)`, in back quotes or double ones.
fn hosts_of_rule(rule: &str) -> Vec<Box<str>> {
    const CALL: &str = "Host(";
    let mut hosts = Vec::new();
    let calls = rule.match_indices(CALL).filter(|(at, _)| {
        let before = rule[..*at].trim_end().chars().next_back();
        !before.is_some_and(|c| c == '!' || c.is_ascii_alphanumeric())
    });
    for (at, _) in calls {
        let arguments = &rule[at + CALL.len()..];
        let arguments = arguments.split_once(')').map_or("", |(inner, _)| inner);
        let texts = arguments.split(['`', '"']).skip(1).step_by(2);
        hosts.extend(texts.filter(|host| !host.is_empty()).map(Box::from));
        if hosts.len() >= MOST_HOSTS {
            break;
        }
    }
    hosts.truncate(MOST_HOSTS);
    hosts
}

/// A reference by name, and namespace where it is another than the object's own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct NamedRef {
    /// Name.
    #[serde(default)]
    pub name: Box<str>,
    /// Namespace.
    #[serde(default)]
    pub namespace: Option<Box<str>>,
}

/// `tls` of an IngressRoute.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraefikTls {
    /// The Secret with the certificate.
    #[serde(default)]
    pub secret_name: Option<Box<str>>,
    /// Who issues one.
    #[serde(default)]
    pub cert_resolver: Option<Box<str>>,
    /// The TLSOption in force.
    #[serde(default)]
    pub options: Option<NamedRef>,
}

/// What is kept of Traefik's Middleware.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TraefikMiddleware {
    #[serde(default)]
    spec: MiddlewareSpec,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MiddlewareSpec {
    #[serde(default)]
    redirect_scheme: Option<RedirectScheme>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct RedirectScheme {
    #[serde(default)]
    scheme: Option<Box<str>>,
}

impl TraefikMiddleware {
    /// Whether it answers with a redirect to `https`.
    pub fn redirects_to_https(&self) -> bool {
        let redirect = self.spec.redirect_scheme.as_ref();
        redirect.and_then(|r| r.scheme.as_deref()) == Some("https")
    }
}

/// What is kept of Traefik's TLSOption.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TlsOption {
    #[serde(default)]
    spec: TlsOptionSpec,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TlsOptionSpec {
    #[serde(default)]
    min_version: Option<Box<str>>,
}

impl TlsOption {
    /// `spec.minVersion`: `VersionTLS10` … `VersionTLS13`.
    pub fn min_version(&self) -> Option<&str> {
        self.spec.min_version.as_deref().filter(|v| !v.is_empty())
    }
}

/// What is kept of Contour's HTTPProxy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct HttpProxy {
    /// `spec`.
    #[serde(default)]
    pub spec: HttpProxySpec,
    /// `status`: where it is reached.
    #[serde(default)]
    pub status: LoadBalancerStatus,
}

/// `spec` of an HTTPProxy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct HttpProxySpec {
    /// The host it serves; absent in a proxy that others include.
    #[serde(default)]
    pub virtualhost: Option<VirtualHost>,
}

/// `virtualhost` of an HTTPProxy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct VirtualHost {
    /// The host.
    #[serde(default)]
    pub fqdn: Box<str>,
    /// TLS settings; absent means plain HTTP.
    #[serde(default)]
    pub tls: Option<ContourTls>,
}

/// `tls` of a virtual host.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContourTls {
    /// The Secret with the certificate.
    #[serde(default)]
    pub secret_name: Option<Box<str>>,
    /// `1.1`, `1.2` (default) or `1.3`.
    #[serde(default)]
    pub minimum_protocol_version: Option<Box<str>>,
    /// The backend ends TLS.
    #[serde(default)]
    pub passthrough: Option<bool>,
}

/// What is kept of Istio's Gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IstioGateway {
    /// `spec`.
    #[serde(default)]
    pub spec: IstioGatewaySpec,
}

/// `spec` of an Istio Gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IstioGatewaySpec {
    /// Ports it serves.
    #[serde(default)]
    pub servers: Option<Vec<IstioServer>>,
}

/// One of `servers`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IstioServer {
    /// Port and protocol.
    #[serde(default)]
    pub port: IstioPort,
    /// Hosts, which may name a namespace: `shop/*.example.com`.
    #[serde(default)]
    pub hosts: Option<Box<[Box<str>]>>,
    /// TLS settings.
    #[serde(default)]
    pub tls: Option<IstioTls>,
}

/// `port` of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IstioPort {
    /// Name.
    #[serde(default)]
    pub name: Box<str>,
    /// `HTTP`, `HTTPS`, `GRPC`, `HTTP2`, `MONGO`, `TCP` or `TLS`.
    #[serde(default)]
    pub protocol: Box<str>,
}

/// `tls` of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IstioTls {
    /// Answers plain HTTP with a redirect to `https`.
    #[serde(default)]
    pub https_redirect: Option<bool>,
    /// `SIMPLE`, `MUTUAL`, `PASSTHROUGH` …
    #[serde(default)]
    pub mode: Option<Box<str>>,
    /// The Secret with the certificate.
    #[serde(default)]
    pub credential_name: Option<Box<str>>,
    /// Or a file with it.
    #[serde(default)]
    pub server_certificate: Option<Box<str>>,
    /// `TLS_AUTO` (default), `TLSV1_0` … `TLSV1_3`.
    #[serde(default)]
    pub min_protocol_version: Option<Box<str>>,
}

/// `getambassador.io/v3alpha1` Host.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct EmissaryHost {
    /// `spec`.
    #[serde(default)]
    pub spec: EmissaryHostSpec,
}

/// `spec` of a Host.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmissaryHostSpec {
    /// The Secret with the certificate.
    #[serde(default)]
    pub tls_secret: Option<serde::de::IgnoredAny>,
    /// A TLSContext that holds the settings instead.
    #[serde(default)]
    pub tls_context: Option<serde::de::IgnoredAny>,
    /// TLS settings.
    #[serde(default)]
    pub tls: Option<EmissaryTls>,
}

/// `tls` of a Host; its fields are in snake case.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct EmissaryTls {
    /// `v1.0` (default) … `v1.3`.
    #[serde(default)]
    pub min_tls_version: Option<Box<str>>,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Host(`a.example.com`)", &["a.example.com"])]
    #[case("Host(`a.example.com`, `b.example.com`) && PathPrefix(`/x`)", &["a.example.com", "b.example.com"])]
    #[case("(Host(\"a.example.com\") || Host(`b.example.com`))", &["a.example.com", "b.example.com"])]
    #[case("HostRegexp(`.+`) || !Host(`no.example.com`)", &[])]
    #[case("PathPrefix(`/Host(x)`)", &[])]
    #[case("Host(`", &[])]
    #[case("Host()", &[])]
    fn the_hosts_of_a_rule_of_traefiks(#[case] rule: &str, #[case] hosts: &[&str]) {
        let found = hosts_of_rule(rule);
        assert_eq!(found.iter().map(|host| &**host).collect::<Vec<_>>(), hosts);
    }
}
