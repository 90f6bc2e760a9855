//! `networking.k8s.io/v1` Ingress.

use plimsoll_engine::{
    control::Unit,
    decode::Object,
    finding::{Change, Findings, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    object::{Ingress, IngressClassParams, IngressTls as Entry},
    unknown::Unknown,
    view::View,
};
use serde_json::{Value, json};

use super::Params;
use crate::shared::ingress::{Implementation, Server, class_name, covers_host, server_of};

const ALB_CERTIFICATE: &str = "alb.ingress.kubernetes.io/certificate-arn";
const ALB_PORTS: &str = "alb.ingress.kubernetes.io/listen-ports";
const ALB_SCHEME: &str = "alb.ingress.kubernetes.io/scheme";
const GKE_CERTIFICATES: [&str; 3] = [
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "networking.gke.io/managed-certificates",
    "networking.gke.io/certmap",
];
const TRAEFIK_TLS: &str = "traefik.ingress.kubernetes.io/router.tls";
const TRAEFIK_RESOLVER: &str = "traefik.ingress.kubernetes.io/router.tls.certresolver";
const ISSUER: &str = "cert-manager.io/cluster-issuer";
const NAMESPACED_ISSUER: &str = "cert-manager.io/issuer";
/// Hosts named in one finding; the count is exact.
const NAMED: usize = 20;

/// What stands for the certificate of a host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    /// A certificate.
    Certificate,
    /// Only the controller's default certificate.
    Default,
    /// Nothing.
    None,
}

pub(super) fn check(
    unit: &Unit<'_>,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let (object, ingress) = (unit.object()?, unit.get::<Ingress>()?);
    if ingress.hosts().next().is_none() {
        out.not_applicable("publishes nothing");
    } else if ingress.serves_acme_only() {
        out.not_applicable("serves ACME challenges only");
    } else if !params.include_internal && is_internal(view, object, ingress, params)? {
        out.not_applicable("is not reachable from outside");
    } else {
        judge(object, ingress, view, params, out)?;
    }
    Ok(())
}

fn judge(
    object: &Object,
    ingress: &Ingress,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let entries = ingress.spec.tls.as_deref().unwrap_or_default();
    let trusts = params.trust_class_default_certificate;
    let covered = |host: Option<&str>| match cover(host, entries) {
        Cover::Certificate => true,
        Cover::Default => trusts,
        Cover::None => false,
    };
    let uncovered: Vec<Option<&str>> = ingress.hosts().filter(|host| !covered(*host)).collect();
    if uncovered.is_empty() {
        return plain_port(object, view, ingress, out);
    }
    // Only where the objects do not settle it does it matter which controller serves the Ingress.
    match native(object, ingress, view, params) {
        Ok(true) => return plain_port(object, view, ingress, out),
        Err(unknown) if has_native_annotation(object) || !is_unserved(&unknown) => return Err(unknown),
        Ok(false) | Err(_) => {}
    }
    report(&uncovered, ingress, out);
    Ok(())
}

fn report(uncovered: &[Option<&str>], ingress: &Ingress, out: &mut Findings) {
    let entries = ingress.spec.tls.as_deref().unwrap_or_default();
    let hosts: Vec<&str> = uncovered.iter().flatten().copied().collect();
    let default_only = entries.iter().any(|entry| secret(entry).is_none());
    if !hosts.is_empty() {
        let names = hosts.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let (reason, path, what) = match (entries.is_empty(), default_only) {
            (true, _) => ("NoTls", "spec.rules", "spec.tls is empty"),
            (false, true) => (
                "DefaultCertificate",
                "spec.tls",
                "an entry of spec.tls names no Secret, or none covers them",
            ),
            (false, false) => ("HostNotCovered", "spec.tls", "no entry of spec.tls covers them"),
        };
        out.fail(
            reason,
            format!(
                "{} of its hosts served without a certificate: {what}",
                hosts.len()
            ),
        )
        .at(path)
        .seen(format!("without a certificate: {names}"));
    }
    if uncovered.contains(&None) {
        let mut rules = ingress.spec.rules.iter().flatten();
        let rule_without_host = rules.any(|rule| rule.host.as_deref().unwrap_or_default().is_empty());
        out.fail(
            "AnyHost",
            "a rule without host (or the default backend) is served without a certificate",
        )
        .at(if rule_without_host {
            "spec.rules"
        } else {
            "spec.defaultBackend"
        });
    }
}

fn secret(entry: &Entry) -> Option<&str> {
    entry.secret_name.as_deref().filter(|name| !name.is_empty())
}

/// The best that the entries offer a host. An entry without hosts stands for the controller's wildcard: every host.
fn cover(host: Option<&str>, entries: &[Entry]) -> Cover {
    let covers = |entry: &&Entry| match (entry.hosts.as_deref().unwrap_or_default(), host) {
        ([], _) => true,
        (hosts, Some(host)) => hosts.iter().any(|covering| covers_host(covering, host)),
        (_, None) => false,
    };
    let covering: Vec<&Entry> = entries.iter().filter(covers).collect();
    if covering.is_empty() {
        Cover::None
    } else if covering.iter().any(|entry| secret(entry).is_some()) {
        Cover::Certificate
    } else {
        Cover::Default
    }
}

/// Whether the controller has a certificate of its own for every host.
fn native(object: &Object, ingress: &Ingress, view: &View<'_>, params: &Params) -> Result<bool, Unknown> {
    let server = server_of(view, object, ingress)?;
    let annotations = &object.meta.annotations;
    let set = |key: &str| annotations.get(key).is_some_and(|value| !value.is_empty());
    Ok(match server.implementation {
        // The load balancer controller looks up certificates in ACM by the hosts of `spec.tls`.
        Implementation::Alb => {
            set(ALB_CERTIFICATE)
                || class_params(view, &server)?
                    .is_some_and(|p| p.spec.certificate_arn.as_ref().is_some_and(|c| !c.is_empty()))
                || discovers(ingress)
        }
        Implementation::Gke => GKE_CERTIFICATES.iter().any(|key| set(key)),
        Implementation::Traefik => {
            set(TRAEFIK_RESOLVER)
                || (annotations.get(TRAEFIK_TLS) == Some("true") && params.trust_class_default_certificate)
        }
        _ => false,
    })
}

fn discovers(ingress: &Ingress) -> bool {
    let entries = ingress.spec.tls.as_deref().unwrap_or_default();
    let named = |host: Option<&str>| {
        host.is_some_and(|host| {
            entries
                .iter()
                .any(|e| e.hosts.iter().flatten().any(|covering| covers_host(covering, host)))
        })
    };
    ingress.hosts().all(named)
}

/// Whether it is certain that no class tells who serves the Ingress; else its class may merely be out of sight.
fn is_unserved(unknown: &Unknown) -> bool {
    matches!(unknown.reason(), "NoIngressClass" | "IngressClassNotFound")
}

fn has_native_annotation(object: &Object) -> bool {
    GKE_CERTIFICATES
        .iter()
        .chain([&ALB_CERTIFICATE, &TRAEFIK_TLS, &TRAEFIK_RESOLVER])
        .any(|key| object.meta.annotations.get(key).is_some())
}

fn class_params<'a>(view: &View<'a>, server: &Server) -> Result<Option<&'a IngressClassParams>, Unknown> {
    match &server.parameters {
        Some((kind, name)) if **kind == *"IngressClassParams" => {
            view.get(&ObjRef::cluster(Kind::IngressClassParams, &**name))
        }
        _ => Ok(None),
    }
}

/// An AWS load balancer listens only where `listen-ports` says, whatever certificates there are.
fn plain_port(
    object: &Object,
    view: &View<'_>,
    ingress: &Ingress,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let Some(ports) = object.meta.annotations.get(ALB_PORTS) else {
        return Ok(());
    };
    if server_of(view, object, ingress)?.implementation == Implementation::Alb && !ports.contains("HTTPS") {
        out.fail("NoHttpsListener", "the load balancer listens for plain HTTP only")
            .at(format!("metadata.annotations['{ALB_PORTS}']"))
            .seen(ports);
    }
    Ok(())
}

fn is_internal(
    view: &View<'_>,
    object: &Object,
    ingress: &Ingress,
    params: &Params,
) -> Result<bool, Unknown> {
    let Some(class) = class_name(view, object, ingress)? else {
        return Ok(false);
    };
    if params
        .internal_classes
        .iter()
        .any(|internal| **internal == *class)
        || *class == *"gce-internal"
    {
        return Ok(true);
    }
    let server = match server_of(view, object, ingress) {
        Ok(server) if server.implementation == Implementation::Alb => server,
        Err(unknown) if !is_unserved(&unknown) => return Err(unknown),
        _ => return Ok(false),
    };
    let by_class = class_params(view, &server)?.and_then(|params| params.spec.scheme.as_deref());
    // `internal` is what the controller makes when nothing is said.
    Ok(by_class
        .or(object.meta.annotations.get(ALB_SCHEME))
        .unwrap_or("internal")
        == "internal")
}

/// With an issuer: the annotation and the `tls` entries that are missing. A certificate for any host cannot be issued.
pub(super) fn repair(unit: &Unit<'_>, params: &Params) -> Result<Option<Repair>, Unknown> {
    let (object, ingress) = (unit.object()?, unit.get::<Ingress>()?);
    let mut entries = ingress.spec.tls.clone().unwrap_or_default();
    let mut hosts: Vec<Box<str>> = ingress.hosts().flatten().map(Box::from).collect();
    hosts.dedup();
    hosts.retain(|host| cover(Some(host), &entries) != Cover::Certificate);
    let issuer = params
        .cert_manager_issuer
        .as_deref()
        .filter(|_| !hosts.is_empty());
    let Some(issuer) = issuer.filter(|_| ingress.hosts().all(|host| host.is_some())) else {
        let why = "add an entry to spec.tls with every host and the Secret of a certificate; with the parameter \
                   certManagerIssuer Plimsoll proposes it. A self-signed certificate would hide the problem";
        return Ok(Some(Repair {
            class: RepairClass::NeverAutomatic,
            why: why.into(),
            changes: Vec::new(),
        }));
    };
    let before = (!entries.is_empty()).then(|| tls_value(&entries));
    let secret = format!("{}-tls", unit.name().name());
    // Entries for these hosts without a Secret would keep naming the default certificate.
    entries.retain(|entry| self::secret(entry).is_some());
    entries.push(Entry {
        hosts: Some(hosts),
        secret_name: Some(secret.into()),
    });
    let set = |pointer: &str, from: Option<Value>, to: Value| Change::Set {
        target: unit.name().clone(),
        pointer: pointer.into(),
        from: from.map(Into::into),
        to: to.into(),
    };
    let mut changes = Vec::new();
    let annotations = &object.meta.annotations;
    if annotations.get(ISSUER).is_none() && annotations.get(NAMESPACED_ISSUER).is_none() {
        changes.push(set(
            "/metadata/annotations/cert-manager.io~1cluster-issuer",
            None,
            issuer.into(),
        ));
    }
    changes.push(set("/spec/tls", before, tls_value(&entries)));
    Ok(Some(Repair {
        class: RepairClass::NeedsApproval,
        why: "issues a public certificate and turns the redirect to HTTPS on".into(),
        changes,
    }))
}

fn tls_value(entries: &[Entry]) -> Value {
    let entry = |entry: &Entry| {
        let mut value = serde_json::Map::new();
        if let Some(hosts) = &entry.hosts {
            value.insert("hosts".into(), json!(hosts));
        }
        if let Some(secret) = &entry.secret_name {
            value.insert("secretName".into(), json!(secret));
        }
        Value::Object(value)
    };
    entries.iter().map(entry).collect()
}
