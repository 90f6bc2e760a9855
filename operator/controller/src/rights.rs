//! Whether the operator has the rights it needs, and no others: asked at the start and now and then, told in the log and in a
//! metric. Excess is worth telling: whoever takes over the operator has all of it.
//!
//! The API server answers for one namespace, the operator's own, and for the cluster: rights that a RoleBinding elsewhere
//! gives are not seen.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::authorization::v1::{
    NonResourceRule, ResourceRule, SelfSubjectRulesReview, SelfSubjectRulesReviewSpec,
    SubjectRulesReviewStatus,
};
use kube::{Api, Client, api::PostParams};
use plimsoll_engine::control::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{Config, output::category_of};

/// How often rights are asked for.
const EVERY: Duration = Duration::from_mins(10);
/// How soon they are asked for again when there was no answer.
const SOON: Duration = Duration::from_secs(10);
/// Rights named in one line of the log.
const SHOWN: usize = 20;

const READ: [&str; 3] = ["get", "list", "watch"];
const OWN: &str = "plimsoll.dev";

/// A verb on a resource (`resource` or `resource/subresource`) of a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Right {
    verb: String,
    resource: String,
    group: String,
}

/// `patch deployments.apps`.
impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.group)
    }
}

impl Right {
    /// One that gives everything away: told before the others.
    fn is_grave(&self) -> bool {
        let wide = [&self.verb, &self.resource, &self.group];
        self.resource == "secrets" || wide.iter().any(|part| *part == "*")
    }
}

/// What this process must and may have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Needs {
    must: BTreeSet<Right>,
    /// Beyond that: writes of repairs, which may be granted for some controls only, and what everybody has.
    may: BTreeSet<Right>,
}

impl Needs {
    /// Those of a process with these controls and duties.
    pub(crate) fn of(registry: &Registry, config: &Config) -> Self {
        let mut needs = Self::default();
        for kind in registry.reads().iter() {
            let info = kind.info();
            needs.must(info.group, info.plural, &READ);
        }
        needs.must("apiextensions.k8s.io", "customresourcedefinitions", &READ);
        for own in ["securitybaselines", "baselineexceptions", "evidencerecords"] {
            needs.must(OWN, own, &READ);
        }
        needs.must(OWN, "evidencerecords", &["create", "update", "delete"]);
        needs.may(OWN, "evidencerecords", &["patch"]);
        needs.must(
            "coordination.k8s.io",
            "leases",
            &["get", "list", "create", "update"],
        );
        if config.duties.read {
            needs.must("coordination.k8s.io", "leases", &["patch", "delete"]);
        }
        needs.may("coordination.k8s.io", "leases", &["watch", "patch", "delete"]);
        for review in [
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
        ] {
            needs.must("authorization.k8s.io", review, &["create"]);
        }
        needs.must("authentication.k8s.io", "tokenreviews", &["create"]);
        // What the API server gives every ServiceAccount.
        needs.may("authentication.k8s.io", "selfsubjectreviews", &["create"]);
        needs.may("certificates.k8s.io", "clustertrustbundles", &READ);
        if config.duties.read {
            for own in ["securitybaselines/status", "baselineexceptions/status"] {
                needs.must(OWN, own, &["patch"]);
                needs.may(OWN, own, &["get", "update"]);
            }
            for api in config.policy_reports.iter().flat_map(|terms| &terms.apis) {
                for resource in api.resources() {
                    needs.must(
                        api.group(),
                        resource,
                        &["list", "watch", "create", "patch", "delete"],
                    );
                }
            }
        }
        if config.duties.read || config.repairs() {
            needs.must("events.k8s.io", "events", &["create", "patch"]);
            needs.may("", "events", &["create", "patch"]);
        }
        if config.repairs() {
            needs.repairs(registry);
        }
        needs
    }

    fn repairs(&mut self, registry: &Registry) {
        for right in registry.metas().flat_map(|meta| meta.rights) {
            let info = right.kind.info();
            let resource = match right.subresource {
                Some(subresource) => format!("{}/{subresource}", info.plural),
                None => info.plural.to_owned(),
            };
            self.may(info.group, &resource, right.verbs);
        }
    }

    fn must(&mut self, group: &str, resource: &str, verbs: &[&str]) {
        self.must.extend(rights(group, resource, verbs));
    }

    fn may(&mut self, group: &str, resource: &str, verbs: &[&str]) {
        self.may.extend(rights(group, resource, verbs));
    }

    /// What is wrong with what was granted.
    fn compare(&self, granted: &SubjectRulesReviewStatus) -> Problems {
        let has = |right: &&Right| granted.resource_rules.iter().any(|rule| grants(rule, right));
        let missing = self.must.iter().filter(|right| !has(right));
        let given: BTreeSet<Right> = granted.resource_rules.iter().flat_map(all_of).collect();
        let wanted = |right: &&Right| self.must.contains(right) || self.may.contains(right);
        let mut excess: Vec<&Right> = given.iter().filter(|right| !wanted(right)).collect();
        excess.sort_by_key(|right| !right.is_grave());
        let excess = excess.into_iter().map(ToString::to_string);
        let paths = granted.non_resource_rules.iter().flat_map(foreign_paths);
        Problems {
            missing: missing.map(ToString::to_string).collect(),
            excess: excess.chain(paths).collect(),
            incomplete: granted.incomplete,
        }
    }
}

fn rights(group: &str, resource: &str, verbs: &[&str]) -> impl Iterator<Item = Right> {
    verbs.iter().map(|verb| Right {
        verb: (*verb).to_owned(),
        resource: resource.to_owned(),
        group: group.to_owned(),
    })
}

/// Whether a rule gives a right to every object; one that names objects does not.
fn grants(rule: &ResourceRule, right: &Right) -> bool {
    let any = |list: Option<&Vec<String>>, wanted: &str| {
        list.is_some_and(|list| list.iter().any(|one| one == "*" || one == wanted))
    };
    let subresource = right.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    let resource = any(rule.resources.as_ref(), &right.resource)
        || subresource.is_some_and(|sub| any(rule.resources.as_ref(), &sub));
    rule.resource_names.as_ref().is_none_or(Vec::is_empty)
        && any(Some(&rule.verbs), &right.verb)
        && any(rule.api_groups.as_ref(), &right.group)
        && resource
}

/// Every right that a rule writes down, with `*` as it stands there.
fn all_of(rule: &ResourceRule) -> Vec<Right> {
    let mut all = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for verb in &rule.verbs {
                all.push(Right {
                    verb: verb.clone(),
                    resource: resource.clone(),
                    group: group.clone(),
                });
            }
        }
    }
    all
}

/// Paths beyond those of discovery and health, which everybody may get.
fn foreign_paths(rule: &NonResourceRule) -> Vec<String> {
    let public = [
        "/api",
        "/openapi",
        "/healthz",
        "/livez",
        "/readyz",
        "/version",
        "/.well-known",
        "/openid",
    ];
    let is_public = |path: &str| public.iter().any(|start| path.starts_with(start));
    let reads = rule.verbs.iter().all(|verb| verb == "get" || verb == "head");
    let paths = rule.non_resource_urls.iter().flatten();
    paths
        .filter(|path| !(reads && is_public(path)))
        .map(|path| format!("{} {path}", rule.verbs.join(",")))
        .collect()
}

/// What is wrong with the rights of this process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Problems {
    missing: Vec<String>,
    excess: Vec<String>,
    /// The API server cannot list all rules, as some authorizers cannot.
    incomplete: bool,
}

impl Problems {
    /// As series of the metric: what an incomplete answer lacks is not said to be missing.
    pub(crate) fn series(&self) -> Vec<([&'static str; 1], f64)> {
        let count = |rights: &[String]| f64::from(u32::try_from(rights.len()).unwrap_or(u32::MAX));
        let missing = (!self.incomplete).then(|| (["missing"], count(&self.missing)));
        let excess = (["excess"], count(&self.excess));
        missing.into_iter().chain([excess]).collect()
    }

    fn tell(&self) {
        if !self.missing.is_empty() && !self.incomplete {
            let rights = shown(&self.missing);
            warn!(
                count = self.missing.len(),
                rights, "rights are missing: what they are for is Unknown or not done"
            );
        }
        if !self.excess.is_empty() {
            let rights = shown(&self.excess);
            warn!(
                count = self.excess.len(),
                rights, "there are rights that nothing here needs: take them away"
            );
        }
        if self.incomplete {
            info!("the API server cannot list all rights; some may be missing or too many");
        }
        if *self == Self::default() {
            info!("rights are as they should be");
        }
    }
}

fn shown(rights: &[String]) -> String {
    let mut text = rights[..rights.len().min(SHOWN)].join(", ");
    if rights.len() > SHOWN {
        text.push_str(" …");
    }
    text
}

/// Compares rights with needs until `stop`, and tells whenever something changes.
pub(crate) async fn watch_rights(
    client: Client,
    namespace: String,
    needs: Needs,
    problems: watch::Sender<Option<Problems>>,
    stop: CancellationToken,
) {
    let reviews: Api<SelfSubjectRulesReview> = Api::all(client);
    loop {
        let pause = match granted(&reviews, &namespace).await {
            Ok(granted) => {
                let found = needs.compare(&granted);
                problems.send_if_modified(|known| {
                    let news = known.as_ref() != Some(&found);
                    if news {
                        found.tell();
                        *known = Some(found);
                    }
                    news
                });
                EVERY
            }
            Err(error) => {
                warn!(category = category_of(&error), "cannot ask for our own rights");
                SOON
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn granted(
    reviews: &Api<SelfSubjectRulesReview>,
    namespace: &str,
) -> Result<SubjectRulesReviewStatus, kube::Error> {
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some(namespace.to_owned()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.unwrap_or_default())
}

#[cfg(test)]
mod tests;
