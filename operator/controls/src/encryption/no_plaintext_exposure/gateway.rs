//! Whether a Service or a pod belongs to an ingress or gateway controller, whose hosts other controls judge.
//!
//! Told by what runs, not by a label that whoever owns the Service may set: by the images of the workloads behind it, or by
//! the Gateway or Ingress that made it and is there.

use plimsoll_engine::{
    decode::Object,
    facts::Backend,
    kind::Kind,
    name::ObjRef,
    object::PodSpec,
    unknown::Unknown,
    view::View,
};

use super::Params;

/// Repositories of controllers and of the proxies they run, by their last segments.
const IMAGES: [&str; 23] = [
    "ingress-nginx/controller",
    "ingress-nginx/controller-chroot",
    "nginx-ingress-controller",
    "nginx-ingress",
    "nginx-plus-ingress",
    "nginx-gateway-fabric",
    "traefik",
    "mirrored-library-traefik",
    "haproxy-ingress",
    "haproxytech/kubernetes-ingress",
    "projectcontour/contour",
    "envoyproxy/gateway",
    "kong",
    "kong-gateway",
    "emissary",
    "ambassador",
    "apisix",
    "caddy/ingress",
    "skipper",
    "gloo-envoy-wrapper",
    "kgateway-dev/envoy-wrapper",
    "origin-haproxy-router",
    "openshift/ose-haproxy-router",
];
/// Istio's proxy: a gateway where it runs alone, else a sidecar. Its charts leave the image to injection (`auto`).
const ISTIO: (&str, &str) = ("istio-proxy", "istio/proxyv2");

/// Labels by which implementations of Gateway API name the Gateway a Service is for: its name, and its namespace where that
/// may be another.
const OWNERS: [(&str, Option<&str>); 2] = [
    ("gateway.networking.k8s.io/gateway-name", None),
    (
        "gateway.envoyproxy.io/owning-gateway-name",
        Some("gateway.envoyproxy.io/owning-gateway-namespace"),
    ),
];

/// Whether a Service publishes an ingress or gateway controller.
pub(super) fn publishes(
    view: &View<'_>,
    service: &Object,
    backends: Result<&Vec<Backend>, &Unknown>,
    params: &Params,
) -> Result<bool, Unknown> {
    if by_owner(view, service)? {
        return Ok(true);
    }
    let backends = backends.map_err(Unknown::clone)?;
    Ok(!backends.is_empty() && backends.iter().all(|backend| is_controller(&backend.containers, backend.regular, params)))
}

/// Whether these pods are an ingress or gateway controller's.
pub(super) fn runs(spec: &PodSpec, params: &Params) -> bool {
    let containers: Vec<(Box<str>, Box<str>)> = spec
        .all_containers()
        .map(|c| (c.name.clone(), c.image.clone().unwrap_or_default()))
        .collect();
    is_controller(&containers, spec.containers.as_deref().map_or(0, <[_]>::len), params)
}

fn is_controller(containers: &[(Box<str>, Box<str>)], regular: usize, params: &Params) -> bool {
    let known = || IMAGES.into_iter().chain(params.controller_images.iter().map(String::as_str));
    let istio = matches!(containers, [(name, image), ..] if regular == 1
        && (is_of(image, ISTIO.1) || (**name == *ISTIO.0 && **image == *"auto")));
    istio || containers.iter().any(|(_, image)| known().any(|of| is_of(image, of)))
}

/// Whether an image is of a repository, given by its last segments.
fn is_of(image: &str, repository: &str) -> bool {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let tagged = name.rsplit('/').next().unwrap_or(name);
    let tag = tagged.find(':').map_or(0, |colon| tagged.len() - colon);
    let name = &name[..name.len() - tag];
    name.strip_suffix(repository)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// Made for a Gateway or an Ingress that is there.
fn by_owner(view: &View<'_>, service: &Object) -> Result<bool, Unknown> {
    let namespace = service.name.namespace().unwrap_or_default();
    let mut owners = Vec::new();
    if let Some(owner) = &service.meta.controller
        && let Some(kind @ (Kind::Gateway | Kind::Ingress)) = Kind::of_manifest(owner.api_version(), owner.kind())
    {
        owners.push(ObjRef::new(kind, namespace, owner.name()));
    }
    for (name, of) in OWNERS {
        if let Some(name) = service.meta.labels.get(name) {
            let namespace = of.and_then(|of| service.meta.labels.get(of)).unwrap_or(namespace);
            owners.push(ObjRef::new(Kind::Gateway, namespace, name));
        }
    }
    for owner in owners {
        if view.object(&owner)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("registry.k8s.io/ingress-nginx/controller:v1.12.0@sha256:abc", true)]
    #[case("localhost:5000/traefik", true)]
    #[case("traefik:v3", true)]
    #[case("docker.io/library/traefik", true)]
    #[case("quay.io/jcmoraisjr/haproxy-ingress:v0.15", true)]
    #[case("example.com/not-traefik:v3", false)]
    #[case("example.com/controller:v1", false)]
    #[case("nginx:1.27", false)]
    fn controllers_by_their_images(#[case] image: &str, #[case] is: bool) {
        let containers = [(Box::from("main"), Box::from(image))];
        assert_eq!(is_controller(&containers, 1, &Params::default()), is);
    }

    #[test]
    fn istios_proxy_is_a_gateway_only_where_it_runs_alone() {
        let proxy = || (Box::from("istio-proxy"), Box::from("auto"));
        let app = || (Box::from("app"), Box::from("shop:1"));
        assert!(is_controller(&[proxy()], 1, &Params::default()));
        assert!(!is_controller(&[proxy(), app()], 2, &Params::default()));
        assert!(!is_controller(&[app(), proxy()], 1, &Params::default()), "a native sidecar");
    }
}
