//! Traefik's IngressRoute, Contour's HTTPProxy, Istio's Gateway, OpenShift's Route.

use std::sync::Arc;

use plimsoll_engine::{
    control::Unit,
    finding::Findings,
    kind::Kind,
    name::ObjRef,
    object::{HttpProxy, IstioGateway, IstioServer, OpenShiftRoute, TraefikMiddleware, TraefikRoute},
    unknown::Unknown,
    view::View,
};

use super::Params;

pub(super) fn traefik_route(
    unit: &Unit<'_>,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let spec = &unit.get::<TraefikRoute>()?.spec;
    let set = |name: &Option<Box<str>>| name.as_deref().is_some_and(|name| !name.is_empty());
    match &spec.tls {
        Some(tls)
            if set(&tls.secret_name) || set(&tls.cert_resolver) || params.trust_class_default_certificate => {
        }
        Some(_) => {
            out.fail(
                "DefaultCertificate",
                "served with Traefik's default certificate: neither Secret nor resolver is named",
            )
            .at("spec.tls");
        }
        None if only_redirects(unit, spec.routes.as_deref().unwrap_or_default(), view)? => {}
        None => {
            let points = spec.entry_points.as_deref().unwrap_or_default();
            if points.is_empty() || points.iter().any(|point| &**point != "web") {
                return Err(Unknown::new(
                    "EntryPointTls",
                    "the entry point may have TLS in Traefik's static configuration",
                )
                .live_only());
            }
            out.fail("NoTls", "served over plain HTTP on entry point web")
                .at("spec.entryPoints");
        }
    }
    Ok(())
}

/// Whether every rule passes a middleware that redirects to `https`.
fn only_redirects(
    unit: &Unit<'_>,
    rules: &[plimsoll_engine::object::TraefikRule],
    view: &View<'_>,
) -> Result<bool, Unknown> {
    for rule in rules {
        let mut redirects = false;
        for middleware in rule.middlewares.iter().flatten() {
            let namespace: Arc<str> = middleware.namespace.as_deref().unwrap_or(unit.namespace()).into();
            let name = ObjRef::new(Kind::TraefikMiddleware, namespace, middleware.name.clone());
            redirects |= view
                .get::<TraefikMiddleware>(&name)?
                .is_some_and(TraefikMiddleware::redirects_to_https);
        }
        if !redirects {
            return Ok(false);
        }
    }
    Ok(!rules.is_empty())
}

pub(super) fn http_proxy(unit: &Unit<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let Some(host) = &unit.get::<HttpProxy>()?.spec.virtualhost else {
        out.not_applicable("is included by other proxies");
        return Ok(());
    };
    match &host.tls {
        None => {
            out.fail("NoTls", format!("{} is served over plain HTTP", host.fqdn))
                .at("spec.virtualhost");
        }
        Some(tls)
            if tls.passthrough == Some(true) || tls.secret_name.as_deref().is_some_and(|s| !s.is_empty()) => {
        }
        Some(_) => {
            out.fail(
                "NoCertificate",
                format!("{}: neither a Secret nor passthrough is stated", host.fqdn),
            )
            .at("spec.virtualhost.tls");
        }
    }
    Ok(())
}

pub(super) fn istio_gateway(unit: &Unit<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let servers = unit
        .get::<IstioGateway>()?
        .spec
        .servers
        .as_deref()
        .unwrap_or_default();
    let mut judged = false;
    for (i, server) in servers.iter().enumerate() {
        judged |= is_judged(server);
        if let Some((reason, what)) = istio_problem(server) {
            out.fail(reason, format!("server {} {what}", server.port.name))
                .at(format!("spec.servers[{i}]"))
                .detail(server.port.name.clone());
        }
    }
    if !judged {
        out.not_applicable("serves no HTTP and no TLS");
    }
    Ok(())
}

const PLAIN: [&str; 4] = ["HTTP", "HTTP2", "GRPC", "GRPC-WEB"];
const SECURE: [&str; 2] = ["HTTPS", "TLS"];

/// Whether a server speaks HTTP or TLS at all.
fn is_judged(server: &IstioServer) -> bool {
    let is = |protocol: &&str| protocol.eq_ignore_ascii_case(&server.port.protocol);
    PLAIN.iter().any(is) || SECURE.iter().any(is)
}

/// What is wrong with a server.
fn istio_problem(server: &IstioServer) -> Option<(&'static str, &'static str)> {
    let tls = server.tls.as_ref();
    match &*server.port.protocol.to_ascii_uppercase() {
        protocol if PLAIN.contains(&protocol) => {
            let redirects = tls.is_some_and(|tls| tls.https_redirect == Some(true));
            (!redirects).then_some(("PlainListener", "serves plain HTTP without a redirect"))
        }
        protocol if SECURE.contains(&protocol) => {
            let mode = tls.and_then(|tls| tls.mode.as_deref()).unwrap_or("SIMPLE");
            let certificate =
                tls.is_some_and(|tls| tls.credential_name.is_some() || tls.server_certificate.is_some());
            let fine = certificate || matches!(mode, "PASSTHROUGH" | "AUTO_PASSTHROUGH" | "ISTIO_MUTUAL");
            (!fine).then_some(("NoCertificate", "names no certificate"))
        }
        _ => None,
    }
}

/// A router always has a certificate for its own domain, and a Route with `tls` is served with TLS.
pub(super) fn openshift_route(unit: &Unit<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let spec = &unit.get::<OpenShiftRoute>()?.spec;
    if spec.tls.is_none() {
        let host = spec.host.as_deref().unwrap_or("a host of the router's");
        out.fail("NoTls", format!("{host} is served over plain HTTP"))
            .at("spec");
    }
    Ok(())
}
