//! Selectors that select nothing today: mostly slips of the pen, and an opening once something bears the label.

use std::sync::Arc;

use plimsoll_engine::{
    facts::{IsNamespaceLabel, SelectsPods},
    finding::Findings,
    kind::Kind,
    name::ObjRef,
    object::{Direction, NetworkPolicy, Peer, Projection},
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};

/// Most notes on one namespace.
const MOST: usize = 20;

/// Set by the API server on every namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// Notes the selectors of a namespace's policies that select nothing. Nothing is said of what cannot be told.
pub(crate) fn note_dangling(namespace: &str, view: &View<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let namespace: Arc<str> = namespace.into();
    let mut notes = Vec::new();
    for object in view.in_namespace(Kind::NetworkPolicy, &namespace)? {
        let Some(policy) = object.body.as_ref().ok().and_then(NetworkPolicy::of) else {
            continue;
        };
        let name = object.name.name();
        if is_dangling(&policy.pod_selector, &namespace, view)? {
            notes.push(format!(
                "dangling selector: {name} selects no pods (spec.podSelector)"
            ));
            continue;
        }
        for direction in [Direction::Ingress, Direction::Egress] {
            for (i, rule) in policy.rules(direction).iter().enumerate() {
                for (j, peer) in rule.peers.iter().enumerate() {
                    let what = what_dangles(peer, &namespace, view)?;
                    let at = format!("spec.{}[{i}].{}[{j}]", direction.field(), direction.peers_field());
                    notes.extend(what.map(|what| format!("dangling selector: {what} of {name} ({at})")));
                }
            }
        }
    }
    let more = notes.len().saturating_sub(MOST);
    for note in notes.into_iter().take(MOST) {
        out.note(note);
    }
    if more > 0 {
        out.note(format!("{more} more dangling selectors"));
    }
    Ok(())
}

fn what_dangles(peer: &Peer, own: &Arc<str>, view: &View<'_>) -> Result<Option<&'static str>, Unknown> {
    const PODS: &str = "no pods are selected by a peer";
    let Some(namespaces) = &peer.namespace_selector else {
        let pods = peer.pod_selector.as_ref();
        let dangles = pods.map_or(Ok(false), |pods| is_dangling(pods, own, view))?;
        return Ok(dangles.then_some(PODS));
    };
    for (key, value) in namespaces.anchors() {
        let exists = if key == NAME {
            view.object(&ObjRef::namespace_object(value))?.is_some()
        } else {
            *view.fact(&IsNamespaceLabel {
                key: key.into(),
                value: value.into(),
            })?
        };
        if !exists {
            return Ok(Some("no namespace is selected by a peer"));
        }
    }
    // In which of many namespaces its pods are is not looked up; of one that is named, it is.
    let named = namespaces.anchors().find(|(key, _)| *key == NAME);
    let (Some((_, name)), Some(pods)) = (named, &peer.pod_selector) else {
        return Ok(None);
    };
    Ok(is_dangling(pods, &name.into(), view)?.then_some(PODS))
}

/// An empty selector is not meant for anything in particular.
fn is_dangling(pods: &LabelSelector, namespace: &Arc<str>, view: &View<'_>) -> Result<bool, Unknown> {
    if pods.is_everything() {
        return Ok(false);
    }
    let (namespace, selector) = (namespace.clone(), pods.clone());
    Ok(!*view.fact(&SelectsPods { namespace, selector })?)
}
