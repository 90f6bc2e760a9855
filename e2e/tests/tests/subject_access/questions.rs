//! Random questions: half of them near what some rule allows, so that both answers are common.

use plimsoll_engine::{
    kind::Kind,
    rights::{Identity, Request, ResourceRequest},
};
use serde_json::Value;

use crate::generated::{Dice, GROUPS, Generated, NAMES, NAMESPACES, PATHS, RESOURCES, VERBS};

/// Who asks for what.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) who: Identity,
    asked: Asked,
}

#[derive(Debug, Clone)]
enum Asked {
    Resource {
        verb: String,
        group: String,
        resource: String,
        namespace: String,
        name: String,
    },
    Path {
        verb: String,
        path: String,
    },
}

impl Question {
    pub(crate) fn new(who: Identity, request: &Request<'_>) -> Self {
        let asked = match request {
            Request::Resource(r) => Asked::Resource {
                verb: r.verb.into(),
                group: r.group.into(),
                resource: [r.resource, r.subresource].join("/").trim_end_matches('/').into(),
                namespace: r.namespace.into(),
                name: r.name.into(),
            },
            Request::NonResource { verb, path } => Asked::Path {
                verb: (*verb).into(),
                path: (*path).into(),
            },
        };
        Self { who, asked }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        match &self.asked {
            Asked::Path { verb, path } => Request::NonResource { verb, path },
            Asked::Resource {
                verb,
                group,
                resource,
                namespace,
                name,
            } => {
                let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                Request::Resource(ResourceRequest {
                    verb,
                    group,
                    resource,
                    subresource,
                    namespace,
                    name,
                })
            }
        }
    }
}

pub(crate) fn questions(generated: &Generated, count: usize) -> Vec<Question> {
    let mut dice = Dice(count as u64);
    (0..count)
        .map(|i| match i % 4 {
            0 => Question {
                who: anybody(&mut dice),
                asked: anything(&mut dice),
            },
            _ => near(generated, &mut dice),
        })
        .collect()
}

fn some_namespace(dice: &mut Dice) -> &'static str {
    NAMESPACES[dice.below(NAMESPACES.len())]
}

fn anybody(dice: &mut Dice) -> Identity {
    let group = format!("group{}", dice.below(7));
    match dice.below(10) {
        0..4 => Identity::service_account(some_namespace(dice), &format!("sa{}", dice.below(4))),
        4..7 => Identity::person(&format!("user{}", dice.below(9)), [&*group]),
        // Exactly what is told: the groups that a review leaves out are not added.
        7 => Identity::new(&format!("user{}", dice.below(9)), [&*group]),
        8 => Identity::new("system:serviceaccount:ra:sa0", []),
        _ => Identity::anonymous(),
    }
}

fn anything(dice: &mut Dice) -> Asked {
    let verb = (*dice.pick(&VERBS)).to_owned();
    if dice.chance(5) {
        return Asked::Path {
            verb,
            path: (*dice.pick(&PATHS)).into(),
        };
    }
    Asked::Resource {
        verb,
        group: (*dice.pick(&GROUPS)).into(),
        resource: (*dice.pick(&RESOURCES)).into(),
        namespace: if dice.chance(4) {
            String::new()
        } else {
            (*dice.pick(&NAMESPACES)).into()
        },
        name: if dice.chance(2) {
            String::new()
        } else {
            (*dice.pick(&NAMES)).into()
        },
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One of a rule's words that asks for something, or any other where it stands for all.
fn one(dice: &mut Dice, words: &Value, others: &[&str]) -> String {
    let words: Vec<&str> = words.as_array().into_iter().flatten().map(text).collect();
    match words.get(dice.below(words.len())) {
        Some(word) if !word.contains('*') => (*word).into(),
        Some(word) if word.starts_with("*/") => format!("{}/{}", dice.pick(&["pods", "widgets"]), &word[2..]),
        Some(word) if word.len() > 1 => word.replace('*', "x"),
        _ => (*dice.pick(others)).into(),
    }
}

/// What a binding gives, to one whom it names, with one part changed now and then.
fn near(generated: &Generated, dice: &mut Dice) -> Question {
    let is_binding = |kind: Kind| matches!(kind, Kind::RoleBinding | Kind::ClusterRoleBinding);
    let bindings: Vec<&Value> = generated
        .objects
        .iter()
        .filter(|(kind, _)| is_binding(*kind))
        .map(|(_, o)| o)
        .collect();
    let binding = *dice.pick(&bindings);
    let namespace = text(&binding["metadata"]["namespace"]);
    let subjects = binding["subjects"].as_array().unwrap();
    let who = match subjects.get(dice.below(subjects.len())) {
        Some(subject) if !dice.chance(8) => identity(dice, subject),
        _ => anybody(dice),
    };
    let mut asked = match rule_of(generated, binding, dice) {
        Some(rule) => asked(dice, &rule, namespace),
        None => anything(dice),
    };
    if dice.chance(3) {
        let other = anything(dice);
        change(&mut asked, other, dice);
    }
    Question { who, asked }
}

fn identity(dice: &mut Dice, subject: &Value) -> Identity {
    let name = text(&subject["name"]);
    match (
        text(&subject["kind"]),
        name.split(':').collect::<Vec<_>>().as_slice(),
    ) {
        ("ServiceAccount", _) => Identity::service_account(text(&subject["namespace"]), name),
        ("User", ["system", "serviceaccount", namespace, account]) => {
            Identity::service_account(namespace, account)
        }
        ("User", _) => Identity::person(name, []),
        (_, ["system", "serviceaccounts", namespace]) => Identity::service_account(namespace, "some"),
        (_, ["system", "serviceaccounts"]) => Identity::service_account(some_namespace(dice), "some"),
        (_, ["system", "unauthenticated"]) => Identity::anonymous(),
        _ => Identity::person("somebody", [name]),
    }
}

/// A rule of the binding's role, or of any that it may have gathered.
fn rule_of(generated: &Generated, binding: &Value, dice: &mut Dice) -> Option<Value> {
    let role = &binding["roleRef"];
    let name = text(&role["name"]);
    let is_it = |kind: Kind, object: &Value| {
        let same_place =
            kind == Kind::ClusterRole || object["metadata"]["namespace"] == binding["metadata"]["namespace"];
        let gathered = name.starts_with("gathers-") || name == "view";
        kind.info().kind == role["kind"] && same_place && (gathered || object["metadata"]["name"] == name)
    };
    let objects = generated
        .objects
        .iter()
        .filter(|(kind, object)| is_it(*kind, object));
    let rules: Vec<&Value> = objects
        .filter_map(|(_, object)| object["rules"].as_array())
        .flatten()
        .collect();
    (!rules.is_empty()).then(|| (*dice.pick(&rules)).clone())
}

fn asked(dice: &mut Dice, rule: &Value, namespace: &str) -> Asked {
    let verb = one(dice, &rule["verbs"], &VERBS);
    if rule["nonResourceURLs"].is_array() {
        return Asked::Path {
            verb,
            path: one(dice, &rule["nonResourceURLs"], &PATHS),
        };
    }
    let everywhere = namespace.is_empty() && dice.chance(2);
    let somewhere = if namespace.is_empty() {
        *dice.pick(&NAMESPACES)
    } else {
        namespace
    };
    let named = rule["resourceNames"].is_array();
    Asked::Resource {
        verb,
        group: one(dice, &rule["apiGroups"], &GROUPS),
        resource: one(dice, &rule["resources"], &RESOURCES),
        namespace: if everywhere {
            String::new()
        } else {
            somewhere.into()
        },
        name: if named {
            one(dice, &rule["resourceNames"], &NAMES)
        } else {
            String::new()
        },
    }
}

fn change(asked: &mut Asked, other: Asked, dice: &mut Dice) {
    match (asked, other) {
        (
            Asked::Resource {
                verb,
                group,
                resource,
                namespace,
                name,
            },
            Asked::Resource {
                verb: v,
                group: g,
                resource: r,
                namespace: ns,
                name: n,
            },
        ) => match dice.below(5) {
            0 => *verb = v,
            1 => *group = g,
            2 => *resource = r,
            3 => *namespace = ns,
            _ => *name = n,
        },
        (Asked::Path { path, .. }, Asked::Path { path: p, .. }) => *path = p,
        (asked, other) => *asked = other,
    }
}
