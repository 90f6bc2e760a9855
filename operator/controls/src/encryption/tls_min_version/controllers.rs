//! What the controller of an Ingress (or Traefik's IngressRoute) enables.

use std::sync::Arc;

use plimsoll_engine::{
    control::Unit,
    decode::Object,
    facts::{DefaultTlsOptions, TlsSetting, TlsSettings},
    kind::Kind,
    name::ObjRef,
    object::{FrontendConfig, Ingress, IngressClassParams, TlsOption, TraefikRoute},
    unknown::Unknown,
    view::View,
};

use super::{Endpoint, Fix, by_handshake, passthrough};
use crate::shared::{
    ingress::{Implementation, Server, server_of},
    tls::{TlsVersion, Versions, elb_policy, haproxy_options, nginx_protocols},
};

const CONTOUR: &str = "projectcontour.io/tls-minimum-protocol-version";
const ALB_POLICY: &str = "alb.ingress.kubernetes.io/ssl-policy";
const GKE_CONFIG: &str = "networking.gke.io/v1beta1.FrontendConfig";
const TRAEFIK_OPTIONS: &str = "traefik.ingress.kubernetes.io/router.tls.options";
const NGINX: &str = "nginx.ingress.kubernetes.io/";
const HAPROXY_HOST: [&str; 2] = [
    "haproxy-ingress.github.io/ssl-options-host",
    "ingress.kubernetes.io/ssl-options-host",
];
/// What the load balancer controller uses unless told otherwise (`--default-ssl-policy`).
const ALB_DEFAULT: &str = "ELBSecurityPolicy-2016-08";
const INGRESS_NGINX_DEFAULT: &str = "TLSv1.2 TLSv1.3";
const HAPROXY_DEFAULT: &str = "no-sslv3 no-tlsv10 no-tlsv11 no-tls-tickets";

pub(super) fn ingress(unit: &Unit<'_>, view: &View<'_>) -> Result<Endpoint, Unknown> {
    let (object, ingress) = (unit.object()?, unit.get::<Ingress>()?);
    let server = server_of(view, object, ingress)?;
    match server.implementation {
        Implementation::IngressNginx => ingress_nginx(view, object),
        Implementation::F5Nginx => f5_nginx(view),
        Implementation::Traefik => traefik(view, object),
        Implementation::HaproxyIngress => haproxy_ingress(view, object),
        Implementation::Contour => Ok(contour(object)),
        Implementation::Alb => alb(view, object, &server),
        Implementation::Gke => gke(view, object),
        Implementation::Other => Err(by_handshake(format!(
            "the settings of controller {} are not modelled",
            server.controller
        ))),
    }
}

fn annotation(key: &str) -> String {
    format!("metadata.annotations['{key}']")
}

fn unreadable(what: &str, value: &str) -> Unknown {
    Unknown::new(
        "UnknownTlsSetting",
        format!("{what} is {value:?}, which is not known"),
    )
}

fn ingress_nginx(view: &View<'_>, object: &Object) -> Result<Endpoint, Unknown> {
    for (key, value) in object
        .meta
        .annotations
        .iter()
        .filter(|(key, _)| key.starts_with(NGINX))
    {
        if key.ends_with("-snippet") && value.contains("ssl_protocols") {
            return Err(Unknown::new(
                "SnippetOverrides",
                format!("annotation {key} sets ssl_protocols"),
            ));
        }
        if key.ends_with("/ssl-passthrough") && value == "true" {
            return Err(passthrough());
        }
    }
    nginx(view, Implementation::IngressNginx, Some(INGRESS_NGINX_DEFAULT))
}

fn f5_nginx(view: &View<'_>) -> Result<Endpoint, Unknown> {
    nginx(view, Implementation::F5Nginx, None)
}

/// The `ssl-protocols` of the controller's ConfigMap, which holds for every host.
fn nginx(view: &View<'_>, of: Implementation, default: Option<&str>) -> Result<Endpoint, Unknown> {
    let settings = view.fact(&TlsSettings {
        setting: "ssl-protocols",
    })?;
    let (value, source) = match setting_of(&settings, of)? {
        Some(setting) => (&*setting.value, Some(&setting.source)),
        None => (
            default.ok_or_else(|| by_handshake("the default depends on the version of NGINX"))?,
            None,
        ),
    };
    let versions = nginx_protocols(value).ok_or_else(|| unreadable("ssl-protocols", value));
    Ok(Endpoint {
        versions,
        path: "spec.tls".into(),
        seen: match source {
            Some(map) => format!("{map}: ssl-protocols {value:?}"),
            None => format!("the controller's default: {value:?}"),
        },
        fix: source.map(|map| Fix::Protocols(map.clone(), value.into())),
    })
}

/// The setting of one implementation: by label and name its ConfigMap is known. What may be anybody's leaves it open.
fn setting_of(settings: &[TlsSetting], of: Implementation) -> Result<Option<&TlsSetting>, Unknown> {
    let mut own = settings.iter().filter(|setting| owner(setting) == Some(of));
    if let Some(first) = own.next() {
        return match own.find(|other| other.value != first.value) {
            None => Ok(Some(first)),
            Some(other) => Err(Unknown::new(
                "SeveralConfigurations",
                format!(
                    "{} and {} differ, and either may be the controller's",
                    first.source, other.source
                ),
            )),
        };
    }
    match settings.iter().find(|setting| owner(setting).is_none()) {
        None => Ok(None),
        Some(stray) => Err(Unknown::new(
            "UnclearConfiguration",
            format!(
                "{} may be the controller's configuration: nothing tells whose it is",
                stray.source
            ),
        )),
    }
}

fn owner(setting: &TlsSetting) -> Option<Implementation> {
    let name = setting.source.name();
    match setting.app.as_deref() {
        Some("ingress-nginx") => Some(Implementation::IngressNginx),
        Some("nginx-ingress") => Some(Implementation::F5Nginx),
        Some("haproxy-ingress") => Some(Implementation::HaproxyIngress),
        _ if name.contains("ingress-nginx") || name == "nginx-configuration" => {
            Some(Implementation::IngressNginx)
        }
        _ if name == "nginx-config" => Some(Implementation::F5Nginx),
        _ if name.contains("haproxy-ingress") => Some(Implementation::HaproxyIngress),
        _ => None,
    }
}

fn haproxy_ingress(view: &View<'_>, object: &Object) -> Result<Endpoint, Unknown> {
    let settings = view.fact(&TlsSettings {
        setting: "ssl-options",
    })?;
    let own = HAPROXY_HOST
        .iter()
        .find_map(|key| Some((*key, object.meta.annotations.get(key)?)));
    let (value, path, seen) = match own {
        Some((key, value)) => (value, annotation(key), format!("annotation {key}: {value:?}")),
        None => match setting_of(&settings, Implementation::HaproxyIngress)? {
            Some(s) => (
                &*s.value,
                "spec.tls".into(),
                format!("{}: ssl-options {:?}", s.source, s.value),
            ),
            None => (
                HAPROXY_DEFAULT,
                "spec.tls".into(),
                format!("the controller's default: {HAPROXY_DEFAULT:?}"),
            ),
        },
    };
    let versions = haproxy_options(value).map_err(|lowest| {
        by_handshake(format!(
            "the options admit TLS {}; HAProxy from 2.2 on starts at 1.2 by itself",
            lowest.number()
        ))
    });
    Ok(Endpoint {
        versions,
        path,
        seen,
        fix: None,
    })
}

fn contour(object: &Object) -> Endpoint {
    let value = object.meta.annotations.get(CONTOUR);
    let versions = match value {
        None => Ok(Versions::From(TlsVersion::V1_2)),
        Some(value) => TlsVersion::from_number(value)
            .map(Versions::From)
            .ok_or_else(|| unreadable(CONTOUR, value)),
    };
    Endpoint {
        versions,
        path: annotation(CONTOUR),
        seen: format!("{CONTOUR}: {}", value.unwrap_or("absent, 1.2 by default")),
        fix: Some(Fix::Contour(
            object.name.clone(),
            "/metadata/annotations/projectcontour.io~1tls-minimum-protocol-version",
            value.map(Into::into),
        )),
    }
}

/// The policy of the class's parameters overrides that of the annotation.
fn alb(view: &View<'_>, object: &Object, server: &Server) -> Result<Endpoint, Unknown> {
    let params = match &server.parameters {
        Some((kind, name)) if **kind == *"IngressClassParams" => {
            let name = ObjRef::cluster(Kind::IngressClassParams, &**name);
            view.get::<IngressClassParams>(&name)?
                .map(|params| (name, params))
        }
        _ => None,
    };
    let by_class = params
        .as_ref()
        .and_then(|(name, params)| Some((name, params.spec.ssl_policy.as_deref()?)));
    let annotated = object.meta.annotations.get(ALB_POLICY);
    let policy = by_class
        .map(|(_, policy)| policy)
        .or(annotated)
        .unwrap_or(ALB_DEFAULT);
    let fix = match by_class {
        Some((name, policy)) => Fix::ElbPolicy(name.clone(), "/spec/sslPolicy", Some(policy.into())),
        None => Fix::ElbPolicy(
            object.name.clone(),
            "/metadata/annotations/alb.ingress.kubernetes.io~1ssl-policy",
            annotated.map(Into::into),
        ),
    };
    let set = by_class.is_some() || annotated.is_some();
    Ok(Endpoint {
        versions: elb_policy(policy)
            .map(Versions::From)
            .ok_or_else(|| unreadable("the security policy", policy)),
        path: annotation(ALB_POLICY),
        seen: format!("{policy}{}", if set { "" } else { ", the controller's default" }),
        fix: Some(fix),
    })
}

/// GKE's default accepts 1.0; a named policy is an object of the cloud, which cannot be seen.
fn gke(view: &View<'_>, object: &Object) -> Result<Endpoint, Unknown> {
    let policy = match object.meta.annotations.get(GKE_CONFIG) {
        None => None,
        Some(name) => {
            let namespace = object.name.namespace().unwrap_or_default();
            let config = view.get::<FrontendConfig>(&ObjRef::new(Kind::FrontendConfig, namespace, name))?;
            let config = config.ok_or_else(|| {
                Unknown::new(
                    "FrontendConfigNotFound",
                    format!("FrontendConfig {name} does not exist"),
                )
            })?;
            config.spec.ssl_policy.as_deref()
        }
    };
    if let Some(policy) = policy {
        return Err(by_handshake(format!(
            "SSL policy {policy} is an object of the cloud and cannot be seen"
        )));
    }
    Ok(Endpoint {
        versions: Ok(Versions::From(TlsVersion::V1_0)),
        path: annotation(GKE_CONFIG),
        seen: "no SSL policy: the provider's default accepts TLS 1.0".into(),
        fix: Some(Fix::ByHand(
            "create an SSL policy in the cloud project with the minimum and name it in spec.sslPolicy of a FrontendConfig",
        )),
    })
}

fn traefik(view: &View<'_>, object: &Object) -> Result<Endpoint, Unknown> {
    let path = annotation(TRAEFIK_OPTIONS);
    match object
        .meta
        .annotations
        .get(TRAEFIK_OPTIONS)
        .filter(|value| !value.is_empty())
    {
        None => default_option(view, path),
        Some(value) => {
            let name = value.strip_suffix("@kubernetescrd").ok_or_else(|| {
                by_handshake(format!(
                    "TLS options {value} come from Traefik's own configuration"
                ))
            })?;
            // `<namespace>-<name>`: either may contain dashes.
            for (dash, _) in name.match_indices('-') {
                let option = ObjRef::new(Kind::TraefikTlsOption, &name[..dash], &name[dash + 1..]);
                if let Some(found) = view.get::<TlsOption>(&option)? {
                    return Ok(of_option(&option, found.min_version(), path));
                }
            }
            Err(Unknown::new(
                "TlsOptionNotFound",
                format!("no TLSOption is called {value}"),
            ))
        }
    }
}

pub(super) fn traefik_route(unit: &Unit<'_>, view: &View<'_>) -> Result<Vec<Endpoint>, Unknown> {
    let Some(tls) = &unit.get::<TraefikRoute>()?.spec.tls else {
        return Ok(Vec::new());
    };
    let path = String::from("spec.tls.options");
    let named = tls
        .options
        .as_ref()
        .filter(|options| &*options.name != "default" && !options.name.is_empty());
    let endpoint = match named {
        None => default_option(view, path)?,
        Some(options) => {
            let namespace: Arc<str> = options.namespace.as_deref().unwrap_or(unit.namespace()).into();
            let name = ObjRef::new(Kind::TraefikTlsOption, namespace, options.name.clone());
            let option = view
                .get::<TlsOption>(&name)?
                .ok_or_else(|| Unknown::new("TlsOptionNotFound", format!("{name} does not exist")))?;
            of_option(&name, option.min_version(), path)
        }
    };
    Ok(vec![endpoint])
}

fn default_option(view: &View<'_>, path: String) -> Result<Endpoint, Unknown> {
    let options = view.fact(&DefaultTlsOptions)?;
    match &options[..] {
        [(name, minimum)] => {
            let mut endpoint = of_option(name, minimum.as_deref(), path);
            endpoint.fix = Some(Fix::ByHand(
                "raise minVersion of the TLSOption called default: there must be one in the whole cluster, a second \
                 disables both, and it holds for every host",
            ));
            Ok(endpoint)
        }
        [] => Err(by_handshake(
            "no TLSOption is called default: the built-in minimum depends on Traefik's version",
        )),
        [(first, _), (second, _), ..] => Err(by_handshake(format!(
            "{first} and {second} are both called default, so that Traefik drops them: its built-in minimum depends on its version"
        ))),
    }
}

fn of_option(name: &ObjRef, minimum: Option<&str>, path: String) -> Endpoint {
    let versions = match minimum {
        None => Err(by_handshake(format!(
            "{name} states no minVersion: that of the Go version Traefik was built with holds"
        ))),
        Some(value) => TlsVersion::from_go(value)
            .map(Versions::From)
            .ok_or_else(|| unreadable("minVersion", value)),
    };
    Endpoint {
        versions,
        path,
        seen: format!("{name}: minVersion {}", minimum.unwrap_or("absent")),
        fix: None,
    }
}
