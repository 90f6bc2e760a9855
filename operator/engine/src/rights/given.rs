//! What a single rule gives: the powers that controls ask about, by the rule's words.

use super::{
    power::Power,
    rule::Rule,
    scope::{is_kubernetes, may_be_namespaced},
    words::Words,
};

/// What one rule gives, each with whether it names it.
pub(super) fn powers(rule: &Rule) -> Vec<(Power, bool)> {
    let mut powers = Vec::new();
    if !is_discovery(rule) {
        powers.push((Power::BeyondDiscovery, true));
    }
    if !rule.is_about_resources() {
        return powers;
    }
    if rule.allows_everything() {
        powers.push((Power::Everything, true));
    }
    if [&rule.verbs, &rule.resources, &rule.api_groups]
        .iter()
        .any(|words| words.is_any())
    {
        let own = rule
            .api_groups
            .iter()
            .all(|group| group != "*" && !is_kubernetes(group));
        powers.push((if own { Power::OwnWildcard } else { Power::Wildcard }, true));
    }
    let checks: [Check; 9] = [
        escalates,
        impersonates,
        enters_pods,
        reaches_nodes,
        issues_tokens,
        writes_webhooks,
        reads_secrets,
        touches_namespaced,
        writes_namespaced,
    ];
    powers.extend(checks.iter().filter_map(|check| check(rule)));
    powers
}

/// Whether a rule gives a power, and whether it names it.
type Check = fn(&Rule) -> Option<(Power, bool)>;

const RBAC: &str = "rbac.authorization.k8s.io";
const READS: [&str; 3] = ["get", "list", "watch"];
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

fn any_verb(rule: &Rule, verbs: &[&str]) -> bool {
    verbs.iter().any(|verb| rule.verbs.covers(verb))
}

/// Whether the rule covers `resource/subresource` of a group, and whether by name.
fn covers(rule: &Rule, group: &str, resource: &str, subresource: &str) -> Option<bool> {
    if !rule.api_groups.covers(group) || !rule.covers_resource(resource, subresource) {
        return None;
    }
    let named = if subresource.is_empty() {
        rule.resources.contains(resource)
    } else {
        let named = [format!("{resource}/{subresource}"), format!("*/{subresource}")];
        named.iter().any(|name| rule.resources.contains(name))
    };
    Some(named)
}

fn first<'a>(
    rule: &Rule,
    group: &str,
    resources: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<bool> {
    let found = resources
        .into_iter()
        .filter_map(|(resource, sub)| covers(rule, group, resource, sub));
    found.reduce(|a, b| a || b)
}

/// The verb alone says it; by `*` it only means something on roles.
fn escalates(rule: &Rule) -> Option<(Power, bool)> {
    let named = ["escalate", "bind"].iter().any(|verb| rule.verbs.contains(verb));
    let roles = || first(rule, RBAC, [("roles", ""), ("clusterroles", "")]).is_some();
    (named || (rule.verbs.is_any() && roles())).then_some((Power::Escalates, named))
}

fn impersonates(rule: &Rule) -> Option<(Power, bool)> {
    let named = rule.verbs.iter().any(|verb| verb.starts_with("impersonate"));
    let identities = || {
        first(rule, "", [("users", ""), ("groups", ""), ("serviceaccounts", "")]).is_some()
            || first(rule, "authentication.k8s.io", [("uids", ""), ("users", "")]).is_some()
    };
    (named || (rule.verbs.is_any() && identities())).then_some((Power::Impersonates, named))
}

/// `get` opens a WebSocket to exec, attach and port-forward on most API servers, as `create` does.
fn enters_pods(rule: &Rule) -> Option<(Power, bool)> {
    let streams = [("pods", "exec"), ("pods", "attach"), ("pods", "portforward")];
    let by_stream = any_verb(rule, &["create", "get"])
        .then(|| first(rule, "", streams))
        .flatten();
    let by_container = any_verb(rule, &["update", "patch"])
        .then(|| covers(rule, "", "pods", "ephemeralcontainers"))
        .flatten();
    let named = by_stream.into_iter().chain(by_container).reduce(|a, b| a || b)?;
    Some((Power::EntersPods, named))
}

fn reaches_nodes(rule: &Rule) -> Option<(Power, bool)> {
    Some((Power::ReachesNodes, covers(rule, "", "nodes", "proxy")?))
}

fn issues_tokens(rule: &Rule) -> Option<(Power, bool)> {
    let named = covers(rule, "", "serviceaccounts", "token")?;
    any_verb(rule, &["create"]).then_some((Power::IssuesTokens, named))
}

fn writes_webhooks(rule: &Rule) -> Option<(Power, bool)> {
    let webhooks = [
        ("mutatingwebhookconfigurations", ""),
        ("validatingwebhookconfigurations", ""),
    ];
    let named = first(rule, "admissionregistration.k8s.io", webhooks)?;
    any_verb(rule, &WRITES).then_some((Power::WritesWebhooks, named))
}

fn reads_secrets(rule: &Rule) -> Option<(Power, bool)> {
    let named = covers(rule, "", "secrets", "")?;
    any_verb(rule, &READS).then_some((Power::ReadsSecrets, named))
}

/// Whether the rule covers something that may be namespaced and counts.
fn has_namespaced(rule: &Rule, counts: fn(&str) -> bool) -> bool {
    let resources = || rule.resources.iter().filter(|resource| counts(resource));
    rule.api_groups
        .iter()
        .any(|group| resources().any(|resource| may_be_namespaced(group, resource)))
}

fn touches_namespaced(rule: &Rule) -> Option<(Power, bool)> {
    // Whoever deletes a namespace deletes what is in it; whoever labels it chooses its rules.
    let namespaces = || any_verb(rule, &WRITES) && covers(rule, "", "namespaces", "").is_some();
    let verbs_of_objects = || rule.verbs.iter().any(|verb| !verb.starts_with("impersonate"));
    ((has_namespaced(rule, |_| true) && verbs_of_objects()) || namespaces())
        .then_some((Power::TouchesNamespaced, true))
}

fn writes_namespaced(rule: &Rule) -> Option<(Power, bool)> {
    // Whoever records what happened changes nothing by it.
    let changes = |resource: &str| resource != "events";
    (has_namespaced(rule, changes) && any_verb(rule, &WRITES) && !only_asks(rule))
        .then_some((Power::WritesNamespaced, true))
}

/// Reviews are created, but nothing changes.
fn only_asks(rule: &Rule) -> bool {
    rule.api_groups
        .iter()
        .all(|group| matches!(group, "authorization.k8s.io" | "authentication.k8s.io"))
}

/// What every account may have: `system:basic-user`, `system:discovery`, `system:public-info-viewer`.
fn is_discovery(rule: &Rule) -> bool {
    const SELF_REVIEWS: [&str; 3] = [
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "selfsubjectreviews",
    ];
    let all = |words: &Words, allowed: &[&str]| words.iter().all(|word| allowed.contains(&word));
    let resources = !rule.is_about_resources()
        || (only_asks(rule) && all(&rule.verbs, &["create"]) && all(&rule.resources, &SELF_REVIEWS));
    let paths = rule.verbs.is_empty()
        || rule.non_resource_urls.is_empty()
        || (all(&rule.verbs, &["get", "head", "options"])
            && rule.non_resource_urls.iter().all(is_discovery_path));
    resources && paths
}

fn is_discovery_path(path: &str) -> bool {
    const ROOTS: [&str; 7] = [
        "/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version",
    ];
    const OLD: [&str; 3] = ["/swagger-2.0.0.pb-v1", "/swagger.json", "/swaggerapi"];
    let below = |root: &&str| {
        let rest = path.strip_prefix(*root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    ROOTS.iter().any(&below) || OLD.iter().any(below)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::rights::{
        effect::{Effect, WITNESSES},
        request::{Request, ResourceRequest},
    };

    /// Whether a rule allows a request for a resource.
    fn allows(rule: &Rule, verb: &str, group: &str, resource: &str, subresource: &str) -> bool {
        rule.allows(&Request::Resource(ResourceRequest {
            verb,
            group,
            resource,
            subresource,
            namespace: "shop",
            name: "",
        }))
    }

    fn effect(rules: &[Value]) -> Effect {
        let mut effect = Effect::default();
        for rule in rules {
            effect.add(&serde_json::from_value(rule.clone()).unwrap(), None);
        }
        effect
    }

    fn has(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Vec<Power> {
        let rule = json!({"verbs": verbs, "apiGroups": groups, "resources": resources});
        let given = powers(&serde_json::from_value(rule).unwrap());
        let mut powers: Vec<Power> = given.into_iter().map(|(power, _)| power).collect();
        powers.sort();
        powers
    }

    const COMMON: [Power; 2] = [Power::TouchesNamespaced, Power::BeyondDiscovery];

    #[rstest]
    #[case::reader(&["get", "list"], &[""], &["pods"], &[])]
    #[case::writer(&["patch"], &["apps"], &["deployments"], &[Power::WritesNamespaced])]
    #[case::events(&["create", "patch"], &["", "events.k8s.io"], &["events"], &[])]
    #[case::secrets(&["list"], &[""], &["secrets"], &[Power::ReadsSecrets])]
    #[case::writes_secrets_only(&["create"], &[""], &["secrets"], &[Power::WritesNamespaced])]
    #[case::exec(&["create"], &[""], &["pods/exec"], &[Power::EntersPods, Power::WritesNamespaced])]
    #[case::exec_by_get(&["get"], &[""], &["pods/exec"], &[Power::EntersPods])]
    #[case::exec_listed(&["list"], &[""], &["pods/exec"], &[])]
    #[case::exec_of_another_group(&["create"], &["apps"], &["pods/exec"], &[Power::WritesNamespaced])]
    #[case::ephemeral(&["patch"], &[""], &["pods/ephemeralcontainers"], &[Power::EntersPods, Power::WritesNamespaced])]
    #[case::tokens(&["create"], &[""], &["serviceaccounts/token"], &[Power::IssuesTokens, Power::WritesNamespaced])]
    #[case::own(&["*"], &["acme.example"], &["*"], &[Power::OwnWildcard, Power::WritesNamespaced])]
    #[case::binds(&["bind"], &["rbac.authorization.k8s.io"], &["roles"], &[Power::Escalates])]
    #[case::verbs(&["*"], &["apps"], &["deployments"], &[Power::Wildcard, Power::WritesNamespaced])]
    fn a_rule_gives_what_it_lets_do(
        #[case] verbs: &[&str],
        #[case] groups: &[&str],
        #[case] resources: &[&str],
        #[case] powers: &[Power],
    ) {
        let mut expected = [powers, &COMMON].concat();
        expected.sort();
        assert_eq!(has(verbs, groups, resources), expected);
    }

    #[rstest]
    #[case::nodes(&["get"], &[""], &["nodes"], &[])]
    #[case::kubelets(&["get"], &[""], &["nodes/proxy"], &[Power::ReachesNodes])]
    #[case::webhooks(&["update"], &["admissionregistration.k8s.io"], &["mutatingwebhookconfigurations"], &[Power::WritesWebhooks])]
    #[case::webhooks_read(&["get"], &["admissionregistration.k8s.io"], &["mutatingwebhookconfigurations"], &[])]
    #[case::own(&["update"], &["plimsoll.dev"], &["securitybaselines/status"], &[])]
    #[case::trust(&["list"], &["certificates.k8s.io"], &["clustertrustbundles"], &[])]
    #[case::namespaces_read(&["list"], &[""], &["namespaces"], &[])]
    #[case::namespaces(&["delete"], &[""], &["namespaces"], &[Power::TouchesNamespaced])]
    #[case::people(&["impersonate"], &[""], &["users"], &[Power::Impersonates])]
    #[case::people_in_part(&["impersonate:user-info"], &["authentication.k8s.io"], &["users"], &[Power::Impersonates])]
    fn what_is_cluster_scoped_touches_no_namespace(
        #[case] verbs: &[&str],
        #[case] groups: &[&str],
        #[case] resources: &[&str],
        #[case] powers: &[Power],
    ) {
        let mut expected = [powers, &[Power::BeyondDiscovery]].concat();
        expected.sort();
        assert_eq!(has(verbs, groups, resources), expected);
    }

    #[test]
    fn what_everybody_has_is_not_beyond_discovery() {
        let discovery = [
            json!({"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/healthz", "/version/", "/openapi/*"]}),
            json!({"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]}),
            json!({"verbs": ["get"], "apiGroups": [""], "resources": []}),
            json!({}),
        ];
        assert_eq!(effect(&discovery), Effect::default());
        for more in [
            json!({"verbs": ["get"], "nonResourceURLs": ["/metrics"]}),
            json!({"verbs": ["get"], "nonResourceURLs": ["/apix"]}),
            json!({"verbs": ["get"], "nonResourceURLs": ["/a*"]}),
            json!({"verbs": ["*"], "nonResourceURLs": ["/api"]}),
            json!({"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"]}),
            json!({"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["x"]}),
        ] {
            assert!(
                effect(std::slice::from_ref(&more)).has(Power::BeyondDiscovery),
                "{more}"
            );
        }
    }

    /// By a wildcard a role has the power, and does not name it.
    #[test]
    fn wildcards_give_everything_and_name_nothing() {
        let all = effect(&[json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})]);
        for power in [
            Power::Escalates,
            Power::Impersonates,
            Power::EntersPods,
            Power::ReachesNodes,
            Power::IssuesTokens,
        ] {
            assert!(all.get(power).is_some_and(|grant| !grant.named), "{power:?}");
        }
        assert!(all.has(Power::Everything) && all.has(Power::Wildcard) && !all.has(Power::OwnWildcard));
        let narrowed = effect(&[
            json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["a"]}),
        ]);
        assert!(
            !narrowed.has(Power::Everything)
                && narrowed.get(Power::Wildcard).is_some_and(|grant| grant.narrowed)
        );
    }

    #[test]
    fn ten_thousand_rules_are_counted_and_few_are_kept() {
        let rule = |i: usize| json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": [format!("s{i}")]});
        let rules: Vec<Value> = (0..10_000).map(rule).collect();
        let effect = effect(&rules);
        let grant = effect.get(Power::ReadsSecrets).unwrap();
        assert_eq!(
            (grant.rules, grant.witnesses.len(), grant.narrowed),
            (10_000, WITNESSES, true)
        );
    }

    /// The summary says of each power what the rules answer to the requests it consists of.
    #[test]
    fn the_summary_agrees_with_the_rules() {
        let words: [&[&str]; 3] = [
            &["get", "list", "create", "update", "patch", "delete", "bind", "*"],
            &[
                "",
                "apps",
                "rbac.authorization.k8s.io",
                "admissionregistration.k8s.io",
                "*",
            ],
            &[
                "pods",
                "pods/exec",
                "*/exec",
                "secrets",
                "nodes/proxy",
                "*/proxy",
                "serviceaccounts/token",
                "validatingwebhookconfigurations",
                "*",
            ],
        ];
        for verb in words[0] {
            for group in words[1] {
                for resource in words[2] {
                    let rule: Rule = serde_json::from_value(
                        json!({"verbs": [verb], "apiGroups": [group], "resources": [resource]}),
                    )
                    .unwrap();
                    let given: Vec<Power> = powers(&rule).into_iter().map(|(power, _)| power).collect();
                    let may = |verbs: &[&str], group: &str, resource: &str, sub: &str| {
                        verbs.iter().any(|verb| allows(&rule, verb, group, resource, sub))
                    };
                    let asked = [
                        (Power::EntersPods, may(&["create", "get"], "", "pods", "exec")),
                        (
                            Power::ReachesNodes,
                            may(
                                &["get", "create", "list", "update", "patch", "delete", "bind"],
                                "",
                                "nodes",
                                "proxy",
                            ),
                        ),
                        (
                            Power::IssuesTokens,
                            may(&["create"], "", "serviceaccounts", "token"),
                        ),
                        (Power::ReadsSecrets, may(&READS, "", "secrets", "")),
                        (
                            Power::WritesWebhooks,
                            may(
                                &WRITES,
                                "admissionregistration.k8s.io",
                                "validatingwebhookconfigurations",
                                "",
                            ),
                        ),
                    ];
                    for (power, allowed) in asked {
                        let also = power == Power::EntersPods
                            && may(&["update", "patch"], "", "pods", "ephemeralcontainers");
                        assert_eq!(given.contains(&power), allowed || also, "{power:?} of {rule}");
                    }
                }
            }
        }
    }
}
