//! What somebody asks to do.

/// A request as the authorizer sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// For an object or a collection of them.
    Resource(ResourceRequest<'a>),
    /// For a path that is no resource, such as `/metrics`.
    NonResource {
        /// The HTTP method in lower case.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// A request for an object or a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ResourceRequest<'a> {
    /// `get`, `list`, `create` …
    pub verb: &'a str,
    /// API group, empty for the core group.
    pub group: &'a str,
    /// Resource in the plural.
    pub resource: &'a str,
    /// Subresource; empty for the resource itself.
    pub subresource: &'a str,
    /// Namespace; empty for cluster-scoped resources and for all namespaces at once.
    pub namespace: &'a str,
    /// Name of the object; empty where the request names none (`list`, mostly `create`).
    pub name: &'a str,
}

impl Request<'_> {
    /// The namespace whose RoleBindings count beside the ClusterRoleBindings; empty for none.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Resource(request) => request.namespace,
            Self::NonResource { .. } => "",
        }
    }
}
