//! `encryption/ingress-tls`: every published host is served over TLS with a certificate of its own.

mod gateway;
mod ingress;
mod publishers;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, Severity},
    kind::{Kind, KindSet},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control.
pub struct IngressTls;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(deny_unknown_fields)]
pub struct Params {
    /// Environments that are judged. Default: `[production, staging]`.
    pub environments: Vec<String>,
    /// Load balancers that are not reachable from outside are judged too. Default: true.
    pub include_internal: bool,
    /// IngressClasses that are only reachable from inside, beside those that say so themselves (`gce-internal`, an AWS
    /// load balancer with the scheme `internal`). Matters where `includeInternal` is false. Default: none.
    pub internal_classes: Vec<String>,
    /// The ingress controllers' default certificates are valid for every host. Default: false.
    pub trust_class_default_certificate: bool,
    /// A cert-manager ClusterIssuer: with it a missing certificate can be proposed as a change. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager_issuer: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            environments: ["production", "staging"].map(String::from).to_vec(),
            include_internal: true,
            internal_classes: Vec::new(),
            trust_class_default_certificate: false,
            cert_manager_issuer: None,
        }
    }
}

const JUDGED: &[Kind] = &[
    Kind::Ingress,
    Kind::Gateway,
    Kind::HttpRoute,
    Kind::TraefikIngressRoute,
    Kind::HttpProxy,
    Kind::IstioGateway,
    Kind::OpenShiftRoute,
    Kind::NginxVirtualServer,
    Kind::EmissaryHost,
    Kind::ApisixRoute,
    Kind::LegacyIngressRoute,
];

impl Control for IngressTls {
    const META: Meta = Meta {
        id: "encryption/ingress-tls",
        title: "Every published host is served over TLS",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Subject(JUDGED),
        reads: KindSet::of(JUDGED).union(KindSet::of(&[
            Kind::IngressClass,
            Kind::IngressClassParams,
            Kind::TraefikMiddleware,
        ])),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC6.7"), ("ISO 27001", "A.8.24"), ("GDPR", "32(1)(a)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.include_internal && !params.internal_classes.is_empty() {
            return Err(ParamError::new(
                "internalClasses",
                "needs includeInternal: false, which it narrows",
            ));
        }
        match params.cert_manager_issuer.as_deref() {
            Some("") => Err(ParamError::new(
                "certManagerIssuer",
                "expected the name of a ClusterIssuer, found \"\"",
            )),
            _ => Ok(()),
        }
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if !view.is_in(&params.environments)? {
            out.not_applicable("its environment is not among those judged");
            return Ok(());
        }
        match unit.name().kind() {
            Kind::Ingress => ingress::check(unit, view, params, out),
            Kind::Gateway => gateway::check_gateway(unit, out),
            Kind::HttpRoute => gateway::check_route(unit, view, out),
            Kind::TraefikIngressRoute => publishers::traefik_route(unit, view, params, out),
            Kind::HttpProxy => publishers::http_proxy(unit, out),
            Kind::IstioGateway => publishers::istio_gateway(unit, out),
            Kind::OpenShiftRoute => publishers::openshift_route(unit, out),
            other => Err(Unknown::not_modelled(other.resource())),
        }
    }

    fn repair(
        unit: &Unit<'_>,
        _: &View<'_>,
        params: &Params,
        _: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        match unit.name().kind() {
            Kind::Ingress => ingress::repair(unit, params),
            _ => Ok(None),
        }
    }
}
