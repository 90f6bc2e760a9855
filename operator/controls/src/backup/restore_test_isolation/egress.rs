//! Where the pods of a restore test may connect to: the backup store, a resolver, and each other.

use std::sync::Arc;

use plimsoll_engine::{
    baseline::Settings,
    fact::Fact,
    facts::Standing,
    finding::{Findings, Severity},
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{Direction, Peer, Rule},
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};

use super::Params;
use crate::isolation::default_deny::openness::{how, is_dns, is_within};

pub(super) fn check(
    policy: &ObjRef,
    index: usize,
    rule: &Rule,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let at = format!("spec.egress[{index}]");
    if let Some(how) = how(rule, Direction::Egress) {
        let message = format!("policy {} allows egress {how}", policy.name());
        let finding = out.fail("EgressOpen", message).about(policy.clone()).at(at).detail(index.to_string());
        if is_dns(rule) {
            finding.severity(Severity::Medium).seen("the rule is about port 53 alone: name it kube-dns's");
        }
        return Ok(());
    }
    if is_dns(rule) {
        return Ok(());
    }
    for (i, peer) in rule.peers.iter().enumerate() {
        if let Some(what) = elsewhere(peer, view, params, out)? {
            let message = format!(
                "policy {} allows egress to {what}, and not to the backup store only",
                policy.name()
            );
            out.fail("EgressElsewhere", message)
                .about(policy.clone())
                .at(format!("{at}.to[{i}]"))
                .detail(format!("{index}.{i}"));
        }
    }
    Ok(())
}

/// What else than a backup store or the namespace itself a peer is.
fn elsewhere(
    peer: &Peer,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<Option<String>, Unknown> {
    if let Some(block) = &peer.ip_block {
        if params.backup_stores.is_empty() {
            out.note(format!("{} is taken for the backup store: name it in backupStores", block.cidr));
            return Ok(None);
        }
        let known = params.backup_stores.iter().any(|store| is_within(&block.cidr, store));
        return Ok((!known).then(|| block.cidr.to_string()));
    }
    let Some(selector) = &peer.namespace_selector else {
        return Ok(None); // the namespace's own pods
    };
    if selector.is_everything() {
        return Ok(Some("every namespace".into()));
    }
    let selected = view.fact(&Selected {
        settings: view.settings()?.clone(),
        selector: selector.clone(),
    })?;
    let barred = selected.iter().find(|(_, environment)| {
        environment.as_ref().is_none_or(|e| params.environments.iter().any(|barred| **barred == **e))
    });
    Ok(barred.map(|(namespace, environment)| match environment {
        Some(environment) => format!("namespace {namespace}, which is {environment}"),
        None => format!("namespace {namespace}, which has no environment"),
    }))
}

/// The namespaces a selector selects, with their environments; those of the platform, where stores and resolvers run, are
/// left out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Selected {
    settings: Arc<Settings>,
    selector: LabelSelector,
}

impl Fact for Selected {
    const READS: KindSet = KindSet::of(&[Kind::Namespace]);
    type Value = Vec<(Box<str>, Option<Arc<str>>)>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let mut selected = Vec::new();
        for object in view.all(Kind::Namespace)? {
            if !self.selector.matches(&object.meta.labels) && !self.is_named(object.name.name()) {
                continue;
            }
            let standing = view.fact(&Standing {
                settings: self.settings.clone(),
                namespace: object.name.name().into(),
            })?;
            if !standing.platform {
                selected.push((object.name.name().into(), standing.environment.clone()));
            }
        }
        Ok(selected)
    }
}

impl Selected {
    /// Manifests lack the label that the API server gives every namespace.
    fn is_named(&self, namespace: &str) -> bool {
        self.selector.match_expressions.is_empty()
            && self.selector.match_labels.iter().count() == 1
            && self.selector.match_labels.get("kubernetes.io/metadata.name").is_some_and(|name| name == namespace)
    }
}
