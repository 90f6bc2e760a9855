//! Gateway API: a Gateway's listeners have certificates, and a route attaches to no plain one unless it only redirects.

use std::sync::Arc;

use plimsoll_engine::{
    control::Unit,
    finding::Findings,
    kind::Kind,
    name::ObjRef,
    object::{Gateway, HttpRoute, Listener, ParentRef},
    unknown::Unknown,
    view::View,
};

pub(super) fn check_gateway(unit: &Unit<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let listeners = unit
        .get::<Gateway>()?
        .spec
        .listeners
        .as_deref()
        .unwrap_or_default();
    if !listeners.iter().any(Listener::is_tls) {
        // Plain listeners are judged at the routes that attach to them: a redirect needs one.
        out.not_applicable("has no TLS listener; its routes are judged themselves");
    }
    for listener in listeners.iter().filter(|l| l.is_tls() && !l.passes_through()) {
        let tls = listener.tls.as_ref();
        let certificates = tls
            .and_then(|tls| tls.certificate_refs.as_ref())
            .is_some_and(|refs| !refs.is_empty());
        if certificates {
            continue;
        }
        if tls
            .and_then(|tls| tls.options.as_ref())
            .is_some_and(|options| !options.is_empty())
        {
            let message = format!(
                "listener {} may get its certificate from tls.options",
                listener.name
            );
            out.unknown(Unknown::new("ImplementationSpecific", message));
            continue;
        }
        out.fail(
            "NoCertificate",
            format!("listener {} names no certificate", listener.name),
        )
        .at(format!("spec.listeners[{}]", listener.name))
        .detail(listener.name.clone());
    }
    Ok(())
}

pub(super) fn check_route(unit: &Unit<'_>, view: &View<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let route: &HttpRoute = unit.get()?;
    let mut published = false;
    for parent in route.spec.parent_refs.iter().flatten() {
        match parent.kind.as_deref().unwrap_or("Gateway") {
            "Gateway" => {
                published = true;
                check_parent(unit, route, parent, view, out)?;
            }
            "Service" => {}
            other => {
                published = true;
                out.unknown(Unknown::not_modelled(format!("a route attached to a {other}")));
            }
        }
    }
    if !published {
        out.not_applicable("is attached to no Gateway");
    }
    Ok(())
}

fn check_parent(
    unit: &Unit<'_>,
    route: &HttpRoute,
    parent: &ParentRef,
    view: &View<'_>,
    out: &mut Findings,
) -> Result<(), Unknown> {
    if route.only_redirects() {
        return Ok(());
    }
    let namespace: Arc<str> = parent.namespace.as_deref().unwrap_or(unit.namespace()).into();
    let name = ObjRef::new(Kind::Gateway, namespace, parent.name.clone());
    let Some(gateway) = view.get::<Gateway>(&name)? else {
        out.unknown(Unknown::new("GatewayNotFound", format!("{name} does not exist")));
        return Ok(());
    };
    let listeners = gateway.spec.listeners.iter().flatten();
    for listener in listeners.filter(|listener| attaches(route, parent, listener)) {
        match &*listener.protocol {
            "HTTPS" | "TLS" => {}
            "HTTP" => {
                out.fail(
                    "PlainListener",
                    format!(
                        "attached to the plain HTTP listener {} and does not only redirect",
                        listener.name
                    ),
                )
                .at("spec.parentRefs")
                .detail(format!("{}/{}", name.name(), listener.name))
                .seen(format!("{name}, listener {}, protocol HTTP", listener.name));
            }
            other => out.unknown(Unknown::not_modelled(format!(
                "protocol {other} of listener {}",
                listener.name
            ))),
        }
    }
    Ok(())
}

/// By section name, port and host. Whether the listener lets the route's namespace in is not asked: it may any moment.
fn attaches(route: &HttpRoute, parent: &ParentRef, listener: &Listener) -> bool {
    let hosts = route.spec.hostnames.as_deref().unwrap_or_default();
    parent
        .section_name
        .as_deref()
        .is_none_or(|section| section == &*listener.name)
        && (parent.port.is_none() || parent.port == listener.port)
        && matches!(&*listener.protocol, "HTTP" | "HTTPS" | "TLS")
        && match listener.hostname.as_deref().filter(|host| !host.is_empty()) {
            None => true,
            Some(_) if hosts.is_empty() => true,
            Some(listening) => hosts.iter().any(|host| intersects(listening, host)),
        }
}

/// In Gateway API a wildcard covers any number of labels, on either side.
fn intersects(a: &str, b: &str) -> bool {
    let covers = |pattern: &str, host: &str| {
        pattern
            .strip_prefix('*')
            .is_some_and(|end| host.len() > end.len() && host.ends_with(end))
    };
    a == b || covers(a, b) || covers(b, a)
}
