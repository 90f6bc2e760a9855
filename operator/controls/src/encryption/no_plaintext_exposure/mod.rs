//! `encryption/no-plaintext-exposure`: what can be reached from outside the cluster speaks TLS.
//!
//! Cost: the unit is the Service, or the workload that opens ports of its nodes. A Service that is published reads its
//! backends through a fact; all others read nothing but themselves.

mod cloud;
mod gateway;
mod port;
mod tried;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    fact::Fact,
    facts::{Backend, Backends, ClusterNetworks},
    finding::{Basis, Change, Finding, Findings, Repair, RepairClass, Severity},
    intorstring::IntOrString,
    kind::{Kind, KindSet},
    object::{PodSpec, Service, ServicePort, ServiceType},
    unknown::Unknown,
    view::View,
    workload::{WORKLOADS, workloads_and},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{
    port::{Published, Speaks, by_name},
    tried::{Prober, Tried},
};
use crate::shared::{aim::check_times, podspec::pod_spec, probing::{MAX_HOSTS, TIMEOUT, with_probing}};

/// The control.
pub struct NoPlaintextExposure;

with_probing! {
    /// Parameters.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
    pub struct Params {
        /// Ports that count as TLS by their number (over UDP as QUIC). Default: `[443, 8443]`.
        #[schemars(length(max = 64), inner(range(min = 1)))]
        pub tls_ports: Vec<u16>,
        /// Severity of plaintext behind a load balancer that only the internal network reaches; that of a database port is
        /// high there. Default: Medium.
        pub internal_load_balancer_severity: Severity,
        /// Images, by repository or the end of it, of ingress and gateway controllers beside those that are known. What such a
        /// controller publishes is left to the controls about Ingresses and Gateways. Default: none.
        #[schemars(length(max = 64), inner(length(min = 1, max = 255)))]
        pub controller_images: Vec<String>,
        /// How often each port is tried; the moments are spread. An answer older than twice that is no answer. Default: 6h.
        pub interval: Duration,
        /// How many ports are tried at once. Default: 4.
        #[schemars(range(min = 1, max = 64))]
        pub concurrency: u16,
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            tls_ports: vec![443, 8443],
            internal_load_balancer_severity: Severity::Medium,
            controller_images: Vec::new(),
            probe: false,
            timeout: TIMEOUT,
            max_hosts: MAX_HOSTS,
            allow_cidrs: Vec::new(),
            refuse_cidrs: Vec::new(),
            interval: Duration::from_hours(6),
            concurrency: 4,
        }
    }
}

/// Services, and what may open ports of its nodes.
const UNITS: &[Kind] = &workloads_and::<9>(&[Kind::Service]);

impl Control for NoPlaintextExposure {
    const META: Meta = Meta {
        id: "encryption/no-plaintext-exposure",
        title: "What can be reached from outside speaks TLS",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(UNITS),
        reads: KindSet::of(WORKLOADS)
            .union(<Backends as Fact>::READS)
            .with(Kind::Service)
            .with(Kind::Ingress)
            .with(Kind::Gateway)
            .union(<ClusterNetworks as Fact>::READS),
        fail_after: Duration::from_secs(0),
        mappings: &[
            ("SOC 2", "CC6.6"),
            ("SOC 2", "CC6.7"),
            ("ISO 27001", "A.8.20"),
            ("ISO 27001", "A.8.24"),
            ("GDPR", "32(1)(a)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.tls_ports.contains(&0) {
            return Err(ParamError::new("tlsPorts", "expected ports from 1 to 65535"));
        }
        if params.controller_images.iter().any(String::is_empty) {
            return Err(ParamError::new("controllerImages", "holds an empty name, expected images"));
        }
        check_times(params.interval.as_secs(), 60, params.timeout.as_secs())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        match unit.name().kind() {
            Kind::Service => service(unit, view, params, out),
            _ => node_ports(unit, params, out),
        }
    }

    fn repair(
        unit: &Unit<'_>,
        _view: &View<'_>,
        _params: &Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let mut changes = Vec::new();
        if unit.name().kind() == Kind::Service {
            let spec = &unit.get::<Service>()?.spec;
            if let Some(from) = word(spec.r#type) {
                changes.push(Change::Set {
                    target: unit.name().clone(),
                    pointer: "/spec/type".into(),
                    from: Some(from.into()),
                    to: "ClusterIP".into(),
                });
            }
        }
        Ok(Some(Repair {
            class: RepairClass::NeverAutomatic,
            why: "whoever uses the port would be cut off: publish it through an Ingress or a Gateway with TLS first".into(),
            changes,
        }))
    }
}

/// The word for a type that publishes.
const fn word(of: ServiceType) -> Option<&'static str> {
    match of {
        ServiceType::LoadBalancer => Some("LoadBalancer"),
        ServiceType::NodePort => Some("NodePort"),
        ServiceType::ClusterIp | ServiceType::ExternalName => None,
    }
}

fn service(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
    let (object, service) = (unit.object()?, unit.get::<Service>()?);
    let spec = &service.spec;
    let by_address = spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty());
    if spec.r#type == ServiceType::ExternalName || (word(spec.r#type).is_none() && !by_address) {
        out.not_applicable("is reached from within the cluster only");
        return Ok(());
    }
    let how = match word(spec.r#type) {
        Some("LoadBalancer") => "a load balancer",
        Some(_) => "every node",
        None => "its external addresses",
    };
    let is_balanced = spec.r#type == ServiceType::LoadBalancer;
    let is_internal = is_balanced && !by_address && cloud::is_internal(&object.meta);
    let backends = if spec.selector.is_empty() {
        Ok(std::sync::Arc::default())
    } else {
        view.fact(&Backends {
            namespace: unit.namespace().into(),
            selector: spec.selector.clone(),
        })
    };
    let is_gateway = gateway::publishes(view, object, backends.as_deref(), params)?;
    let backends = backends.unwrap_or_default();
    let place = Place {
        how,
        is_gateway,
        is_internal,
    };
    let load_balancers = if is_balanced { &*service.status.load_balancers } else { &[] };
    let prober = Prober::new(unit, view, params, load_balancers)?;
    for (i, port) in spec.ports.iter().flatten().enumerate() {
        let published = Published {
            transport: port.protocol.as_deref().unwrap_or("TCP"),
            number: port.port,
            target: target(port, &backends),
            target_name: match &port.target_port {
                Some(IntOrString::String(name)) => Some(name),
                _ => None,
            },
            app_protocol: port.app_protocol.as_deref(),
            terminated: is_balanced && cloud::terminates_tls(&object.meta, port),
        };
        let path = match &port.name {
            Some(name) => format!("spec.ports[{name}]"),
            None => format!("spec.ports[{i}]"),
        };
        let tried = match &prober {
            // What an ingress or gateway controller serves is tried host by host.
            Some(prober) if !is_gateway => prober.tried(&published, out),
            _ => Tried::Untold,
        };
        place.judge(&published, tried, path, params, out);
    }
    Ok(())
}

/// The number of the pods' port, where it is known.
fn target(port: &ServicePort, backends: &[Backend]) -> Option<u16> {
    match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
        Some(IntOrString::String(name)) => backends.iter().find_map(|backend| {
            let mut ports = backend.ports.iter();
            ports.find(|(known, _)| **known == **name).map(|(_, number)| *number)
        }),
    }
}

/// Ports of the nodes that pods open.
fn node_ports(unit: &Unit<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
    let (spec, path) = pod_spec(unit)?;
    let Some(spec) = spec.filter(|spec| opens(spec)) else {
        out.not_applicable("opens no port of its nodes");
        return Ok(());
    };
    let on_network = spec.host_network == Some(true);
    let place = Place {
        how: "its nodes",
        is_gateway: gateway::runs(spec, params),
        is_internal: false,
    };
    let mut declared = false;
    let lists = [
        ("initContainers", &spec.init_containers),
        ("containers", &spec.containers),
    ];
    for (list, container) in lists
        .into_iter()
        .flat_map(|(list, containers)| containers.iter().flatten().map(move |c| (list, c)))
    {
        for (i, port) in container.ports.iter().flatten().enumerate() {
            let number = match port.host_port {
                Some(number @ 1..) => number,
                _ if on_network => port.container_port,
                _ => continue,
            };
            declared = true;
            let published = Published {
                transport: port.protocol.as_deref().unwrap_or("TCP"),
                number,
                target: Some(port.container_port),
                target_name: port.name.as_deref(),
                app_protocol: port.name.as_deref().and_then(by_name),
                terminated: false,
            };
            let path = format!("{path}.{list}[{}].ports[{i}]", container.name);
            place.judge(&published, Tried::Untold, path, params, out);
        }
    }
    if !declared && !place.is_gateway {
        out.unknown(
            Unknown::new(
                "PortsNotDeclared",
                "the pods use their nodes' network and declare no port: where they listen cannot be told",
            )
            .live_only(),
        );
    }
    Ok(())
}

fn opens(spec: &PodSpec) -> bool {
    let mut ports = spec.all_containers().flat_map(|c| c.ports.iter().flatten());
    spec.host_network == Some(true) || ports.any(|port| port.host_port.unwrap_or(0) != 0)
}

/// Where ports are published, and by whom.
struct Place {
    how: &'static str,
    is_gateway: bool,
    is_internal: bool,
}

impl Place {
    fn judge(&self, port: &Published<'_>, tried: Tried, path: String, params: &Params, out: &mut Findings) {
        let name = port.name();
        let (reason, message, severity) = match tried.corrects(port.speaks(params)) {
            Speaks::Encrypted => return,
            Speaks::Database(which) => (
                "DatabasePort",
                format!("port {name} of {which} is published on {}", self.how),
                if self.is_internal { Severity::High } else { Severity::Critical },
            ),
            // What an ingress or gateway controller serves is for the controls about Ingresses and Gateways.
            Speaks::Plaintext(_) | Speaks::Untold(_) if self.is_gateway => return,
            Speaks::Untold(why) => {
                let message = format!("port {name} is published on {}, and {why}", self.how);
                out.unknown(Unknown::new("DecidedByHandshake", message).live_only());
                return;
            }
            Speaks::Plaintext(why) => (
                "PlaintextPort",
                format!("port {name} is published on {}, and {why}", self.how),
                if self.is_internal { params.internal_load_balancer_severity } else { Severity::High },
            ),
        };
        out.fail(reason, message).at(path).detail(name).severity(severity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_make_no_sense_are_refused_by_field() {
        for (params, field) in [
            (r#"{"tlsPorts": [0]}"#, "tlsPorts"),
            (r#"{"controllerImages": [""]}"#, "controllerImages"),
        ] {
            let params: Params = serde_json::from_str(params).unwrap();
            assert_eq!(NoPlaintextExposure::validate(&params).unwrap_err().field, field);
        }
    }
}
