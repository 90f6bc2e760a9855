//! The tightened policy: the same peers, of the namespace's own group only. A text for people, never applied.

use std::sync::Arc;

use plimsoll_engine::{
    facts::{Group, GroupBy},
    finding::{Change, Finding, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    object::{Direction, NetworkPolicy, Peer, Rule},
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};
use serde_json::{Value, json};

use super::Traffic;

const NAME: &str = "kubernetes.io/metadata.name";

/// What would repair a finding about a NetworkPolicy. Where none is, `isolation/default-deny` has the repair; policies of the
/// cluster are for those who run it.
pub(super) fn repair(
    traffic: &Traffic<'_>,
    namespace: &Arc<str>,
    own: &Group,
    view: &View<'_>,
    finding: &Finding,
) -> Result<Option<Repair>, Unknown> {
    let target = &finding.object;
    if target.kind() != Kind::NetworkPolicy {
        return Ok(None);
    }
    let Some(policy) = view.get::<NetworkPolicy>(target)? else {
        return Ok(None);
    };
    let label = own_label(traffic.by, namespace, own, view)?;
    let rules = policy.rules(Direction::Ingress).iter().enumerate();
    let changes: Vec<Change> = rules
        .filter_map(|(i, rule)| {
            let from = tightened(rule, &label, namespace)?;
            Some(Change::Set {
                target: target.clone(),
                pointer: format!("/spec/ingress/{i}/from").into(),
                from: None,
                to: Value::Array(from).into(),
            })
        })
        .collect();
    Ok((!changes.is_empty()).then(|| Repair {
        class: RepairClass::NeverAutomatic,
        why: "whom the policy is meant to let in is for its author to say".into(),
        changes,
    }))
}

/// The label that the namespaces of the own group have, as this one bears it; its name where it is a group of its own.
fn own_label(
    by: GroupBy,
    namespace: &Arc<str>,
    own: &Group,
    view: &View<'_>,
) -> Result<(String, String), Unknown> {
    let by_name = || (NAME.to_owned(), namespace.to_string());
    let settings = view.settings()?;
    let Some(object) = view.object(&ObjRef::namespace_object(namespace))? else {
        return Ok(by_name());
    };
    let labels = &object.meta.labels;
    let borne = match by {
        GroupBy::Tenant => settings.tenant_label(labels),
        GroupBy::Environment => {
            let key = settings
                .environment_keys()
                .iter()
                .find(|key| labels.get(key).is_some());
            key.and_then(|key| Some((&**key, labels.get(key)?)))
        }
    };
    let means = |value: &str| match by {
        GroupBy::Tenant => Some(Arc::from(value)),
        GroupBy::Environment => settings.normalise(value),
    };
    // A label that was changed, or that an override overrules, does not tell the group.
    let borne = borne.filter(|(_, value)| means(value).is_some_and(|group| Group::Named(group) == *own));
    Ok(borne.map_or_else(by_name, |(key, value)| (key.to_owned(), value.to_owned())))
}

/// The peers of a rule with the own group's label required; `None` where nothing changes.
fn tightened(rule: &Rule, label: &(String, String), namespace: &str) -> Option<Vec<Value>> {
    if rule.peers.is_empty() {
        return Some(vec![
            json!({"namespaceSelector": {"matchLabels": {&label.0: label.1}}}),
        ]);
    }
    let mut changed = false;
    let peers = rule.peers.iter().map(|peer| match &peer.namespace_selector {
        Some(selector) if !is_own(selector, label, namespace) => {
            changed = true;
            narrowed(peer, selector, label)
        }
        _ => as_is(peer),
    });
    let peers = peers.collect();
    changed.then_some(peers)
}

fn is_own(selector: &LabelSelector, label: &(String, String), namespace: &str) -> bool {
    selector
        .anchors()
        .any(|(key, value)| (key == label.0 && value == label.1) || (key == NAME && value == namespace))
}

fn narrowed(peer: &Peer, selector: &LabelSelector, label: &(String, String)) -> Value {
    let mut narrowed = as_is(peer);
    let mut namespaces = json!(selector);
    namespaces["matchLabels"][&label.0] = json!(label.1);
    narrowed["namespaceSelector"] = namespaces;
    narrowed
}

fn as_is(peer: &Peer) -> Value {
    let mut value = json!({});
    if let Some(pods) = &peer.pod_selector {
        value["podSelector"] = json!(pods);
    }
    if let Some(namespaces) = &peer.namespace_selector {
        value["namespaceSelector"] = json!(namespaces);
    }
    if let Some(block) = &peer.ip_block {
        value["ipBlock"] = json!({"cidr": block.cidr});
        if !block.except().is_empty() {
            value["ipBlock"]["except"] = json!(block.except());
        }
    }
    value
}
