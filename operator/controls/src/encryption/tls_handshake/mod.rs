//! `encryption/tls-handshake`: what servers answer when each version of TLS is offered alone.

use std::sync::Arc;

use plimsoll_engine::{
    aside::Measure,
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Findings, Severity},
    kind::{Kind, KindSet},
    metric::{TLS_CERTIFICATE_NOT_AFTER, TLS_VERSION_ACCEPTED},
    probe::{AddressFilter, Answer, CaBundle, Endpoint, Handshake, Probe, Request},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{
    aim::{HostAddress, check_times},
    handshake::{answers, taken, unclear},
    probing::{MAX_HOSTS, TIMEOUT, with_probing},
    sites::PUBLISHERS,
    tls::TlsVersion,
};

/// The control.
pub struct TlsHandshake;

with_probing! {
    /// Parameters.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
    #[schemars(deny_unknown_fields)]
    pub struct Params {
        /// Versions that may be negotiated: one of them has to be, and none below the lowest. Default: `["1.2", "1.3"]`.
        #[schemars(length(min = 1, max = 4))]
        pub allowed_versions: Vec<TlsVersion>,
        /// Environments that are judged. Default: `[production, staging]`.
        #[schemars(length(max = 32))]
        pub environments: Vec<String>,
        /// How often each host is probed; the moments are spread. An answer older than twice that is no answer. Default: 6h.
        pub interval: Duration,
        /// How many hosts are probed at once. Default: 4.
        #[schemars(range(min = 1, max = 64))]
        pub concurrency: u16,
        /// A ConfigMap with certificates: whether what servers show chains to them is noted. Default: none.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ca_bundle: Option<CaBundleRef>,
        /// Where hosts are reached, in place of what their objects say. Default: none.
        #[schemars(length(max = 500))]
        pub addresses: Vec<HostAddress>,
    }
}

/// A ConfigMap with certificates in PEM.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(deny_unknown_fields)]
pub struct CaBundleRef {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key of its data. Default: `ca.crt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            probe: false,
            timeout: TIMEOUT,
            max_hosts: MAX_HOSTS,
            allow_cidrs: Vec::new(),
            refuse_cidrs: Vec::new(),
            allowed_versions: vec![TlsVersion::V1_2, TlsVersion::V1_3],
            environments: ["production", "staging"].map(String::from).to_vec(),
            interval: Duration::from_hours(6),
            concurrency: 4,
            ca_bundle: None,
            addresses: Vec::new(),
        }
    }
}

impl Control for TlsHandshake {
    const META: Meta = Meta {
        id: "encryption/tls-handshake",
        title: "Servers negotiate modern TLS and refuse old versions",
        severity: Severity::Critical,
        basis: Basis::Probed,
        unit: UnitKind::SubjectAndCluster(PUBLISHERS),
        reads: KindSet::of(PUBLISHERS).union(KindSet::of(&[Kind::HttpRoute, Kind::Node, Kind::ServiceCidr])),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC6.7"), ("ISO 27001", "A.8.24"), ("GDPR", "32(1)(a)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.allowed_versions.is_empty() {
            return Err(ParamError::new("allowedVersions", "expected at least one version"));
        }
        check_times(params.interval.as_secs(), 60, params.timeout.as_secs())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let Some(mut sites) = params.probing().sites(unit, view, &params.environments, out)? else {
            return Ok(());
        };
        sites.retain(|site| site.tls);
        if sites.is_empty() {
            out.not_applicable("ends no TLS");
            return Ok(());
        }
        let aim = params.probing().aim(&params.addresses);
        let filter = aim.filter(view)?;
        for site in &sites {
            for (address, port) in aim.targets(site, &filter, |why| out.unknown(why)) {
                let host = site.host.clone();
                let endpoint = Endpoint { host, address, port };
                judge(&endpoint, unit, view, params, out);
                let last = view.handshake(&endpoint).map(|handshake| handshake.at);
                out.probe(params.request(unit, endpoint, last, &filter));
            }
        }
        Ok(())
    }
}

impl Params {
    fn request(
        &self,
        unit: &Unit<'_>,
        endpoint: Endpoint,
        last: Option<jiff::Timestamp>,
        filter: &AddressFilter,
    ) -> Request {
        let ca = self.ca_bundle.as_ref().map(|bundle| CaBundle {
            namespace: bundle.namespace.as_str().into(),
            name: bundle.name.as_str().into(),
            key: bundle.key.as_deref().unwrap_or("ca.crt").into(),
        });
        Request {
            namespace: unit.namespace().into(),
            probe: Probe::Handshake { endpoint, ca },
            interval: self.interval,
            last,
            filter: filter.clone(),
            limits: self.probing().limits(self.concurrency),
        }
    }

    fn lowest(&self) -> TlsVersion {
        self.allowed_versions.iter().copied().min().unwrap_or(TlsVersion::V1_2)
    }
}

fn judge(endpoint: &Endpoint, unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) {
    let Some(handshake) = view.handshake(endpoint) else {
        let message = format!("{endpoint} has not been probed yet");
        return out.unknown(Unknown::new("NotProbedYet", message).live_only());
    };
    let patience = Duration::from_secs(params.interval.as_secs().saturating_mul(2));
    if view.is_older(handshake.at, patience) {
        let message = format!("{endpoint} answered last at {}", handshake.at);
        return out.unknown(Unknown::new("StaleProbe", message).live_only());
    }
    measure(endpoint, handshake, out);
    if handshake.certificate.as_ref().and_then(|certificate| certificate.trusted) == Some(false) {
        out.note(format!("the certificate of {endpoint} does not chain to caBundle"));
    }
    let lowest = params.lowest();
    let (old, rest): (Vec<_>, Vec<_>) = answers(handshake).partition(|(version, _)| *version < lowest);
    let accepted: Vec<&str> = taken(old.iter().copied(), |answer| answer == Answer::Accepted);
    if !accepted.is_empty() {
        let message = format!("TLS {} accepted by {endpoint}", accepted.join(" and "));
        fail("LegacyTlsAccepted", message, endpoint, unit, handshake, out);
        return;
    }
    let obstacle = |answers: &[(TlsVersion, Answer)]| {
        answers.iter().find_map(|(version, answer)| match answer {
            Answer::Unknown(obstacle) => Some((*version, *obstacle)),
            _ => None,
        })
    };
    if let Some((version, why)) = obstacle(&old) {
        return out.unknown(unclear(endpoint, version, why));
    }
    let allowed: Vec<_> = rest.into_iter().filter(|(v, _)| params.allowed_versions.contains(v)).collect();
    if allowed.iter().any(|(_, answer)| *answer == Answer::Accepted) {
        return;
    }
    match obstacle(&allowed) {
        Some((version, why)) => out.unknown(unclear(endpoint, version, why)),
        // Who serves hosts by name may well refuse a client that names none.
        None if endpoint.host.is_empty() => {
            let message = format!("{endpoint} refused every version of a client that names no host");
            out.unknown(Unknown::new("NoHost", message));
        }
        None => {
            let versions: Vec<&str> = allowed.iter().map(|(version, _)| version.number()).collect();
            let message = format!("TLS {} refused by {endpoint}", versions.join(" and "));
            fail("NoAllowedVersion", message, endpoint, unit, handshake, out);
        }
    }
}

fn fail(
    reason: &'static str,
    message: String,
    endpoint: &Endpoint,
    unit: &Unit<'_>,
    handshake: &Handshake,
    out: &mut Findings,
) {
    let path = match unit.name().kind() {
        Kind::Gateway => "spec.listeners",
        _ => "spec.tls",
    };
    let accepted = taken(answers(handshake), |answer| answer == Answer::Accepted);
    let seen = if accepted.is_empty() { "none".into() } else { accepted.join(", ") };
    out.fail(reason, message)
        .at(path)
        .detail(endpoint.to_string())
        .seen(format!("accepted: {seen}"));
}

fn measure(endpoint: &Endpoint, handshake: &Handshake, out: &mut Findings) {
    if endpoint.host.is_empty() {
        return;
    }
    let host = || endpoint.host.clone();
    for (version, answer) in answers(handshake) {
        let value = match answer {
            Answer::Accepted => 1.0,
            Answer::Refused => 0.0,
            Answer::Unknown(_) => continue,
        };
        out.measure(Measure {
            metric: &TLS_VERSION_ACCEPTED,
            labels: vec![host(), Arc::from(version.number())],
            value,
        });
    }
    if let Some(certificate) = &handshake.certificate {
        out.measure(Measure {
            metric: &TLS_CERTIFICATE_NOT_AFTER,
            labels: vec![host()],
            value: certificate.not_after.as_duration().as_secs_f64(),
        });
    }
}
