//! What a pod template asks of the scheduler.

use plimsoll_engine::{
    labels::Labels,
    object::{AffinityTerm, PodTemplate},
    selector::LabelSelector,
};

/// How a spread is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Declaration {
    /// The `topologySpreadConstraints` item of this index, with `ScheduleAnyway`.
    Soft(usize),
    /// A constraint with `DoNotSchedule`, or anti-affinity, which is already as strict as its owner wants it.
    Other,
}

/// The constraint or anti-affinity term over `key` that selects the template's own pods, if any.
pub(super) fn of(template: &PodTemplate, namespace: &str, key: &str) -> Option<Declaration> {
    let labels = template.labels();
    let constraints = template.spec.topology_spread_constraints.iter().flatten().enumerate();
    let matching: Vec<Declaration> = constraints
        .filter(|(_, c)| &*c.topology_key == key && selects(c.label_selector.as_ref(), &labels))
        .map(|(i, c)| match &*c.when_unsatisfiable {
            "ScheduleAnyway" => Declaration::Soft(i),
            _ => Declaration::Other,
        })
        .collect();
    let kept_apart = || terms(template).any(|term| keeps_apart(term, namespace, key, &labels));
    // Of several, the strictest tells what there is left to propose.
    if matching.contains(&Declaration::Other) || kept_apart() {
        return Some(Declaration::Other);
    }
    matching.first().copied()
}

/// An absent selector selects nothing: such a constraint spreads nobody.
fn selects(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    selector.is_some_and(|s| s.matches(labels))
}

fn terms(template: &PodTemplate) -> impl Iterator<Item = &AffinityTerm> {
    let anti = template
        .spec
        .affinity
        .iter()
        .filter_map(|a| a.pod_anti_affinity.as_ref());
    anti.flat_map(|anti| {
        let required = anti.required.iter().flatten();
        required.chain(anti.preferred.iter().flatten().map(|w| &w.pod_affinity_term))
    })
}

/// A term that lists namespaces keeps apart only from pods in those.
fn keeps_apart(term: &AffinityTerm, namespace: &str, key: &str, labels: &Labels) -> bool {
    let listed = term.namespaces.iter().flatten();
    let here = listed.clone().next().is_none() || listed.clone().any(|n| **n == *namespace);
    &*term.topology_key == key && here && selects(term.label_selector.as_ref(), labels)
}
