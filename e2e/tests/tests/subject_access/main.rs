//! The rights module against the real API server: thousands of SubjectAccessReviews answered alike, the defaults known, and no
//! control finding anything in them. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod generated;
mod questions;

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::{Api, Client, api::PostParams, core::DynamicObject, discovery::ApiResource};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::{Object, decode_json},
    finding::Verdict,
    kind::Kind,
    rights::{Because, Identity, Policy, Request, cluster_scoped, default_roles},
    selector::LabelSelector,
};
use serde_json::{Value, json};

use generated::Generated;
use questions::{Question, questions};

const SOON: Duration = Duration::from_mins(1);
/// So many questions are asked; the promise is 5,000.
const QUESTIONS: usize = 8_000;
/// So many at a time.
const AT_ONCE: usize = 24;
const KINDS: [Kind; 4] = [
    Kind::Role,
    Kind::ClusterRole,
    Kind::RoleBinding,
    Kind::ClusterRoleBinding,
];

fn api(client: &Client, kind: Kind) -> Api<DynamicObject> {
    let info = kind.info();
    let resource = ApiResource {
        group: info.group.into(),
        version: info.versions[0].into(),
        api_version: kind.api_version(),
        kind: info.kind.into(),
        plural: info.plural.into(),
    };
    Api::all_with(client.clone(), &resource)
}

/// Everything of a kind, as the server has it.
async fn list(client: &Client, kind: Kind) -> Vec<Value> {
    let listed = api(client, kind)
        .list(&kube::api::ListParams::default())
        .await
        .unwrap();
    listed
        .items
        .into_iter()
        .map(|object| serde_json::to_value(object).unwrap())
        .collect()
}

async fn list_all(client: &Client) -> Vec<(Kind, Value)> {
    let mut all = Vec::new();
    for kind in KINDS {
        all.extend(list(client, kind).await.into_iter().map(|value| (kind, value)));
    }
    all
}

fn decode(kind: Kind, value: &Value) -> Object {
    let object = decode_json(kind, &value.to_string()).unwrap();
    assert!(object.body.is_ok(), "{value}: {:?}", object.body);
    object
}

fn review(who: &Identity, request: &Request<'_>) -> SubjectAccessReview {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut spec = SubjectAccessReviewSpec {
        user: Some(who.user.to_string()),
        groups: Some(who.groups.iter().map(ToString::to_string).collect()),
        ..SubjectAccessReviewSpec::default()
    };
    match request {
        Request::Resource(r) => {
            spec.resource_attributes = Some(ResourceAttributes {
                verb: text(r.verb),
                group: text(r.group),
                resource: text(r.resource),
                subresource: text(r.subresource),
                namespace: text(r.namespace),
                name: text(r.name),
                ..ResourceAttributes::default()
            });
        }
        Request::NonResource { verb, path } => {
            spec.non_resource_attributes = Some(NonResourceAttributes {
                verb: text(verb),
                path: text(path),
            });
        }
    }
    SubjectAccessReview {
        spec,
        ..SubjectAccessReview::default()
    }
}

async fn ask(client: &Client, question: &Question) -> bool {
    let api: Api<SubjectAccessReview> = Api::all(client.clone());
    let asked = review(&question.who, &question.request());
    let answer = api.create(&PostParams::default(), &asked).await.unwrap();
    answer.status.unwrap().allowed
}

#[tokio::test(flavor = "multi_thread")]
async fn every_review_is_answered_as_the_module_answers() {
    let cluster = Cluster::start().await.unwrap();
    let client = cluster.admin().unwrap();
    let generated = Generated::new(20_261_122);
    for namespace in generated::NAMESPACES {
        cluster.namespace(namespace, &[]).await.unwrap();
    }
    cluster.apply(&generated.manifests()).await.unwrap();
    settled(&cluster, &client).await;

    let live = list_all(&client).await;
    // As a scan sees it: what was written, over what the server made of itself, with the default roles as the module has them.
    let known: Vec<&str> = default_roles().map(|role| role.name.name()).collect();
    let others = live.iter().filter(|(kind, value)| {
        let name = value["metadata"]["name"].as_str().unwrap();
        !(generated.has(*kind, value) || *kind == Kind::ClusterRole && known.contains(&name))
    });
    let written: Vec<Object> = generated
        .objects()
        .chain(others.map(|(kind, value)| decode(*kind, value)))
        .collect();
    let written = Policy::of(&written);
    let live: Vec<Object> = live.iter().map(|(kind, value)| decode(*kind, value)).collect();
    let live = Policy::of(&live);

    let questions = questions(&generated, QUESTIONS);
    let answers: Vec<(usize, bool)> = stream::iter(questions.iter().enumerate())
        .map(|(i, question)| {
            let client = client.clone();
            async move { (i, ask(&client, question).await) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut told = Told::default();
    for (i, allowed) in answers {
        let question = &questions[i];
        told.add(question, &written, allowed);
        for (which, policy) in [("as written", &written), ("as the server has it", &live)] {
            let mine = policy.allows(&question.who, &question.request());
            assert_eq!(
                mine,
                allowed,
                "{which}: {question:?}: {:?}",
                policy.because(&question.who, &question.request())
            );
        }
    }
    told.is_about_everything();
}

/// What the questions were about, so that agreeing means something.
#[derive(Default, Debug)]
struct Told {
    counts: BTreeMap<&'static str, usize>,
}

impl Told {
    fn add(&mut self, question: &Question, policy: &Policy<'_>, allowed: bool) {
        let request = question.request();
        let mut count = |what| *self.counts.entry(what).or_default() += 1;
        count(if allowed { "allowed" } else { "denied" });
        let Some(Because {
            from,
            rule,
            binding,
            role,
        }) = policy.because(&question.who, &request)
        else {
            return;
        };
        let is_default = |name: &str| {
            name.starts_with("system:") || ["admin", "edit", "view", "cluster-admin"].contains(&name)
        };
        if is_default(role.name()) {
            return count("by a default role");
        }
        count(if binding.namespace().is_some() {
            "by a RoleBinding"
        } else {
            "by a ClusterRoleBinding"
        });
        match request {
            Request::NonResource { path, .. } if rule.non_resource_urls.contains(path) => count("path"),
            Request::NonResource { .. } => count("path by prefix"),
            Request::Resource(r) if !r.subresource.is_empty() => {
                count("subresource");
                if rule.resources.contains(&format!("*/{}", r.subresource)) {
                    count("subresource of everything");
                }
            }
            Request::Resource(_) => {}
        }
        let tells = [
            ("gathered", from.is_some()),
            ("by name", !rule.resource_names.is_empty()),
            ("verb wildcard", rule.verbs.is_any()),
            ("group wildcard", rule.api_groups.is_any()),
            ("resource wildcard", rule.resources.is_any()),
            (
                "ServiceAccount",
                question.who.user.starts_with("system:serviceaccount:"),
            ),
        ];
        tells
            .iter()
            .filter(|(_, holds)| *holds)
            .for_each(|(what, _)| count(what));
    }

    fn is_about_everything(&self) {
        eprintln!("SubjectAccessReviews: {:?}", self.counts);
        let count = |what| self.counts.get(what).copied().unwrap_or_default();
        assert!(count("allowed") + count("denied") >= 5_000, "{self:?}");
        assert!(count("allowed") >= 1_500 && count("denied") >= 1_500, "{self:?}");
        for what in [
            "by a default role",
            "by a RoleBinding",
            "by a ClusterRoleBinding",
            "path",
            "path by prefix",
            "subresource",
            "subresource of everything",
            "gathered",
            "by name",
            "verb wildcard",
            "group wildcard",
            "resource wildcard",
            "ServiceAccount",
        ] {
            assert!(count(what) >= 20, "{what}: {self:?}");
        }
    }
}

/// Waits until the controller has gathered everything, and the authorizer has heard of all that came before.
async fn settled(cluster: &Cluster, client: &Client) {
    eventually(SOON, "aggregated roles hold what they select", async || {
        let roles = list(client, Kind::ClusterRole).await;
        roles
            .iter()
            .find(|role| !is_gathered(role, &roles))
            .map_or(Ok(()), |role| {
                Err(not_yet(format!("{} is not gathered", role["metadata"]["name"])))
            })
    })
    .await
    .unwrap();
    let last = generated::last();
    cluster.apply(&last).await.unwrap();
    for request in generated::last_requests() {
        let question = Question::new(Identity::new("last", []), &request);
        eventually(SOON, "the authorizer knows the last binding", async || {
            if ask(client, &question).await {
                Ok(())
            } else {
                Err(not_yet("denied"))
            }
        })
        .await
        .unwrap();
    }
}

/// Whether a role holds every rule of the roles that it selects now.
fn is_gathered(role: &Value, all: &[Value]) -> bool {
    let selectors = role
        .pointer("/aggregationRule/clusterRoleSelectors")
        .and_then(Value::as_array);
    let rules = |role: &Value| role["rules"].as_array().cloned().unwrap_or_default();
    let held = rules(role);
    selectors.into_iter().flatten().all(|selector| {
        let selector: LabelSelector = serde_json::from_value(selector.clone()).unwrap();
        let labels = |role: &Value| -> BTreeMap<String, String> {
            serde_json::from_value(role["metadata"]["labels"].clone()).unwrap_or_default()
        };
        all.iter()
            .filter(|other| {
                other["metadata"]["name"] != role["metadata"]["name"] && selector.matches(&labels(other))
            })
            .all(|other| rules(other).iter().all(|rule| held.contains(rule)))
    })
}

/// A cluster as it comes: its roles and bindings are those the module knows, and none of the controls finds anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_cluster_is_known_and_has_no_finding() {
    let cluster = Cluster::start().await.unwrap();
    let client = cluster.admin().unwrap();
    eventually(SOON, "the default roles are gathered", async || {
        let roles = list(&client, Kind::ClusterRole).await;
        let all = roles.iter().all(|role| is_gathered(role, &roles));
        if all {
            Ok(())
        } else {
            Err(not_yet("some are empty"))
        }
    })
    .await
    .unwrap();
    let objects: Vec<Object> = list_all(&client)
        .await
        .iter()
        .map(|(kind, value)| decode(*kind, value))
        .collect();
    defaults_are_those_of(&objects);
    cluster_scoped_are_those_of(&cluster).await;
    nothing_is_found_in(objects);
}

/// Each default role gives, by the module's own list alone, what it gives on the server.
fn defaults_are_those_of(objects: &[Object]) {
    let view = |objects: &[Object], name: &str| -> Vec<String> {
        let all = objects
            .iter()
            .filter(|object| object.name.kind() == Kind::ClusterRole);
        let named = all.filter(|role| role.name.name() == name);
        let mut rules: Vec<String> = named
            .flat_map(|role| {
                let policy = Policy::of(objects);
                policy
                    .rules_of(&role.name)
                    .map(|rule| format!("{rule:?}"))
                    .collect::<Vec<_>>()
            })
            .collect();
        rules.sort();
        rules.dedup();
        rules
    };
    let own: Vec<Object> = default_roles().cloned().collect();
    assert!(own.len() > 20);
    for role in &own {
        let name = role.name.name();
        let (mine, theirs) = (view(&own, name), view(objects, name));
        assert_eq!(mine, theirs, "{name}: update rights/defaults.json");
        assert!(!mine.is_empty(), "{name}");
    }
}

async fn cluster_scoped_are_those_of(cluster: &Cluster) {
    let listed = cluster
        .kubectl(["api-resources", "--namespaced=false", "-o", "name"])
        .await
        .unwrap()
        .stdout;
    for name in listed.lines() {
        let (resource, group) = name.split_once('.').unwrap_or((name, ""));
        assert!(
            cluster_scoped().any(|known| known == (group, resource)),
            "{name}: add it to rights/scope.rs"
        );
    }
    let listed = cluster
        .kubectl(["api-resources", "--namespaced=true", "-o", "name"])
        .await
        .unwrap()
        .stdout;
    for name in listed.lines() {
        let (resource, group) = name.split_once('.').unwrap_or((name, ""));
        assert!(
            !cluster_scoped().any(|known| known == (group, resource)),
            "{name} is namespaced"
        );
    }
}

const CONTROLS: [&str; 5] = [
    "access/cluster-admin-bindings",
    "access/least-privilege",
    "access/no-anonymous-access",
    "environments/rbac-segregation",
    "isolation/tenant-rbac",
];

fn nothing_is_found_in(objects: Vec<Object>) {
    let spec = BaselineSpec {
        controls: CONTROLS
            .iter()
            .map(|id| ((*id).to_owned(), serde_json::Map::new()))
            .collect(),
        scope: serde_json::from_value(json!({"excludeNamespaces": []})).unwrap(),
        ..BaselineSpec::default()
    };
    let compiled = compile("fresh", 1, &spec, &[], &plimsoll_controls::registry(), None);
    let mut engine = Engine::scan();
    engine.see_everything();
    engine.set_baselines(vec![compiled]);
    for namespace in ["kube-system", "kube-public", "kube-node-lease", "default"] {
        engine.upsert(decode(Kind::Namespace, &json!({"metadata": {"name": namespace}})));
    }
    let count = objects.len();
    for object in objects {
        engine.upsert(object);
    }
    let report = engine.look(jiff::Timestamp::now());
    let mut verdicts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for unit in report.baselines["fresh"].units.values() {
        assert!(
            matches!(unit.verdict, Verdict::Pass | Verdict::NotApplicable(_)),
            "{:?}: {:?} {:?}",
            unit.key,
            unit.verdict,
            unit.findings
        );
        *verdicts
            .entry((unit.key.control, unit.verdict.word()))
            .or_default() += 1;
    }
    eprintln!("{count} roles and bindings of a fresh cluster: {verdicts:?}");
    assert!(count > 100);
}
