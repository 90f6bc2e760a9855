//! `encryption/tls-min-version`: no TLS version below the minimum is enabled.

mod controllers;
mod publishers;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Change, Finding, Findings, Repair, RepairClass, Severity},
    kind::{Kind, KindSet},
    name::ObjRef,
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{
    handshake::{Shown, shown},
    sites::PUBLISHERS,
    tls::{TlsVersion, Versions},
};

/// The control.
pub struct TlsMinVersion;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(deny_unknown_fields)]
pub struct Params {
    /// Lowest version that may be enabled. Default: "1.2".
    pub min_version: TlsVersion,
    /// Versions that may be enabled; `minVersion` must be among them and none be lower. Default: `minVersion` and all
    /// later ones, which is 1.2 and 1.3 unless `minVersion` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_versions: Option<Vec<TlsVersion>>,
    /// Environments that are judged. Default: `[production, staging]`.
    pub environments: Vec<String>,
    /// How old a handshake of `encryption/tls-handshake` may be to count. Default: 12h, twice the interval of that control.
    pub max_probe_age: Duration,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            min_version: TlsVersion::V1_2,
            allowed_versions: None,
            environments: ["production", "staging"].map(String::from).to_vec(),
            max_probe_age: Duration::from_hours(12),
        }
    }
}

impl Params {
    fn allows(&self, version: TlsVersion) -> bool {
        version >= self.min_version
            && self
                .allowed_versions
                .as_ref()
                .is_none_or(|allowed| allowed.contains(&version))
    }

    /// What may be enabled, lowest first.
    fn allowed(&self) -> impl Iterator<Item = TlsVersion> {
        TlsVersion::ALL
            .into_iter()
            .filter(|version| self.allows(*version))
    }
}

impl Control for TlsMinVersion {
    const META: Meta = Meta {
        id: "encryption/tls-min-version",
        title: "No TLS version below the minimum is enabled",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Subject(PUBLISHERS),
        reads: KindSet::of(PUBLISHERS).union(KindSet::of(&[
            Kind::HttpRoute,
            Kind::IngressClass,
            Kind::IngressClassParams,
            Kind::ConfigMap,
            Kind::FrontendConfig,
            Kind::TraefikTlsOption,
            Kind::GatewayClass,
            Kind::ClientTrafficPolicy,
            Kind::OpenShiftIngressController,
            Kind::OpenShiftApiServer,
        ])),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC6.7"), ("ISO 27001", "A.8.24"), ("GDPR", "32(1)(a)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        let Some(allowed) = &params.allowed_versions else {
            return Ok(());
        };
        let min = params.min_version;
        if !allowed.contains(&min) {
            let expected = format!("minVersion {} is not among them", min.number());
            return Err(ParamError::new("allowedVersions", expected));
        }
        match allowed.iter().find(|version| **version < min) {
            Some(lower) => Err(ParamError::new(
                "allowedVersions",
                format!("{} is lower than minVersion {}", lower.number(), min.number()),
            )),
            None => Ok(()),
        }
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if !view.is_in(&params.environments)? {
            out.not_applicable("its environment is not among those judged");
            return Ok(());
        }
        let stated = match endpoints(unit, view) {
            Ok(endpoints) if endpoints.is_empty() => {
                out.not_applicable("ends no TLS");
                return Ok(());
            }
            Ok(endpoints) => endpoints,
            Err(unknown) => vec![Endpoint::unknown(unknown)],
        };
        let shown = shown(unit, view, params.max_probe_age, |version| params.allows(version));
        let mut fails = false;
        for endpoint in &stated {
            match &endpoint.versions {
                // A handshake tells what objects do not.
                Err(_) if shown.proves => {}
                Err(unknown) => out.unknown(unknown.clone()),
                Ok(versions) => fails |= judge(endpoint, versions, params, out),
            }
        }
        if !fails {
            judge_shown(unit, &shown, params, out);
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        if finding.reason == ACCEPTED {
            // Whatever the objects say is not what is in force: no change of theirs is known to help.
            return Ok(None);
        }
        let endpoints = endpoints(unit, view)?;
        let endpoint = endpoints
            .into_iter()
            .find(|e| finding.field_path.as_deref() == Some(&*e.path));
        Ok(endpoint.and_then(|endpoint| endpoint.fix?.repair(params)))
    }
}

/// Something that ends TLS, with what is known of its versions.
struct Endpoint {
    versions: Result<Versions, Unknown>,
    /// Where in the unit's object the minimum stands or would stand.
    path: String,
    /// What it rests on.
    seen: String,
    fix: Option<Fix>,
}

impl Endpoint {
    /// Nothing is known of it.
    fn unknown(why: Unknown) -> Self {
        Self {
            versions: Err(why),
            path: String::new(),
            seen: String::new(),
            fix: None,
        }
    }
}

fn endpoints(unit: &Unit<'_>, view: &View<'_>) -> Result<Vec<Endpoint>, Unknown> {
    match unit.name().kind() {
        Kind::Ingress => controllers::ingress(unit, view).map(|endpoint| vec![endpoint]),
        Kind::Gateway => publishers::gateway(unit, view),
        Kind::TraefikIngressRoute => controllers::traefik_route(unit, view),
        Kind::HttpProxy => publishers::http_proxy(unit),
        Kind::IstioGateway => publishers::istio_gateway(unit),
        Kind::OpenShiftRoute => publishers::openshift_route(unit, view),
        Kind::EmissaryHost => publishers::emissary_host(unit),
        other => Err(Unknown::not_modelled(other.resource())),
    }
}

/// Judges what is stated; tells whether it fails.
fn judge(endpoint: &Endpoint, versions: &Versions, params: &Params, out: &mut Findings) -> bool {
    let lowest = versions.lowest().filter(|lowest| *lowest < params.min_version);
    let other = match versions {
        Versions::From(version) => Some(*version),
        Versions::Exactly(versions) => versions.iter().copied().find(|v| !params.allows(*v)),
    };
    if let Some(lowest) = lowest {
        let (lowest, min) = (lowest.number(), params.min_version.number());
        out.fail(
            "TlsVersionTooLow",
            format!("TLS {lowest} is enabled, the minimum is {min}"),
        )
        .at(endpoint.path.as_str())
        .detail(endpoint.path.as_str())
        .seen(endpoint.seen.as_str());
    } else if let Some(version) = other.filter(|version| !params.allows(*version)) {
        out.fail(
            "TlsVersionNotAllowed",
            format!("TLS {} is enabled and not allowed", version.number()),
        )
        .at(endpoint.path.as_str())
        .detail(endpoint.path.as_str())
        .seen(endpoint.seen.as_str());
    } else {
        return false;
    }
    true
}

/// A server accepted what no object says, or whose object does not tell.
const ACCEPTED: &str = "TlsVersionAccepted";

/// Judges what handshakes showed, of what is stated well or not at all: the worse of both is the verdict.
fn judge_shown(unit: &Unit<'_>, shown: &Shown<'_>, params: &Params, out: &mut Findings) {
    let path = match unit.name().kind() {
        Kind::Ingress => "spec.tls",
        Kind::Gateway => "spec.listeners",
        _ => "spec",
    };
    for (endpoint, versions) in &shown.accepting {
        let allowed: Vec<&str> = params.allowed().map(TlsVersion::number).collect();
        let (versions, allowed) = (versions.join(" and "), allowed.join(" and "));
        let message = format!("TLS {versions} accepted by {endpoint}, allowed is {allowed}");
        out.fail(ACCEPTED, message)
            .at(path)
            .detail(endpoint.to_string())
            .seen("a handshake, whatever the objects say");
    }
    for unknown in &shown.open {
        out.unknown(unknown.clone());
    }
}

/// How the minimum can be raised.
enum Fix {
    /// NGINX's protocols in the controller's ConfigMap, with the value of now.
    Protocols(ObjRef, String),
    /// Contour's annotation or field, with the value of now.
    Contour(ObjRef, &'static str, Option<String>),
    /// The security policy of an AWS load balancer.
    ElbPolicy(ObjRef, &'static str, Option<String>),
    /// Only people may.
    ByHand(&'static str),
}

impl Fix {
    fn repair(self, params: &Params) -> Option<Repair> {
        let lowest = params.allowed().next()?;
        let (why, target, pointer, from, to) = match self {
            Self::ByHand(why) => {
                return Some(Repair {
                    class: RepairClass::NeverAutomatic,
                    why: why.into(),
                    changes: Vec::new(),
                });
            }
            Self::Protocols(map, from) => {
                let to: Vec<&str> = params.allowed().map(TlsVersion::nginx).collect();
                let why = "drops legacy protocols for every host of the controller: old clients are cut off";
                (why, map, "/data/ssl-protocols", Some(from), to.join(" "))
            }
            Self::Contour(target, pointer, from) => (
                "old clients are cut off",
                target,
                pointer,
                from,
                lowest.number().to_owned(),
            ),
            Self::ElbPolicy(target, pointer, from) => {
                let to = format!(
                    "ELBSecurityPolicy-TLS13-{}-2021-06",
                    lowest.number().replace('.', "-")
                );
                ("old clients are cut off", target, pointer, from, to)
            }
        };
        let change = Change::Set {
            target,
            pointer: pointer.into(),
            from: from.map(Into::into),
            to: to.into(),
        };
        Some(Repair {
            class: RepairClass::NeedsApproval,
            why: why.into(),
            changes: vec![change],
        })
    }
}

/// Nothing in the cluster's objects says; a handshake would. A scan of files is not blamed for it.
fn by_handshake(message: impl Into<Box<str>>) -> Unknown {
    Unknown::new("DecidedByHandshake", message).live_only()
}

fn passthrough() -> Unknown {
    by_handshake("TLS is passed through: the backend decides")
}
