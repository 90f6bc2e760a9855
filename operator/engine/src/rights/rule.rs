//! Policy rules and what they allow, as the API server's RBAC authorizer decides it
//! (`pkg/apis/rbac/v1/evaluation_helpers.go`).

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer};

use super::{request::Request, words::Words};

/// One rule: everything listed, in every combination. All comparisons are letter for letter; `*` stands for all.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Verbs.
    #[serde(default)]
    pub verbs: Words,
    /// API groups; the core group is `""`.
    #[serde(default)]
    pub api_groups: Words,
    /// Resources in the plural, with a subresource as `pods/exec`; `*/scale` is that subresource of everything, `*` every
    /// resource with all subresources.
    #[serde(default)]
    pub resources: Words,
    /// Names of objects; none means every object.
    #[serde(default)]
    pub resource_names: Words,
    /// Paths that are no resources, such as `/metrics`; one that ends in `*` is a prefix.
    #[serde(default, rename = "nonResourceURLs")]
    pub non_resource_urls: Words,
}

impl Rule {
    /// Whether the rule alone allows a request.
    pub fn allows(&self, request: &Request<'_>) -> bool {
        match request {
            Request::Resource(r) => {
                self.verbs.covers(r.verb)
                    && self.api_groups.covers(r.group)
                    && self.covers_resource(r.resource, r.subresource)
                    && (self.resource_names.is_empty() || self.resource_names.contains(r.name))
            }
            Request::NonResource { verb, path } => self.verbs.covers(verb) && self.covers_path(path),
        }
    }

    /// Whether a resource is among those listed; `subresource` is empty for the resource itself.
    pub fn covers_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|listed| match listed.split_once('/') {
            _ if listed == super::words::ANY => true,
            None => subresource.is_empty() && listed == resource,
            Some((of, sub)) => {
                let part_of = of == resource || of == super::words::ANY;
                !subresource.is_empty() && part_of && sub == subresource
            }
        })
    }

    fn covers_path(&self, path: &str) -> bool {
        self.non_resource_urls.iter().any(|listed| {
            listed == path || (listed.ends_with('*') && path.starts_with(listed.trim_end_matches('*')))
        })
    }

    /// Whether it says anything of resources: a rule that lacks verbs, groups or resources allows nothing of them.
    pub fn is_about_resources(&self) -> bool {
        !self.verbs.is_empty() && !self.api_groups.is_empty() && !self.resources.is_empty()
    }

    /// Whether it allows everything there is in the API, as `cluster-admin` does.
    pub fn allows_everything(&self) -> bool {
        let any = [&self.verbs, &self.api_groups, &self.resources];
        any.iter().all(|words| words.is_any()) && self.resource_names.is_empty()
    }
}

/// `verbs [create], apiGroups [""], resources [pods/exec]`: of long lists the first few.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "verbs {}", self.verbs)?;
        let rest = [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.non_resource_urls),
        ];
        for (field, words) in rest.iter().filter(|(_, words)| !words.is_empty()) {
            write!(f, ", {field} {words}")?;
        }
        Ok(())
    }
}

/// The rules of one role, shared between roles that have the same: a role that every tenant namespace holds a copy of is
/// held once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rules(Option<Arc<[Rule]>>);

impl Rules {
    /// The rules, in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.0.as_deref().unwrap_or_default().iter()
    }

    /// How many share them.
    pub(crate) fn shared_by(&self) -> usize {
        self.0.as_ref().map_or(1, Arc::strong_count)
    }
}

impl<'r> IntoIterator for &'r Rules {
    type Item = &'r Rule;
    type IntoIter = std::slice::Iter<'r, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let rules: Option<Vec<Option<Rule>>> = Option::deserialize(d)?;
        let rules: Vec<Rule> = rules
            .into_iter()
            .flatten()
            .map(Option::unwrap_or_default)
            .collect();
        Ok(Self((!rules.is_empty()).then(|| rules.into())))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::rights::request::ResourceRequest;

    fn rule(value: serde_json::Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    fn ask<'a>(verb: &'a str, group: &'a str, resource: &'a str, name: &'a str) -> Request<'a> {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Request::Resource(ResourceRequest {
            verb,
            group,
            resource,
            subresource,
            namespace: "shop",
            name,
        })
    }

    #[rstest]
    #[case::exact(json!(["pods"]), "pods", true)]
    #[case::subresource_is_another(json!(["pods"]), "pods/exec", false)]
    #[case::resource_is_not_its_subresource(json!(["pods/exec"]), "pods", false)]
    #[case::subresource(json!(["pods/exec"]), "pods/exec", true)]
    #[case::any(json!(["*"]), "pods/exec", true)]
    #[case::any_with_subresource(json!(["*/scale"]), "deployments/scale", true)]
    #[case::any_with_other_subresource(json!(["*/scale"]), "deployments/status", false)]
    #[case::any_with_subresource_is_not_the_resource(json!(["*/scale"]), "scale", false)]
    #[case::no_other_pattern(json!(["po*", "pods/*", "*/*"]), "pods/exec", false)]
    fn resources_match_as_upstream(
        #[case] resources: serde_json::Value,
        #[case] asked: &str,
        #[case] allowed: bool,
    ) {
        let rule = rule(json!({"verbs": ["get"], "apiGroups": [""], "resources": resources}));
        assert_eq!(rule.allows(&ask("get", "", asked, "web")), allowed);
    }

    #[test]
    fn names_verbs_and_groups_must_match() {
        let named = rule(
            json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*"], "resourceNames": ["web"]}),
        );
        assert!(named.allows(&ask("get", "apps", "deployments", "web")));
        assert!(!named.allows(&ask("get", "apps", "deployments", "db")));
        // A list names no object.
        assert!(!named.allows(&ask("get", "apps", "deployments", "")));
        assert!(!named.allows(&ask("list", "apps", "deployments", "web")));
        assert!(!named.allows(&ask("get", "", "pods", "web")));
        assert!(!rule(json!({"verbs": ["*"], "resources": ["*"]})).allows(&ask("get", "", "pods", "")));
    }

    #[rstest]
    #[case("/metrics", "/metrics", true)]
    #[case("/metrics", "/metrics/x", false)]
    #[case("/apis/*", "/apis/apps", true)]
    #[case("/apis/*", "/apis", false)]
    #[case("/ap*", "/apis", true)]
    #[case("/a**", "/apis", true)]
    #[case("*", "/anything", true)]
    #[case("/*/x", "/a/x", false)]
    fn paths_match_exactly_or_by_prefix(#[case] listed: &str, #[case] path: &str, #[case] allowed: bool) {
        let rule = rule(json!({"verbs": ["get"], "nonResourceURLs": [listed]}));
        assert_eq!(rule.allows(&Request::NonResource { verb: "get", path }), allowed);
        assert!(!rule.allows(&ask("get", "", "pods", "")));
    }

    #[test]
    fn a_rule_reads_as_a_person_would_write_it() {
        let rule = rule(
            json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]}),
        );
        assert_eq!(
            rule.to_string(),
            "verbs [get, list], apiGroups [\"\"], resources [secrets], resourceNames [a]"
        );
    }
}
