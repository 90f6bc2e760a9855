//! Gateways, HTTPProxies, Istio's Gateways and OpenShift's Routes.

use plimsoll_engine::{
    control::Unit,
    decode::Object,
    kind::Kind,
    name::ObjRef,
    object::{
        ClientTrafficPolicy, EmissaryHost, Gateway, GatewayClass, HttpProxy, IstioGateway, OpenShiftRoute, Projection,
        TlsSecurity,
    },
    unknown::Unknown,
    view::View,
};

use super::{Endpoint, Fix, by_handshake, passthrough};
use crate::shared::tls::{TlsVersion, Versions};

const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io/gatewayclass-controller";

/// The core of Gateway API has no minimum; Envoy Gateway's policy beside it has.
pub(super) fn gateway(unit: &Unit<'_>, view: &View<'_>) -> Result<Vec<Endpoint>, Unknown> {
    let gateway: &Gateway = unit.get()?;
    let tls: Vec<_> = gateway
        .spec
        .listeners
        .iter()
        .flatten()
        .filter(|l| l.is_tls())
        .collect();
    if tls.is_empty() {
        return Ok(Vec::new());
    }
    if tls.iter().all(|listener| listener.passes_through()) {
        return Err(passthrough());
    }
    let class = ObjRef::cluster(Kind::GatewayClass, gateway.spec.gateway_class_name.clone());
    let class: &GatewayClass = view
        .get(&class)?
        .ok_or_else(|| Unknown::new("GatewayClassNotFound", format!("{class} does not exist")))?;
    let controller = &class.spec.controller_name;
    if **controller != *ENVOY_GATEWAY {
        return Err(by_handshake(format!(
            "the settings of controller {controller} are not modelled"
        )));
    }
    let policies = view.in_namespace(Kind::ClientTrafficPolicy, unit.namespace())?;
    let mut endpoints = Vec::new();
    for object in policies {
        endpoints.extend(by_policy(unit.name().name(), object)?);
    }
    if endpoints.is_empty() {
        endpoints.push(Endpoint {
            versions: Ok(Versions::From(TlsVersion::V1_2)),
            path: "spec.listeners".into(),
            seen: "no ClientTrafficPolicy: 1.2 by default".into(),
            fix: None,
        });
    }
    Ok(endpoints)
}

fn by_policy(gateway: &str, object: &Object) -> Result<Option<Endpoint>, Unknown> {
    let policy: &ClientTrafficPolicy = body(object)?;
    let targets = policy
        .targets()
        .any(|target| &*target.kind == "Gateway" && &*target.name == gateway);
    if !targets && !policy.selects() {
        return Ok(None);
    }
    let value = policy
        .spec
        .tls
        .as_ref()
        .and_then(|tls| tls.min_version.as_deref())
        .filter(|v| !v.is_empty());
    let versions = match value {
        _ if !targets => Err(by_handshake(format!("{} selects Gateways by label", object.name))),
        None => Ok(Versions::From(TlsVersion::V1_2)),
        Some("Auto") => Err(by_handshake(format!("{}: minVersion Auto", object.name))),
        Some(value) => TlsVersion::from_number(value)
            .map(Versions::From)
            .ok_or_else(|| unreadable(value)),
    };
    Ok(Some(Endpoint {
        versions,
        path: "spec.listeners".into(),
        seen: format!(
            "{}: minVersion {}",
            object.name,
            value.unwrap_or("absent, 1.2 by default")
        ),
        fix: None,
    }))
}

fn body<T: Projection>(object: &Object) -> Result<&T, Unknown> {
    let unparsed = || Unknown::new("Unparsed", format!("{} cannot be read", object.name));
    object.body.as_ref().ok().and_then(T::of).ok_or_else(unparsed)
}

fn unreadable(value: &str) -> Unknown {
    Unknown::new(
        "UnknownTlsSetting",
        format!("the minimum is {value:?}, which is not known"),
    )
}

pub(super) fn http_proxy(unit: &Unit<'_>) -> Result<Vec<Endpoint>, Unknown> {
    let host = unit.get::<HttpProxy>()?.spec.virtualhost.as_ref();
    let Some(tls) = host.and_then(|host| host.tls.as_ref()) else {
        return Ok(Vec::new());
    };
    if tls.passthrough == Some(true) {
        return Err(passthrough());
    }
    let value = tls.minimum_protocol_version.as_deref().filter(|v| !v.is_empty());
    let versions = match value {
        None => Ok(Versions::From(TlsVersion::V1_2)),
        Some(value) => TlsVersion::from_number(value)
            .map(Versions::From)
            .ok_or_else(|| unreadable(value)),
    };
    Ok(vec![Endpoint {
        versions,
        path: "spec.virtualhost.tls.minimumProtocolVersion".into(),
        seen: format!(
            "minimumProtocolVersion: {}",
            value.unwrap_or("absent, 1.2 by default")
        ),
        fix: Some(Fix::Contour(
            unit.name().clone(),
            "/spec/virtualhost/tls/minimumProtocolVersion",
            value.map(Into::into),
        )),
    }])
}

pub(super) fn istio_gateway(unit: &Unit<'_>) -> Result<Vec<Endpoint>, Unknown> {
    let servers = unit
        .get::<IstioGateway>()?
        .spec
        .servers
        .iter()
        .flatten()
        .enumerate();
    let mut endpoints = Vec::new();
    for (i, server) in servers {
        let Some(tls) = server.tls.as_ref().filter(|tls| tls.mode.is_some()) else {
            continue;
        };
        let mode = tls.mode.as_deref().unwrap_or_default();
        let value = tls.min_protocol_version.as_deref().unwrap_or("TLS_AUTO");
        endpoints.push(Endpoint {
            versions: match mode {
                "PASSTHROUGH" | "AUTO_PASSTHROUGH" => Err(passthrough()),
                _ => TlsVersion::from_istio(value)
                    .map(Versions::From)
                    .ok_or_else(|| unreadable(value)),
            },
            path: format!("spec.servers[{i}].tls.minProtocolVersion"),
            seen: format!("server {}: minProtocolVersion {value}", server.port.name),
            fix: None,
        });
    }
    Ok(endpoints)
}

/// Emissary's default is 1.0 ("It defaults to v1.0", its TLSContext documentation); a TLSContext is not read.
pub(super) fn emissary_host(unit: &Unit<'_>) -> Result<Vec<Endpoint>, Unknown> {
    let spec = &unit.get::<EmissaryHost>()?.spec;
    let value = spec.tls.as_ref().and_then(|tls| tls.min_tls_version.as_deref());
    if spec.tls_context.is_some() {
        return Err(by_handshake("the settings are those of a TLSContext, which is not modelled"));
    }
    if spec.tls.is_none() && spec.tls_secret.is_none() {
        return Err(by_handshake("no certificate is named: whether TLS ends here is for ACME to say"));
    }
    let versions = match value.filter(|v| !v.is_empty()) {
        None => Ok(Versions::From(TlsVersion::V1_0)),
        Some(value) => value
            .strip_prefix('v')
            .and_then(TlsVersion::from_number)
            .map(Versions::From)
            .ok_or_else(|| unreadable(value)),
    };
    Ok(vec![Endpoint {
        versions,
        path: "spec.tls.min_tls_version".into(),
        seen: format!("min_tls_version: {}", value.unwrap_or("absent, v1.0 by default")),
        fix: Some(Fix::ByHand(
            "set spec.tls.min_tls_version of the Host: old clients are cut off",
        )),
    }])
}

/// Any router may serve a Route: all of them have to be good, or all bad, for a verdict.
pub(super) fn openshift_route(unit: &Unit<'_>, view: &View<'_>) -> Result<Vec<Endpoint>, Unknown> {
    let Some(tls) = &unit.get::<OpenShiftRoute>()?.spec.tls else {
        return Ok(Vec::new());
    };
    if tls.termination.as_deref() == Some("passthrough") {
        return Err(passthrough());
    }
    let fallback = fallback_profile(view)?;
    let mut found: Vec<(TlsVersion, String)> = Vec::new();
    for object in view.all(Kind::OpenShiftIngressController)? {
        let minimum = match profile_minimum(body(object)?)? {
            Some(minimum) => minimum,
            None => fallback,
        };
        found.push((minimum, object.name.to_string()));
    }
    if found.is_empty() {
        return Err(by_handshake(
            "no IngressController is known, which states the minimum of its Routes",
        ));
    }
    found.sort();
    let ((lowest, source), (highest, other)) = (&found[0], &found[found.len() - 1]);
    if lowest != highest {
        return Err(by_handshake(format!(
            "{source} accepts TLS {}, {other} starts at {}, and either may serve the Route",
            lowest.number(),
            highest.number()
        )));
    }
    Ok(vec![Endpoint {
        versions: Ok(Versions::From(*lowest)),
        path: "spec.tls".into(),
        seen: format!("{source}: its TLS profile starts at {}", lowest.number()),
        fix: None,
    }])
}

fn fallback_profile(view: &View<'_>) -> Result<TlsVersion, Unknown> {
    let server: Option<&TlsSecurity> = view.get(&ObjRef::cluster(Kind::OpenShiftApiServer, "cluster"))?;
    Ok(server
        .map(profile_minimum)
        .transpose()?
        .flatten()
        .unwrap_or(TlsVersion::V1_2))
}

/// `Old` starts at 1.0, `Intermediate` at 1.2, `Modern` at 1.3.
fn profile_minimum(security: &TlsSecurity) -> Result<Option<TlsVersion>, Unknown> {
    let Some(profile) = security.profile() else {
        return Ok(None);
    };
    let minimum = match profile.r#type.as_deref().unwrap_or_default() {
        "Old" => Some(TlsVersion::V1_0),
        "Intermediate" => Some(TlsVersion::V1_2),
        "Modern" => Some(TlsVersion::V1_3),
        "Custom" => profile
            .custom
            .as_ref()
            .and_then(|c| TlsVersion::from_go(c.min_tls_version.as_deref()?)),
        _ => None,
    };
    minimum
        .map(Some)
        .ok_or_else(|| unreadable(profile.r#type.as_deref().unwrap_or_default()))
}
