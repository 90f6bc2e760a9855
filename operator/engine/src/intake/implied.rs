//! Namespaces that objects are in although no manifest gives them.
//!
//! Manifests rarely hold their Namespace. What judges namespaces (is there a default-deny policy?) would say nothing about
//! them, which is a miss; so each is added, marked as implied: its labels are not known.

use std::collections::{HashMap, HashSet};

use super::{Intake, Source};
use crate::{
    decode::Object,
    kind::Kind,
    name::ObjRef,
    object::{Body, Meta, Namespace},
};

impl Intake {
    /// Adds the Namespaces that are mentioned and not given, each where it is first mentioned; tells their names.
    pub fn imply_namespaces(&mut self) -> Vec<String> {
        let given: HashSet<&str> = self
            .objects
            .iter()
            .filter(|(object, _)| object.name.kind() == Kind::Namespace)
            .map(|(object, _)| object.name.name())
            .collect();
        let mut mentioned: HashMap<&str, Source> = HashMap::new();
        for (object, source) in &self.objects {
            if let Some(namespace) = object.name.namespace().filter(|name| !given.contains(name)) {
                mentioned.entry(namespace).or_insert(*source);
            }
        }
        let mut implied: Vec<(String, Source)> = mentioned
            .into_iter()
            .map(|(name, source)| (name.to_owned(), source))
            .collect();
        implied.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let objects = implied.iter().map(|(name, source)| {
            (
                namespace(name),
                Source {
                    item: None,
                    ..*source
                },
            )
        });
        self.objects.extend(objects.collect::<Vec<_>>());
        implied.into_iter().map(|(name, _)| name).collect()
    }
}

fn namespace(name: &str) -> Object {
    Object {
        name: ObjRef::namespace_object(name),
        meta: Meta::default(),
        body: Ok(Body::Namespace(triomphe::Arc::new(Namespace::implied()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKLOADS: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: given}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: given}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: other}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: c}\n";

    #[test]
    fn mentioned_namespaces_are_added_once_and_marked() {
        let mut intake = Intake::read(&[WORKLOADS], "default");
        assert_eq!(intake.imply_namespaces(), ["default", "other"]);
        assert!(intake.imply_namespaces().is_empty());
        let of = |name: &str| {
            let found = intake
                .objects
                .iter()
                .find(|(o, _)| o.name == ObjRef::namespace_object(name));
            let (object, source) = found.unwrap();
            let Ok(Body::Namespace(namespace)) = &object.body else {
                panic!()
            };
            (namespace.is_implied(), source.line)
        };
        assert_eq!(of("given"), (false, 1));
        assert_eq!(of("other"), (true, 9));
        assert_eq!(of("default"), (true, 13));
        assert_eq!(intake.documents.total, 4);
    }

    #[test]
    fn an_implied_namespace_points_at_its_first_mention_whatever_the_field() {
        let mut intake = Intake::read(&[WORKLOADS], "default");
        intake.imply_namespaces();
        let (_, source) = intake.objects.last().unwrap();
        assert_eq!(source.line_of(WORKLOADS.as_bytes(), "metadata.name"), 9);
    }
}
