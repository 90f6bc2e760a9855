//! The hosts that an object publishes, and where each is reached.

mod publishers;

use std::sync::Arc;

use plimsoll_engine::{
    control::Unit,
    decode::Object,
    inventory::IndexKey,
    kind::Kind,
    object::{Gateway, HttpRoute, Ingress, IngressTls, Listener, LoadBalancer},
    unknown::Unknown,
    view::View,
};

use super::ingress::covers_host;

/// Objects whose status says where their hosts are reached.
pub(crate) const PUBLISHERS: &[Kind] = &[
    Kind::Ingress,
    Kind::Gateway,
    Kind::TraefikIngressRoute,
    Kind::HttpProxy,
    Kind::IstioGateway,
    Kind::OpenShiftRoute,
    Kind::NginxVirtualServer,
    Kind::EmissaryHost,
    Kind::ApisixRoute,
    Kind::LegacyIngressRoute,
];

/// Annotations by which an Ingress ends TLS without an entry of `spec.tls`, with a text their value contains.
const NATIVE_TLS: [(&str, &str); 7] = [
    ("alb.ingress.kubernetes.io/certificate-arn", ""),
    ("alb.ingress.kubernetes.io/listen-ports", "HTTPS"),
    ("ingress.gcp.kubernetes.io/pre-shared-cert", ""),
    ("networking.gke.io/managed-certificates", ""),
    ("networking.gke.io/certmap", ""),
    ("traefik.ingress.kubernetes.io/router.tls", "true"),
    ("traefik.ingress.kubernetes.io/router.tls.certresolver", ""),
];

/// Most addresses of one object that are looked at.
const ADDRESSES: usize = 4;

/// A host with where it is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Site {
    /// The host as a client asks for it; empty where any host is served.
    pub(crate) host: Arc<str>,
    /// Whether TLS ends here.
    pub(crate) tls: bool,
    /// Addresses with their ports.
    pub(crate) at: Vec<(Arc<str>, u16)>,
}

/// The hosts of the unit's object.
pub(crate) fn sites(unit: &Unit<'_>, view: &View<'_>) -> Result<Vec<Site>, Unknown> {
    let mut sites = match unit.name().kind() {
        Kind::Ingress => of_ingress(unit.object()?, unit.get()?),
        Kind::Gateway => of_gateway(unit, view)?,
        Kind::HttpProxy => publishers::of_http_proxy(unit.get()?),
        Kind::OpenShiftRoute => publishers::of_openshift_route(unit.get()?),
        Kind::IstioGateway => publishers::of_istio_gateway(unit.get()?),
        Kind::TraefikIngressRoute => publishers::of_traefik_route(unit.get()?),
        other => {
            return Err(Unknown::not_modelled(format!(
                "where a {} is reached",
                other.resource()
            )));
        }
    };
    sites.sort_by(|a, b| (&a.host, !a.tls).cmp(&(&b.host, !b.tls)));
    sites.dedup_by(|a, b| {
        let same = a.host == b.host && a.tls == b.tls;
        if same {
            b.at.append(&mut a.at);
            b.at.sort();
            b.at.dedup();
        }
        same
    });
    Ok(sites)
}

/// A host as a client would ask for it: of a wildcard one of its names.
fn asked(host: &str) -> Arc<str> {
    match host.strip_prefix("*.") {
        Some(base) => format!("plimsoll-probe.{base}").to_ascii_lowercase().into(),
        None => host.to_ascii_lowercase().into(),
    }
}

fn of_ingress(object: &Object, ingress: &Ingress) -> Vec<Site> {
    if ingress.serves_acme_only() {
        return Vec::new();
    }
    let native = NATIVE_TLS.iter().any(|(key, text)| {
        let value = object.meta.annotations.get(key);
        value.is_some_and(|value| !value.is_empty() && value.contains(text))
    });
    let entries = ingress.spec.tls.as_deref().unwrap_or_default();
    // A default backend serves the hosts of the certificates; without any, whatever host is asked for.
    let named = entries
        .iter()
        .flat_map(|entry| entry.hosts.iter().flatten())
        .map(|host| Some(&**host));
    let hosts: Vec<Option<&str>> = match ingress.hosts().find(Option::is_none) {
        Some(_) if named.clone().next().is_some() => {
            ingress.hosts().flatten().map(Some).chain(named).collect()
        }
        _ => ingress.hosts().collect(),
    };
    let site = |host: Option<&str>| {
        let tls = native || ends_tls(host, entries);
        Site {
            host: asked(host.unwrap_or_default()),
            tls,
            at: reached(&ingress.status.load_balancers, tls),
        }
    };
    hosts.into_iter().map(site).collect()
}

/// Whether an entry of `spec.tls` is for the host; one without hosts is for every host.
fn ends_tls(host: Option<&str>, entries: &[IngressTls]) -> bool {
    entries
        .iter()
        .any(|entry| match (entry.hosts.as_deref().unwrap_or_default(), host) {
            ([], _) => true,
            (hosts, Some(host)) => hosts.iter().any(|covering| covers_host(covering, host)),
            (_, None) => false,
        })
}

/// Where load balancers listen: on the customary port, unless their status names others.
fn reached(load_balancers: &[LoadBalancer], tls: bool) -> Vec<(Arc<str>, u16)> {
    let (usual, other) = if tls { (443, 80) } else { (80, 443) };
    let ports = |lb: &LoadBalancer| match &*lb.ports {
        [] => vec![usual],
        ports if ports.contains(&usual) => vec![usual],
        ports => ports.iter().copied().filter(|port| *port != other).collect(),
    };
    let stated = load_balancers.iter().filter(|lb| !lb.address.is_empty());
    stated
        .take(ADDRESSES)
        .flat_map(|lb| ports(lb).into_iter().map(|port| (Arc::from(&*lb.address), port)))
        .take(ADDRESSES)
        .collect()
}

fn of_gateway(unit: &Unit<'_>, view: &View<'_>) -> Result<Vec<Site>, Unknown> {
    let gateway: &Gateway = unit.get()?;
    let stated = gateway
        .status
        .addresses
        .iter()
        .flatten()
        .filter(|address| !address.value.is_empty());
    let addresses: Vec<Arc<str>> = stated
        .take(ADDRESSES)
        .map(|address| Arc::from(&*address.value))
        .collect();
    let mut sites = Vec::new();
    for listener in gateway.spec.listeners.iter().flatten() {
        let tls = match &*listener.protocol {
            "HTTPS" | "TLS" => true,
            "HTTP" => false,
            _ => continue,
        };
        let Some(port) = listener.port.and_then(|port| u16::try_from(port).ok()) else {
            continue;
        };
        for host in hosts_of(unit, listener, view)? {
            let at = addresses.iter().map(|address| (address.clone(), port)).collect();
            sites.push(Site { host, tls, at });
        }
    }
    Ok(sites)
}

/// The hosts of a listener; where it takes any, or any of a domain, those of the routes attached to it.
fn hosts_of(unit: &Unit<'_>, listener: &Listener, view: &View<'_>) -> Result<Vec<Arc<str>>, Unknown> {
    let own = listener.hostname.as_deref().unwrap_or_default();
    if !own.is_empty() && !own.starts_with("*.") {
        return Ok(vec![asked(own)]);
    }
    let (namespace, name) = (unit.namespace(), unit.name().name());
    let key = IndexKey::Targets(Kind::HttpRoute, namespace.into(), "Gateway".into(), name.into());
    let mut hosts = Vec::new();
    for object in view.indexed(Kind::HttpRoute, &key)? {
        let Some(route) = object
            .body
            .as_ref()
            .ok()
            .and_then(|body| <HttpRoute as plimsoll_engine::object::Projection>::of(body))
        else {
            continue;
        };
        let attached = route.spec.parent_refs.iter().flatten().any(|parent| {
            parent.name.as_ref() == name
                && parent
                    .section_name
                    .as_ref()
                    .is_none_or(|section| *section == listener.name)
                && parent.port.is_none_or(|port| Some(port) == listener.port)
        });
        let within = |host: &str| own.is_empty() || covers_host(own, host) || *host == *own;
        if attached {
            hosts.extend(
                route
                    .spec
                    .hostnames
                    .iter()
                    .flatten()
                    .filter(|host| within(host))
                    .map(|host| asked(host)),
            );
        }
    }
    if hosts.is_empty() {
        hosts.push(asked(own));
    }
    Ok(hosts)
}
