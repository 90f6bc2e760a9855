//! OpenShift: Route, and the TLS profile of IngressController and APIServer.

use serde::Deserialize;

/// What is kept of a Route. Its key and certificate never are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct OpenShiftRoute {
    /// `spec`.
    #[serde(default)]
    pub spec: RouteSpec,
}

/// `spec` of a Route.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct RouteSpec {
    /// The host it serves.
    #[serde(default)]
    pub host: Option<Box<str>>,
    /// TLS settings; absent means plain HTTP.
    #[serde(default)]
    pub tls: Option<RouteTls>,
}

/// `tls` of a Route.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct RouteTls {
    /// `edge`, `reencrypt` or `passthrough`.
    #[serde(default)]
    pub termination: Option<Box<str>>,
}

/// What is kept of an IngressController or APIServer: its TLS profile.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TlsSecurity {
    #[serde(default)]
    spec: TlsSecuritySpec,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TlsSecuritySpec {
    #[serde(default)]
    tls_security_profile: Option<TlsProfile>,
}

/// `tlsSecurityProfile`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TlsProfile {
    /// `Old`, `Intermediate`, `Modern` or `Custom`.
    #[serde(default)]
    pub r#type: Option<Box<str>>,
    /// Settings of a custom profile.
    #[serde(default)]
    pub custom: Option<CustomProfile>,
}

/// `custom` of a TLS profile.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct CustomProfile {
    /// `VersionTLS10` … `VersionTLS13`.
    #[serde(default, rename = "minTLSVersion")]
    pub min_tls_version: Option<Box<str>>,
}

impl TlsSecurity {
    /// The profile, if one is set.
    pub fn profile(&self) -> Option<&TlsProfile> {
        self.spec
            .tls_security_profile
            .as_ref()
            .filter(|p| p.r#type.is_some())
    }
}
