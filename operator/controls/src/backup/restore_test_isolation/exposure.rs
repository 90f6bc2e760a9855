//! What lets somebody outside the cluster reach what was restored.

use plimsoll_engine::{
    control::project,
    finding::Findings,
    kind::Kind,
    object::{Service, ServiceType},
    unknown::Unknown,
    view::View,
};


/// The kinds that publish what is behind Services of their own namespace.
pub(super) const PUBLISHERS: &[Kind] = &[
    Kind::Ingress,
    Kind::Gateway,
    Kind::HttpRoute,
    Kind::TraefikIngressRoute,
    Kind::LegacyIngressRoute,
    Kind::HttpProxy,
    Kind::IstioGateway,
    Kind::OpenShiftRoute,
    Kind::NginxVirtualServer,
    Kind::EmissaryHost,
    Kind::ApisixRoute,
];

pub(super) fn check(namespace: &str, view: &View<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let mut unseen = Ok(());
    for kind in PUBLISHERS {
        match view.in_namespace(*kind, namespace) {
            Ok(found) => {
                for object in found {
                    let message = format!("{} publishes what runs beside restored data", object.name);
                    out.fail("Exposed", message).about(object.name.clone());
                }
            }
            Err(unknown) => unseen = unseen.and(Err(unknown)),
        }
    }
    for object in view.in_namespace(Kind::Service, namespace)? {
        let service: &Service = project(object)?;
        let sort = match service.spec.r#type {
            ServiceType::LoadBalancer => "LoadBalancer",
            ServiceType::NodePort => "NodePort",
            ServiceType::ClusterIp | ServiceType::ExternalName => continue,
        };
        let message = format!("{} is of type {sort}: restored data can be reached from outside", object.name);
        out.fail("Exposed", message).about(object.name.clone()).at("spec.type");
    }
    unseen
}
