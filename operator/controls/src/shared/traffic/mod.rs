//! Traffic between groups of namespaces (tenants, environments), as effective reachability has it.
//!
//! Cost: the unit is the destination namespace. It reads what opens that namespace, and for each cause the sources by
//! group, which all namespaces that are open alike share. Nothing grows with pairs: ten thousand namespaces without a
//! policy have one set of sources between them, and each names a few witnesses that begin behind itself.

mod dangling;
mod pairs;
mod params;
mod tighten;
mod witness;

use std::sync::Arc;

use plimsoll_engine::{
    control::{ParamError, Unit},
    fact::Fact,
    facts::{
        Group, GroupBy, Membership, NamespaceGroups, NamespaceReach, OnHostNetwork, Openings, PodRanges,
        SourceGroups, SourceGroupsValue, SourcesBeside, SourcesBesideValue,
    },
    finding::{Finding, Findings, Repair, Severity},
    kind::KindSet,
    reach::{Addresses, IpBlocks, Local, Network, Open, Opener, Shared, Sources},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use dangling::note_dangling;
pub(crate) use pairs::{AllowedPair, Side};
pub(crate) use params::{Named, Params};

use super::strangers::WITNESSES;

/// Every kind that has a say.
pub(crate) const READS: KindSet = <Openings as Fact>::READS.union(<PodRanges as Fact>::READS);

/// What tells the two controls apart.
pub(crate) struct Traffic<'p> {
    /// What makes a group.
    pub(crate) by: GroupBy,
    /// Pairs that are meant to be.
    pub(crate) allowed: Vec<AllowedPair>,
    /// What the baseline says of the network.
    pub(crate) network: NetworkParams<'p>,
}

/// What a baseline says of the network.
pub(crate) struct NetworkParams<'p> {
    /// Ranges that pods get their addresses from; if empty, what the nodes tell.
    pub(crate) pod_cidrs: &'p [String],
    /// Whether an `ipBlock` matches addresses of pods.
    pub(crate) ip_blocks: Matching,
    /// Whether policies of kinds that are not modelled are taken to change nothing.
    pub(crate) trusting: bool,
}

/// Whether something is matched.
#[derive(Serialize, Deserialize, JsonSchema, Default, Clone, Copy)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Matching {
    #[default]
    Maybe,
    Always,
    Never,
}

impl NetworkParams<'_> {
    pub(crate) fn validate(&self) -> Result<(), ParamError> {
        for (i, range) in self.pod_cidrs.iter().enumerate() {
            if Addresses::parse([range]).is_none() {
                let field = format!("podCidrs[{i}]");
                return Err(ParamError::new(
                    field,
                    format!("{range:?}, expected a range such as 10.244.0.0/16"),
                ));
            }
        }
        Ok(())
    }

    /// The network; also whether the ranges of pods' addresses could not be looked up.
    fn network(&self, view: &View<'_>) -> (Shared<Network>, Result<(), Unknown>) {
        let (pod_ranges, known) = if self.pod_cidrs.is_empty() {
            match view.fact(&PodRanges) {
                Ok(ranges) => ((*ranges).clone(), Ok(())),
                Err(unknown) => (None, Err(unknown)),
            }
        } else {
            (Addresses::parse(self.pod_cidrs), Ok(()))
        };
        let ip_blocks = match self.ip_blocks {
            Matching::Maybe => IpBlocks::MayMatchPods,
            Matching::Always => IpBlocks::MatchPods,
            Matching::Never => IpBlocks::NeverMatchPods,
        };
        (
            Shared::new(Network {
                ip_blocks,
                pod_ranges,
            }),
            known,
        )
    }
}

/// A namespace that is judged, and what is asked of it.
struct Judged<'a, 'v> {
    traffic: &'a Traffic<'a>,
    view: &'a View<'v>,
    namespace: Arc<str>,
    own: Group,
    local: Arc<Local>,
    network: Shared<Network>,
    network_known: Result<(), Unknown>,
}

impl Traffic<'_> {
    /// The plural, as messages have it.
    const fn others(&self) -> &'static str {
        match self.by {
            GroupBy::Tenant => "other tenants",
            GroupBy::Environment => "other environments",
        }
    }

    /// Judges one namespace as a destination; tells whether it is one.
    pub(crate) fn check(
        &self,
        unit: &Unit<'_>,
        view: &View<'_>,
        out: &mut Findings,
    ) -> Result<bool, Unknown> {
        let standing = view.standing()?;
        if standing.platform || standing.terminating {
            out.not_applicable(if standing.platform {
                "belongs to the platform"
            } else {
                "is being deleted"
            });
            return Ok(false);
        }
        let namespace: Arc<str> = unit.namespace().into();
        let local = view.fact(&NamespaceReach {
            namespace: namespace.clone(),
        })?;
        if local.classes.is_empty() {
            out.not_applicable("holds no pods");
            return Ok(false);
        }
        let Membership::In(own) = Membership::of(view.settings()?, &namespace, self.by, view)? else {
            return Err(Unknown::namespace_not_given(&namespace));
        };
        let (network, network_known) = self.network.network(view);
        let judged = Judged {
            traffic: self,
            view,
            namespace,
            own,
            local,
            network,
            network_known,
        };
        judged.host_network(out)?;
        for open in judged.openings()?.iter() {
            judged.judge(open, out)?;
        }
        Ok(true)
    }

    /// The change that would repair one finding.
    pub(crate) fn repair(
        &self,
        unit: &Unit<'_>,
        view: &View<'_>,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let namespace: Arc<str> = unit.namespace().into();
        match Membership::of(view.settings()?, &namespace, self.by, view)? {
            Membership::In(own) => tighten::repair(self, &namespace, &own, view, finding),
            _ => Ok(None),
        }
    }
}

impl Judged<'_, '_> {
    fn openings(&self) -> Result<Arc<Vec<Open>>, Unknown> {
        self.view.fact(&Openings {
            namespace: self.namespace.clone(),
            network: self.network.clone(),
            trusting: self.traffic.network.trusting,
        })
    }

    /// Pods in the host's network are nobody's to isolate: any that exist beside other groups fail.
    fn host_network(&self, out: &mut Findings) -> Result<(), Unknown> {
        let on_host = self.view.fact(&OnHostNetwork {
            namespace: self.namespace.clone(),
        })?;
        if on_host.is_empty() {
            return Ok(());
        }
        let (settings, by) = (self.view.settings()?.clone(), self.traffic.by);
        let all = self.view.fact(&NamespaceGroups { settings, by })?;
        let peers = all.outside(&self.own);
        if peers == 0 {
            return Ok(());
        }
        let message = format!(
            "{} in the host's network, which no policy isolates from {} of {}",
            counted(on_host.len(), "workload is", "workloads are"),
            counted(peers, "namespace", "namespaces"),
            self.traffic.others(),
        );
        let mut finding = out.fail("HostNetwork", message).severity(Severity::High);
        for name in on_host.iter().take(WITNESSES) {
            finding = finding.seen(format!(
                "{name} reaches every pod of its node, and peers see it as the node"
            ));
        }
        Ok(())
    }

    fn judge(&self, open: &Open, out: &mut Findings) -> Result<(), Unknown> {
        let sure = self.peers(open.sure.as_ref())?;
        let possible = if open.possible == open.sure {
            None
        } else {
            self.peers(open.possible.as_ref())?
        };
        let unmodelled = self.peers(open.unmodelled.as_ref())?;
        if let Some((_, name)) = unmodelled.as_ref().and_then(|peers| peers.names(self).next()) {
            out.unknown(Unknown::not_modelled(format_args!(
                "a policy that may keep in pods of namespace {name}, which {} would let reach this one,",
                cause(&open.cause)
            )));
        }
        for peers in [&sure, &possible, &unmodelled].into_iter().flatten() {
            if let Some(unknown) = &peers.beside.unknown {
                out.unknown(Unknown::namespace_not_given(unknown));
            }
        }
        note_platform(open, sure.as_ref(), out);
        let more = |certain| {
            possible
                .as_ref()
                .map_or(0, |peers| peers.count.saturating_sub(certain))
        };
        match (&sure, &possible) {
            (Some(sure), _) if sure.count > 0 => self.report(open, sure, more(sure.count), true, out),
            (_, Some(possible)) if possible.count > 0 => match &self.network_known {
                Ok(()) => self.report(open, possible, 0, false, out),
                // Where pods have their addresses may decide, and cannot be read.
                Err(unknown) => {
                    out.unknown(unknown.clone());
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    fn peers(&self, sources: Option<&Sources>) -> Result<Option<Peers>, Unknown> {
        let Some(sources) = sources else { return Ok(None) };
        let groups = SourceGroups {
            settings: self.view.settings()?.clone(),
            sources: sources.clone(),
            by: self.traffic.by,
        };
        let own = self.own.clone();
        let beside = self.view.fact(&SourcesBeside {
            groups: groups.clone(),
            own,
        })?;
        // Who has none of other groups does not look at all of them, and does not run when they change.
        let groups = if beside.count == 0 {
            Arc::default()
        } else {
            self.view.fact(&groups)?
        };
        let excused = pairs::excused(&self.traffic.allowed, &groups, &self.own, &self.namespace);
        Ok(Some(Peers {
            count: beside.count.saturating_sub(excused.len()),
            sources: sources.clone(),
            beside,
            groups,
            excused,
        }))
    }

    fn report(
        &self,
        open: &Open,
        peers: &Peers,
        more: usize,
        certain: bool,
        out: &mut Findings,
    ) -> Result<(), Unknown> {
        let others = self.traffic.others();
        let namespaces = counted(peers.count, "namespace", "namespaces");
        let pods = counted(open.count, "workload", "workloads");
        let (reason, message) = match (&open.cause, certain) {
            (Opener::NoPolicy, true) => (
                "NotIsolated",
                format!("no policy keeps {namespaces} of {others} out of {pods}"),
            ),
            (Opener::NoPolicy, false) => (
                "MayNotBeIsolated",
                format!(
                    "no policy keeps {others} out of {pods}, and the egress of {namespaces} may let them come"
                ),
            ),
            (Opener::Policy(policy), true) => (
                "LetIn",
                format!(
                    "{policy} lets {namespaces} of {others} in to {pods} on ports {}",
                    open.ports
                ),
            ),
            (Opener::Policy(policy), false) => (
                "MayBeLetIn",
                format!(
                    "{policy} may let {namespaces} of {others} in to {pods}: by addresses that may be pods', or in a form that is not known"
                ),
            ),
        };
        let witnesses = self.witnesses(open, peers)?;
        let mut finding = out.fail(reason, message);
        match &open.cause {
            Opener::Policy(policy) if policy.namespace().is_some() => {
                finding = finding.about(policy.clone());
                if let Some(rule) = witnesses.iter().find_map(|witness| witness.rule) {
                    finding = finding.at(format!("spec.ingress[{rule}]"));
                }
            }
            Opener::Policy(policy) => finding = finding.detail(policy.to_string()),
            Opener::NoPolicy => {}
        }
        for witness in &witnesses {
            finding = finding.seen(witness.text.clone());
        }
        if let Some(rest) = self.rest(peers, witnesses.len()) {
            finding = finding.seen(rest);
        }
        if more > 0 {
            finding = finding.seen(format!(
                "possibly from {} more",
                counted(more, "namespace", "namespaces")
            ));
        }
        if matches!(open.cause, Opener::NoPolicy) {
            finding.seen("isolation/default-deny proposes the policies that are missing");
        }
        Ok(())
    }
}

/// Who reaches an opening.
struct Peers {
    sources: Sources,
    beside: Arc<SourcesBesideValue>,
    /// The sources by group, where some are of others.
    groups: Arc<SourceGroupsValue>,
    /// Namespaces that an allowed pair is about, by name.
    excused: Vec<Arc<str>>,
    /// How many namespaces of other groups, those that are allowed left out.
    count: usize,
}

impl Peers {
    fn names<'a>(&'a self, judged: &'a Judged<'_, '_>) -> impl Iterator<Item = (&'a Group, &'a Arc<str>)> {
        let others = self.groups.others(&judged.own, &judged.namespace);
        others.filter(|(_, name)| self.excused.binary_search(name).is_err())
    }
}

/// A boundary that admits the ingress controller is normal, and worth knowing of: what shares it meets there.
fn note_platform(open: &Open, peers: Option<&Peers>, out: &mut Findings) {
    let (Opener::Policy(policy), Some(peers)) = (&open.cause, peers) else {
        return;
    };
    let shared: Vec<&str> = peers.beside.platform.iter().map(|name| &**name).collect();
    if !shared.is_empty() && peers.count == 0 {
        out.note(format!(
            "shared path: {policy} lets in {} of the platform",
            shared.join(", ")
        ));
    }
}

fn cause(opener: &Opener) -> String {
    match opener {
        Opener::NoPolicy => "the absence of a policy".into(),
        Opener::Policy(policy) => policy.to_string(),
    }
}

/// `1 namespace`, `2 namespaces`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
