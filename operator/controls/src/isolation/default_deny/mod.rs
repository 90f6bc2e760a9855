//! `isolation/default-deny`: every namespace denies traffic that no policy allows.
//!
//! Cost: the unit is the namespace; it reads the NetworkPolicies of its own namespace and two facts with early cut-off
//! (whether anything is in the namespace, whether a policy of another kind may apply). Pods and workloads coming and going
//! run no unit, but for the first and the last.

pub(crate) mod openness;
mod repair;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    decode::Object,
    duration::Duration,
    fact::Fact,
    facts::{ClusterDenial, ClusterDenialValue, Occupied, UnmodelledPolicy},
    finding::{Basis, Finding, Findings, Repair, Right, Severity},
    kind::{Kind, KindSet},
    object::{Direction, NetworkPolicy, Projection},
    reach::Match,
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::strangers::WITNESSES;

/// The control.
pub struct DefaultDeny;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own in the baseline")]
pub struct Params {
    /// Directions to be denied by default. Default: `[Ingress, Egress]`.
    #[schemars(length(min = 1, max = 2))]
    pub directions: Vec<Direction>,
    /// Whether the repair allows DNS (port 53 to kube-dns), and a rule that opens port 53 alone to every peer counts as
    /// medium. Default: true.
    pub allow_dns: bool,
    /// Whether the repair allows traffic within the namespace. Default: true.
    pub allow_same_namespace: bool,
    /// Namespaces, by exact name, that the repair allows in: of ingress controllers and monitoring.
    /// Default: `[ingress-nginx, monitoring]`.
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    pub allow_from_namespaces: Vec<String>,
    /// Namespaces, by exact name, that may let in everybody on given ports or from all addresses, such as that of an
    /// ingress controller. Default: none.
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    pub public_ingress_namespaces: Vec<String>,
    /// Whether a namespace without pods and workloads must deny too. Default: true.
    pub include_empty: bool,
    /// Whether the verdict stands where policies of a kind that is not modelled (Cilium, Calico) may apply. Default: false.
    pub trust_static_result: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            directions: vec![Direction::Ingress, Direction::Egress],
            allow_dns: true,
            allow_same_namespace: true,
            allow_from_namespaces: vec!["ingress-nginx".into(), "monitoring".into()],
            public_ingress_namespaces: Vec::new(),
            include_empty: true,
            trust_static_result: false,
        }
    }
}

impl Control for DefaultDeny {
    const META: Meta = Meta {
        id: "isolation/default-deny",
        title: "Every namespace denies traffic that no policy allows",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: KindSet::of(WORKLOADS)
            .union(<UnmodelledPolicy as Fact>::READS)
            .union(<ClusterDenial as Fact>::READS)
            .with(Kind::Namespace)
            .with(Kind::NetworkPolicy),
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC6.6"),
            ("ISO 27001", "A.8.20"),
            ("ISO 27001", "A.8.22"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[Right {
            kind: Kind::NetworkPolicy,
            subresource: None,
            verbs: &["create", "patch"], // server-side apply is a patch that may create
        }],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.directions.is_empty() {
            return Err(ParamError::new(
                "directions",
                "is empty, expected Ingress, Egress or both",
            ));
        }
        let lists = [
            ("allowFromNamespaces", &params.allow_from_namespaces),
            ("publicIngressNamespaces", &params.public_ingress_namespaces),
        ];
        match lists
            .iter()
            .find(|(_, names)| names.iter().any(String::is_empty))
        {
            Some((field, _)) => Err(ParamError::new(
                *field,
                "holds an empty name, expected names of namespaces",
            )),
            None => Ok(()),
        }
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let standing = view.standing()?;
        if standing.platform || standing.terminating {
            out.not_applicable(if standing.platform {
                "belongs to the platform"
            } else {
                "is being deleted"
            });
            return Ok(());
        }
        let namespace = unit.namespace();
        if !params.include_empty
            && !*view.fact(&Occupied {
                namespace: namespace.into(),
            })?
        {
            out.not_applicable("holds no pod and no workload");
            return Ok(());
        }
        if !params.trust_static_result {
            unmodelled(namespace, view)?;
        }
        let policies = policies(namespace, view)?;
        let cluster = by_cluster(namespace, view)?;
        for direction in directions(params) {
            missing(direction, &policies, &cluster, out);
            open(namespace, direction, &policies, params, out);
            open_by_cluster(direction, &policies, &cluster, out);
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        repair::repair(unit.namespace(), view, params, finding)
    }
}

/// What cluster-wide policies make of traffic that no NetworkPolicy is about.
pub(crate) fn by_cluster(
    namespace: &str,
    view: &View<'_>,
) -> Result<std::sync::Arc<ClusterDenialValue>, Unknown> {
    view.fact(&ClusterDenial {
        namespace: namespace.into(),
    })
}

/// A policy that is not modelled may deny what these allow and allow what these deny.
pub(crate) fn unmodelled(namespace: &str, view: &View<'_>) -> Result<(), Unknown> {
    let found = view.fact(&UnmodelledPolicy {
        namespace: namespace.into(),
    })?;
    match &*found {
        Some(policy) => Err(Unknown::not_modelled(format!(
            "{policy} may apply to pods of namespace {namespace} and"
        ))),
        None => Ok(()),
    }
}

pub(crate) type Policies<'a> = Vec<(&'a Object, &'a NetworkPolicy)>;

pub(crate) fn policies<'a>(namespace: &str, view: &View<'a>) -> Result<Policies<'a>, Unknown> {
    let objects = view.in_namespace(Kind::NetworkPolicy, namespace)?;
    objects
        .into_iter()
        .map(|object| match &object.body {
            Ok(body) => NetworkPolicy::of(body).map(|policy| (object, policy)),
            Err(_) => None,
        }
        .ok_or_else(|| Unknown::new("Unparsed", format!("{} cannot be read", object.name))))
        .collect()
}

/// The directions asked for, each once.
fn directions(params: &Params) -> impl Iterator<Item = Direction> {
    [Direction::Ingress, Direction::Egress]
        .into_iter()
        .filter(|direction| params.directions.contains(direction))
}

/// Whether some policy isolates every pod of the namespace, those to come included.
pub(crate) fn is_denied(direction: Direction, policies: &Policies<'_>) -> bool {
    policies
        .iter()
        .any(|(_, policy)| policy.pod_selector.is_everything() && policy.isolates(direction))
}

const MISSING: [(&str, Direction); 2] = [
    ("IngressNotDenied", Direction::Ingress),
    ("EgressNotDenied", Direction::Egress),
];

/// Whether traffic of a direction that nobody allowed is denied: by a NetworkPolicy, or where none isolates a pod, by a
/// cluster-wide policy that is asked before or after them.
pub(crate) fn denial(direction: Direction, policies: &Policies<'_>, cluster: &ClusterDenialValue) -> Match {
    if is_denied(direction, policies) {
        return Match::Yes;
    }
    cluster.of(direction).denied
}

/// What keeps it from being told whether cluster-wide policies deny.
pub(crate) fn unclear(direction: Direction, cluster: &ClusterDenialValue) -> Unknown {
    let because = cluster.of(direction).because.first();
    let message = format!(
        "whether cluster-wide policies deny {} to all pods cannot be told: {}",
        direction.field(),
        because.map_or("a rule may or may not match", |because| because)
    );
    Unknown::new("ClusterPolicyUnclear", message)
}

fn missing(
    direction: Direction,
    policies: &Policies<'_>,
    cluster: &ClusterDenialValue,
    out: &mut Findings,
) {
    match denial(direction, policies, cluster) {
        Match::Yes => {
            if !is_denied(direction, policies) {
                let by = cluster.of(direction).because.first().map_or("", |because| because);
                out.note(format!("denied cluster-wide: {by}"));
            }
            return;
        }
        Match::Maybe => return out.unknown(unclear(direction, cluster)),
        Match::No => {}
    }
    let reason = MISSING.iter().find(|(_, of)| *of == direction).map_or("", |(r, _)| r);
    let message = format!(
        "no NetworkPolicy with an empty podSelector isolates the namespace's pods for {}",
        direction.field()
    );
    let mut finding = out.fail(reason, message);
    for because in cluster.of(direction).because.iter().take(WITNESSES) {
        finding = finding.seen(because.to_string());
    }
    let partly = policies.iter().filter(|(_, policy)| policy.isolates(direction));
    for (object, _) in partly.take(WITNESSES) {
        finding = finding.seen(format!("NetworkPolicy {} isolates some of the pods", object.name.name()));
    }
}

/// A cluster-wide policy may open what NetworkPolicies deny: it is asked first.
fn open_by_cluster(
    direction: Direction,
    policies: &Policies<'_>,
    cluster: &ClusterDenialValue,
    out: &mut Findings,
) {
    let Some(opened) = cluster.of(direction).opened.as_ref() else { return };
    if !is_denied(direction, policies) {
        return; // said already: nothing denies
    }
    let field = direction.field();
    let message = format!(
        "{} allows {field} with every {} address, whatever NetworkPolicies deny",
        opened.policy, opened.family
    );
    let reason = match direction {
        Direction::Ingress => "IngressOpen",
        Direction::Egress => "EgressOpen",
    };
    out.fail(reason, message)
        .about(opened.policy.clone())
        .at(format!("spec.{field}[{}]", opened.rule));
}

/// A rule that allows every peer undoes the denial for the pods it is about.
fn open(
    namespace: &str,
    direction: Direction,
    policies: &Policies<'_>,
    params: &Params,
    out: &mut Findings,
) {
    let public = direction == Direction::Ingress
        && params.public_ingress_namespaces.iter().any(|public| public == namespace);
    let reason = match direction {
        Direction::Ingress => "IngressOpen",
        Direction::Egress => "EgressOpen",
    };
    for (object, policy) in policies {
        let opened = policy.rules(direction).iter().enumerate().find_map(|(i, rule)| {
            let how = openness::how(rule, direction)?;
            let excused = public && openness::is_limited(rule);
            (!excused).then_some((i, rule, how))
        });
        let Some((i, rule, how)) = opened else { continue };
        let finding = out
            .fail(
                reason,
                format!("policy {} allows {} {how}", object.name.name(), direction.field()),
            )
            .about(object.name.clone())
            .at(format!("spec.{}[{i}]", direction.field()));
        let dns = direction == Direction::Egress && params.allow_dns && openness::is_dns(rule);
        if dns {
            finding
                .severity(Severity::Medium)
                .seen("the rule is about port 53 alone: name it kube-dns's");
        }
    }
}
