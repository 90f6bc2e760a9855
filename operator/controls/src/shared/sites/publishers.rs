//! Hosts of kinds beside Ingress and Gateway. Only Contour's says in its status where they are reached; for the others a baseline
//! has to (`addresses`).

use std::sync::Arc;

use plimsoll_engine::object::{HttpProxy, IstioGateway, OpenShiftRoute, TraefikRoute, TraefikRule};

use super::{Site, asked, reached};

pub(super) fn of_http_proxy(proxy: &HttpProxy) -> Vec<Site> {
    let hosts = proxy.spec.virtualhost.iter().filter(|host| !host.fqdn.is_empty());
    hosts
        .map(|host| {
            let tls = host.tls.is_some();
            Site {
                host: asked(&host.fqdn),
                tls,
                at: reached(&proxy.status.load_balancers, tls),
            }
        })
        .collect()
}

pub(super) fn of_openshift_route(route: &OpenShiftRoute) -> Vec<Site> {
    let host = route.spec.host.iter().filter(|host| !host.is_empty());
    host.map(|host| nowhere(host, route.spec.tls.is_some())).collect()
}

/// The hosts of Istio's servers, which may name a namespace too: `shop/*.example.com`.
pub(super) fn of_istio_gateway(gateway: &IstioGateway) -> Vec<Site> {
    let servers = gateway.spec.servers.iter().flatten();
    let hosts = servers.flat_map(|server| {
        let tls = server.tls.as_ref().is_some_and(|tls| tls.mode.is_some());
        server.hosts.iter().flatten().map(move |host| (host, tls))
    });
    hosts
        .map(|(host, tls)| {
            let host = host.split_once('/').map_or(&**host, |(_, host)| host);
            nowhere(if host == "*" { "" } else { host }, tls)
        })
        .collect()
}

/// The hosts that Traefik's rules name, as far as they name them one by one.
pub(super) fn of_traefik_route(route: &TraefikRoute) -> Vec<Site> {
    let tls = route.spec.tls.is_some();
    let rules = route.spec.routes.iter().flatten();
    rules
        .flat_map(TraefikRule::hosts)
        .map(|host| nowhere(host, tls))
        .collect()
}

fn nowhere(host: &str, tls: bool) -> Site {
    Site {
        host: asked(host),
        tls,
        at: Vec::<(Arc<str>, u16)>::new(),
    }
}
