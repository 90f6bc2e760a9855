//! Who is bound, and who asks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

const ACCOUNT: &str = "system:serviceaccount:";
const ACCOUNTS: &str = "system:serviceaccounts";
const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";
const ANONYMOUS: &str = "system:anonymous";
const GROUP: &str = "rbac.authorization.k8s.io";

/// A subject of a binding. A user whose name is that of a ServiceAccount is that ServiceAccount.
///
/// Written and read as `system:serviceaccount:NAMESPACE:NAME`, `User/NAME` or `Group/NAME`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// A person, or whatever else authenticates under this name.
    User(Box<str>),
    /// Everybody whose token or certificate names the group, or to whom the API server gives it.
    Group(Box<str>),
    /// A ServiceAccount.
    ServiceAccount {
        /// Its namespace; empty where the binding names none: then it is that of a RoleBinding.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
    },
}

/// Whom a subject stands for beyond itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crowd<'a> {
    /// Nobody.
    None,
    /// Every ServiceAccount of a namespace, also those to come.
    AccountsOf(&'a str),
    /// Every ServiceAccount of the cluster.
    Accounts,
    /// Everybody who is known, every ServiceAccount included.
    Authenticated,
    /// Whoever can reach the API server.
    Anonymous,
}

impl Subject {
    /// Whom it stands for beyond itself.
    pub fn crowd(&self) -> Crowd<'_> {
        match self {
            Self::User(name) if **name == *ANONYMOUS => Crowd::Anonymous,
            Self::Group(name) => match &**name {
                UNAUTHENTICATED => Crowd::Anonymous,
                AUTHENTICATED => Crowd::Authenticated,
                ACCOUNTS => Crowd::Accounts,
                name => match name
                    .strip_prefix(ACCOUNTS)
                    .and_then(|rest| rest.strip_prefix(':'))
                {
                    Some(namespace) => Crowd::AccountsOf(namespace),
                    None => Crowd::None,
                },
            },
            _ => Crowd::None,
        }
    }

    /// The namespace whose ServiceAccount, or ServiceAccounts, it is. `default` is that of the RoleBinding, empty for a
    /// ClusterRoleBinding.
    pub fn namespace<'a>(&'a self, default: &'a str) -> Option<&'a str> {
        let namespace = match (self, self.crowd()) {
            (Self::ServiceAccount { namespace, .. }, _) if namespace.is_empty() => default,
            (Self::ServiceAccount { namespace, .. }, _) => namespace,
            (_, Crowd::AccountsOf(namespace)) => namespace,
            _ => "",
        };
        (!namespace.is_empty()).then_some(namespace)
    }

    /// Whether it is a part of Kubernetes itself (`system:masters`, `system:nodes`, `system:kube-scheduler`), and neither a
    /// ServiceAccount nor a crowd.
    pub fn is_system(&self) -> bool {
        match self {
            Self::User(name) | Self::Group(name) => {
                name.starts_with("system:") && self.crowd() == Crowd::None
            }
            Self::ServiceAccount { .. } => false,
        }
    }

    /// The same subject with its namespace spelt out.
    #[must_use]
    pub fn in_namespace(&self, default: &str) -> Self {
        match self {
            Self::ServiceAccount { namespace, name } if namespace.is_empty() => Self::ServiceAccount {
                namespace: default.into(),
                name: name.clone(),
            },
            other => other.clone(),
        }
    }

    /// Its `name`, as the binding has it.
    pub fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Group(name) | Self::ServiceAccount { name, .. } => name,
        }
    }

    /// The item of `subjects`, as the API server stores it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::User(name) => json!({"apiGroup": GROUP, "kind": "User", "name": name}),
            Self::Group(name) => json!({"apiGroup": GROUP, "kind": "Group", "name": name}),
            Self::ServiceAccount { namespace, name } => {
                json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
            }
        }
    }

    fn user(name: Box<str>) -> Self {
        match name.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':')) {
            Some((namespace, account)) if !namespace.is_empty() => Self::ServiceAccount {
                namespace: namespace.into(),
                name: account.into(),
            },
            _ => Self::User(name),
        }
    }

    /// Whether it stands for this identity. `namespace` is that of the binding, empty for a ClusterRoleBinding.
    pub fn is(&self, who: &Identity, namespace: &str) -> bool {
        match self {
            Self::User(name) => *who.user == **name,
            Self::Group(name) => who.groups.iter().any(|group| **group == **name),
            Self::ServiceAccount { name, .. } => self.namespace(namespace).is_some_and(|namespace| {
                let account = who
                    .user
                    .strip_prefix(ACCOUNT)
                    .and_then(|rest| rest.strip_prefix(namespace));
                account.and_then(|rest| rest.strip_prefix(':')) == Some(&**name)
            }),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "User/{name}"),
            Self::Group(name) => write!(f, "Group/{name}"),
            Self::ServiceAccount { namespace, name } => write!(f, "{ACCOUNT}{namespace}:{name}"),
        }
    }
}

/// A text that names no subject.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} names no subject, expected system:serviceaccount:NAMESPACE:NAME, User/NAME or Group/NAME")]
pub struct SubjectError(String);

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let account = text.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':'));
        let named = |(kind, name): (&str, &str)| match kind {
            "User" => Some(Self::user(name.into())),
            "Group" => Some(Self::Group(name.into())),
            _ => None,
        };
        let subject = match account {
            Some((namespace, name)) if !namespace.is_empty() && !name.contains(':') => {
                Some(Self::ServiceAccount {
                    namespace: namespace.into(),
                    name: name.into(),
                })
            }
            Some(_) => None,
            None => text.split_once('/').and_then(named),
        };
        subject
            .filter(|subject| !subject.name().is_empty())
            .ok_or_else(|| SubjectError(text.to_owned()))
    }
}

#[derive(Deserialize)]
struct Wire {
    kind: Box<str>,
    name: Box<str>,
    #[serde(default)]
    namespace: Option<Box<str>>,
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(d)?;
        match &*wire.kind {
            "User" => Ok(Self::user(wire.name)),
            "Group" => Ok(Self::Group(wire.name)),
            "ServiceAccount" => Ok(Self::ServiceAccount {
                namespace: wire.namespace.unwrap_or_default(),
                name: wire.name,
            }),
            other => Err(de::Error::unknown_variant(
                other,
                &["User", "Group", "ServiceAccount"],
            )),
        }
    }
}

/// Somebody who asks, as the authenticator tells it: a user name and groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// User name.
    pub user: Box<str>,
    /// Every group, those that the API server adds included.
    pub groups: Vec<Box<str>>,
}

impl Identity {
    /// Exactly this name and these groups.
    pub fn new<'g>(user: &str, groups: impl IntoIterator<Item = &'g str>) -> Self {
        Self {
            user: user.into(),
            groups: groups.into_iter().map(Box::from).collect(),
        }
    }

    /// A person with the groups that the identity provider names; the API server adds its own.
    pub fn person<'g>(user: &str, groups: impl IntoIterator<Item = &'g str>) -> Self {
        Self::new(user, groups.into_iter().chain([AUTHENTICATED]))
    }

    /// A ServiceAccount, with the groups every ServiceAccount has.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        let of_namespace = format!("{ACCOUNTS}:{namespace}");
        Self::new(
            &format!("{ACCOUNT}{namespace}:{name}"),
            [ACCOUNTS, &of_namespace, AUTHENTICATED],
        )
    }

    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS, [UNAUTHENTICATED])
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("system:serviceaccount:ci:deployer", true)]
    #[case("User/alice@example.com", true)]
    #[case("User/system:serviceaccount:ci:deployer", true)]
    #[case("Group/oidc:team/a", true)]
    #[case("alice", false)]
    #[case("User/", false)]
    #[case("Role/x", false)]
    #[case("system:serviceaccount:ci", false)]
    #[case("system:serviceaccount::deployer", false)]
    #[case("system:serviceaccount:ci:", false)]
    fn subjects_are_written_in_one_way(#[case] text: &str, #[case] valid: bool) {
        let subject = text.parse::<Subject>();
        assert_eq!(subject.is_ok(), valid, "{subject:?}");
        if let Ok(subject) = subject {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
    }

    #[test]
    fn a_user_may_be_a_service_account() {
        let json = r#"{"kind": "User", "name": "system:serviceaccount:ci:deployer"}"#;
        let subject: Subject = serde_json::from_str(json).unwrap();
        assert_eq!(subject, "system:serviceaccount:ci:deployer".parse().unwrap());
        assert!(subject.is(&Identity::service_account("ci", "deployer"), "shop"));
        assert!(!subject.is(&Identity::service_account("ci", "deployer2"), "shop"));
        assert!(!subject.is(&Identity::person("deployer", []), "shop"));
    }

    #[test]
    fn an_account_without_namespace_is_that_of_the_role_binding() {
        let subject: Subject = serde_json::from_str(r#"{"kind": "ServiceAccount", "name": "web"}"#).unwrap();
        assert!(subject.is(&Identity::service_account("shop", "web"), "shop"));
        assert!(!subject.is(&Identity::service_account("shop", "web"), ""));
        assert!(!subject.is(&Identity::service_account("", "web"), ""));
    }

    #[rstest]
    #[case("Group/system:serviceaccounts", Crowd::Accounts)]
    #[case("Group/system:serviceaccounts:ci", Crowd::AccountsOf("ci"))]
    #[case("Group/system:authenticated", Crowd::Authenticated)]
    #[case("Group/system:unauthenticated", Crowd::Anonymous)]
    #[case("User/system:anonymous", Crowd::Anonymous)]
    #[case("Group/system:masters", Crowd::None)]
    #[case("User/system:authenticated", Crowd::None)]
    fn crowds_are_known_by_name(#[case] subject: &str, #[case] crowd: Crowd<'_>) {
        let subject: Subject = subject.parse().unwrap();
        assert_eq!(subject.crowd(), crowd);
        assert_eq!(subject.is_system(), crowd == Crowd::None);
    }

    #[test]
    fn a_subject_of_no_known_kind_is_refused() {
        assert!(serde_json::from_str::<Subject>(r#"{"kind": "Robot", "name": "x"}"#).is_err());
    }
}
