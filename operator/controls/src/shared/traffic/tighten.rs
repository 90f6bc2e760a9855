//! The tightened policy: the same peers, of the namespace's own group only. A text for people, never applied.

use std::sync::Arc;

use plimsoll_engine::{
    facts::{Group, GroupBy, Membership},
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
    let mut changes = Vec::new();
    for (i, rule) in policy.rules(Direction::Ingress).iter().enumerate() {
        let mut wide = Vec::new();
        for peer in &rule.peers {
            wide.push(is_wide(traffic, peer, &label, own, view)?);
        }
        if let Some(from) = tightened(rule, &wide, &label) {
            changes.push(Change::Set {
                target: target.clone(),
                pointer: format!("/spec/ingress/{i}/from").into(),
                from: None,
                to: Value::Array(from).into(),
            });
        }
    }
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

/// Whether a peer may be of another group: it does not require the own group's label, and names no namespace of the own
/// group or the platform.
fn is_wide(
    traffic: &Traffic<'_>,
    peer: &Peer,
    label: &(String, String),
    own: &Group,
    view: &View<'_>,
) -> Result<bool, Unknown> {
    let Some(selector) = &peer.namespace_selector else {
        return Ok(false);
    };
    for (key, value) in selector.anchors() {
        let is_own = key == label.0 && value == label.1;
        let is_named = key == NAME
            && match Membership::of(view.settings()?, &value.into(), traffic.by, view)? {
                Membership::Platform => true,
                Membership::In(group) => group == *own,
                Membership::NotKnown => false,
            };
        if is_own || is_named {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The peers of a rule with the own group's label required of those that are too wide; `None` where nothing changes.
fn tightened(rule: &Rule, wide: &[bool], label: &(String, String)) -> Option<Vec<Value>> {
    if rule.peers.is_empty() {
        return Some(vec![
            json!({"namespaceSelector": {"matchLabels": {&label.0: label.1}}}),
        ]);
    }
    let peers = rule
        .peers
        .iter()
        .zip(wide)
        .map(|(peer, wide)| match &peer.namespace_selector {
            Some(selector) if *wide => narrowed(peer, selector, label),
            _ => as_is(peer),
        });
    wide.contains(&true).then(|| peers.collect())
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
