//! Which ingress controller serves an Ingress.

use std::sync::Arc;

use plimsoll_engine::{
    decode::Object,
    facts::{ClassController, ControllerOf, DefaultIngressClass},
    object::Ingress,
    unknown::Unknown,
    view::View,
};

/// The annotation of before `spec.ingressClassName`; some controllers still know their Ingresses by it alone.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// An ingress controller that is modelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Implementation {
    /// The Kubernetes project's ingress-nginx.
    IngressNginx,
    /// F5's NGINX Ingress Controller.
    F5Nginx,
    /// Traefik.
    Traefik,
    /// HAProxy Ingress (jcmoraisjr).
    HaproxyIngress,
    /// Contour.
    Contour,
    /// AWS Load Balancer Controller.
    Alb,
    /// GKE's own.
    Gke,
    /// Any other.
    Other,
}

/// Who serves an Ingress.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The implementation.
    pub(crate) implementation: Implementation,
    /// The controller's name, as its class has it.
    pub(crate) controller: Arc<str>,
    /// Kind and name of the class's parameters.
    pub(crate) parameters: Option<(Arc<str>, Arc<str>)>,
}

/// The name of an Ingress's class: its field, else the old annotation, else the default class.
pub(crate) fn class_name(
    view: &View<'_>,
    object: &Object,
    ingress: &Ingress,
) -> Result<Option<Arc<str>>, Unknown> {
    let named = ingress.spec.ingress_class_name.as_deref();
    match named
        .or_else(|| object.meta.annotations.get(CLASS_ANNOTATION))
        .filter(|name| !name.is_empty())
    {
        Some(name) => Ok(Some(name.into())),
        None => Ok(Option::clone(&*view.fact(&DefaultIngressClass)?)),
    }
}

/// Who serves an Ingress; Unknown where no class tells.
pub(crate) fn server_of(view: &View<'_>, object: &Object, ingress: &Ingress) -> Result<Server, Unknown> {
    let class = class_name(view, object, ingress)?.ok_or_else(|| {
        Unknown::new(
            "NoIngressClass",
            "the Ingress names no class and no IngressClass is the default",
        )
    })?;
    let known = view.fact(&ControllerOf { class: class.clone() })?;
    if let Some(ClassController {
        controller,
        parameters,
    }) = &*known
    {
        return Ok(Server {
            implementation: implementation(controller),
            controller: controller.clone(),
            parameters: parameters.clone(),
        });
    }
    let by_annotation = ingress
        .spec
        .ingress_class_name
        .is_none()
        .then(|| by_annotation(&class))
        .flatten();
    by_annotation
        .map(|implementation| Server {
            implementation,
            controller: class.clone(),
            parameters: None,
        })
        .ok_or_else(|| {
            Unknown::new(
                "IngressClassNotFound",
                format!("IngressClass {class} does not exist"),
            )
        })
}

/// A wildcard covers exactly one label.
pub(crate) fn covers_host(covering: &str, host: &str) -> bool {
    if covering.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some((label, rest)) = host.split_once('.') else {
        return false;
    };
    !label.is_empty()
        && label != "*"
        && covering
            .strip_prefix("*.")
            .is_some_and(|base| base.eq_ignore_ascii_case(rest))
}

fn implementation(controller: &str) -> Implementation {
    match controller {
        "k8s.io/ingress-nginx" => Implementation::IngressNginx,
        "nginx.org/ingress-controller" => Implementation::F5Nginx,
        "traefik.io/ingress-controller" => Implementation::Traefik,
        "haproxy-ingress.github.io/controller" => Implementation::HaproxyIngress,
        "ingress.k8s.aws/alb" => Implementation::Alb,
        "networking.gke.io/ingress" | "k8s.io/ingress-gce" => Implementation::Gke,
        other if other.starts_with("projectcontour.io/") => Implementation::Contour,
        _ => Implementation::Other,
    }
}

/// Values of the old annotation that name one controller without an IngressClass. `nginx` and `haproxy` name two each.
fn by_annotation(value: &str) -> Option<Implementation> {
    match value {
        "gce" | "gce-internal" => Some(Implementation::Gke),
        "alb" => Some(Implementation::Alb),
        "contour" => Some(Implementation::Contour),
        "traefik" => Some(Implementation::Traefik),
        _ => None,
    }
}
