//! What an object names: Services in its texts, hosts it stands for, backends of routes, namespaces it lets in.

use plimsoll_engine::{
    control::{Unit, project},
    decode::Object,
    kind::Kind,
    object::{HttpRoute, Projection, ReferenceGrant, Service},
    texts::{Mark, Part, Place, Sign, services},
    unknown::Unknown,
    view::View,
};

/// One name of something in a namespace.
pub(super) struct Reference {
    /// Where it stands.
    pub(super) path: String,
    /// What names it, in words.
    pub(super) what: String,
    /// The Service; empty where a namespace as a whole is named.
    pub(super) service: Box<str>,
    /// The namespace.
    pub(super) namespace: Box<str>,
}

impl Reference {
    /// What is named, as DNS has it.
    pub(super) fn host(&self) -> String {
        if self.service.is_empty() {
            format!("namespace {}", self.namespace)
        } else {
            format!("{}.{}", self.service, self.namespace)
        }
    }

    /// Whether it is the API server, which every pod of every environment may name: it is in the annotation of the
    /// `kube-root-ca.crt` of each namespace.
    fn is_api_server(&self) -> bool {
        (&*self.service, &*self.namespace) == ("kubernetes", "default")
    }
}

/// Everything a unit names; also why there may be more.
pub(super) fn references(unit: &Unit<'_>, view: &View<'_>) -> (Vec<Reference>, Result<(), Unknown>) {
    let (mut found, complete) = all(unit, view);
    found.retain(|reference| !reference.is_api_server());
    (found, complete)
}

fn all(unit: &Unit<'_>, view: &View<'_>) -> (Vec<Reference>, Result<(), Unknown>) {
    let object = match unit.object() {
        Ok(object) => object,
        Err(unknown) => return (Vec::new(), Err(unknown)),
    };
    match object.name.kind() {
        Kind::HttpRoute => of_body(object, |route: &HttpRoute| backends(route)),
        Kind::ReferenceGrant => of_body(object, |grant: &ReferenceGrant| grants(grant)),
        Kind::Service => {
            let (mut found, read) = of_body(object, |service: &Service| external_name(service));
            let (texts, complete) = in_texts(view, object);
            found.extend(texts);
            (found, read.and(complete))
        }
        _ => in_texts(view, object),
    }
}

fn of_body<T: Projection>(
    object: &Object,
    find: impl FnOnce(&T) -> Vec<Reference>,
) -> (Vec<Reference>, Result<(), Unknown>) {
    match project::<T>(object) {
        Ok(body) => (find(body), Ok(())),
        Err(unparsed) => (Vec::new(), Err(unparsed)),
    }
}

fn in_texts(view: &View<'_>, object: &Object) -> (Vec<Reference>, Result<(), Unknown>) {
    let (seen, mut complete) = view.hosts(object);
    let mut found = Vec::new();
    for (place, mark) in &seen {
        match &mark.sign {
            Sign::Host(host) => found.extend(in_text(place, mark, host)),
            Sign::More => {
                let why = format!("{} names more hosts than are kept", object.name);
                complete = complete.and(Err(Unknown::new("TooManyHosts", why)));
            }
            Sign::Named { .. } | Sign::Shaped { .. } => {}
        }
    }
    (found, complete)
}

fn in_text(place: &Place<'_>, mark: &Mark, host: &str) -> Option<Reference> {
    let (service, namespace) = host.split_once('.')?;
    let (key, container) = (&mark.key, place.container.unwrap_or_default());
    let what = match place.part {
        Part::Env => format!("variable {key} of container {container}"),
        Part::Command => format!("the command of container {container}"),
        Part::Args => format!("the arguments of container {container}"),
        Part::Data | Part::BinaryData => format!("key {key}"),
        Part::Annotations | Part::PodAnnotations => format!("annotation {key}"),
    };
    Some(Reference {
        path: place.path(key),
        what,
        service: service.into(),
        namespace: namespace.into(),
    })
}

fn external_name(service: &Service) -> Vec<Reference> {
    let hosts = service.stands_for().into_iter().flat_map(services);
    hosts
        .map(|(service, namespace)| Reference {
            path: "spec.externalName".into(),
            what: "externalName".into(),
            service: service.into(),
            namespace: namespace.into(),
        })
        .collect()
}

fn backends(route: &HttpRoute) -> Vec<Reference> {
    let rules = route.spec.rules.iter().flatten().enumerate();
    rules
        .flat_map(|(i, rule)| {
            rule.backends_elsewhere().map(move |backend| Reference {
                path: format!("spec.rules[{i}]"),
                what: "a backend".into(),
                service: backend.name.clone(),
                namespace: backend.namespace.clone(),
            })
        })
        .collect()
}

fn grants(grant: &ReferenceGrant) -> Vec<Reference> {
    let from = grant.spec.from.iter().flatten().enumerate();
    from.map(|(i, from)| Reference {
        path: format!("spec.from[{i}]"),
        what: format!("what admits a {}", from.kind),
        service: Box::default(),
        namespace: from.namespace.clone(),
    })
    .collect()
}
