//! The ends of connections: workloads, and addresses outside the cluster.

use anyhow::{Result, bail};
use plimsoll_engine::{
    name::ObjRef,
    reach::{Addresses, Class, Local, Reach, Site},
};

/// Which ends are asked for.
pub(super) enum Which {
    /// All of them.
    All,
    /// Workloads of a namespace, or one of them by name.
    Workloads(String, Option<String>),
    /// Addresses outside the cluster.
    Block(Block),
}

/// Addresses outside the cluster, as they were written.
pub(super) struct Block {
    pub(super) text: String,
    pub(super) addresses: Addresses,
}

/// One end.
#[derive(Clone, Copy)]
pub(super) enum End<'a> {
    /// The pods of a workload.
    Workload(&'a ObjRef, &'a Local, &'a Class),
    /// Addresses outside the cluster.
    Outside(&'a Block),
}

impl Which {
    /// Reads an option. No namespace is called like an address: names of namespaces hold neither dots nor colons.
    pub(super) fn parse(option: &str, text: Option<&str>) -> Result<Self> {
        let Some(text) = text else { return Ok(Self::All) };
        if let Some(block) = Block::parse(text) {
            return Ok(Self::Block(block));
        }
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                let name = (name != "*").then(|| name.to_owned());
                Ok(Self::Workloads(namespace.to_owned(), name))
            }
            _ => bail!(
                "{option} {text}: expected NAMESPACE/NAME, NAMESPACE/*, or addresses such as 203.0.113.0/24"
            ),
        }
    }

    /// Whether one single workload or block is asked for.
    pub(super) const fn is_one(&self) -> bool {
        matches!(self, Self::Workloads(_, Some(_)) | Self::Block(_))
    }

    pub(super) const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The workloads asked for; an error where there are none.
    pub(super) fn workloads<'a>(&'a self, option: &str, reach: &'a Reach) -> Result<Vec<End<'a>>> {
        let mut found: Vec<End<'a>> = workloads(reach)
            .filter(|(name, ..)| match self {
                Self::All => true,
                Self::Workloads(namespace, wanted) => {
                    name.namespace() == Some(namespace)
                        && wanted.as_ref().is_none_or(|wanted| wanted == name.name())
                }
                Self::Block(_) => false,
            })
            .map(|(name, local, class)| End::Workload(name, local, class))
            .collect();
        found.sort_by_key(End::key);
        if let (Self::Workloads(namespace, name), true) = (self, found.is_empty()) {
            let name = name.as_deref().unwrap_or("*");
            bail!(
                "{option} {namespace}/{name}: no such workload{}",
                near(reach, namespace, name)
            );
        }
        if let Self::Block(block) = self {
            found.push(End::Outside(block));
        }
        Ok(found)
    }
}

fn workloads(reach: &Reach) -> impl Iterator<Item = (&ObjRef, &Local, &Class)> {
    reach.locals().flat_map(|local| {
        let classes = local.classes.iter();
        classes.flat_map(move |class| class.members.iter().map(move |name| (name, &**local, class)))
    })
}

/// What may have been meant.
fn near(reach: &Reach, namespace: &str, name: &str) -> String {
    const SHOWN: usize = 10;
    let all = || workloads(reach).map(|(object, ..)| object);
    let named = all().filter(|object| object.name() == name);
    let mut close: Vec<String> = named
        .map(|object| format!("{}/{}", object.namespace().unwrap_or_default(), name))
        .collect();
    if close.is_empty() {
        let here = all().filter(|object| object.namespace() == Some(namespace));
        close = here
            .map(|object| format!("{namespace}/{}", object.name()))
            .collect();
    }
    close.sort_unstable();
    close.dedup();
    let more = close.len().saturating_sub(SHOWN);
    close.truncate(SHOWN);
    match (close.is_empty(), more) {
        (true, _) => "; pods go by the name of the workload that runs them".into(),
        (false, 0) => format!("; there is: {}", close.join(", ")),
        (false, more) => format!("; there is: {} and {more} more", close.join(", ")),
    }
}

impl Block {
    /// Addresses (`203.0.113.7`) or a range of them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self {
            addresses: Addresses::parse([text])?,
            text: text.to_owned(),
        })
    }
}

impl<'a> End<'a> {
    pub(super) const fn site(self) -> Site<'a> {
        match self {
            Self::Workload(_, local, class) => Site::Pods(local, class),
            Self::Outside(block) => Site::Outside(&block.addresses),
        }
    }

    pub(super) const fn is_outside(&self) -> bool {
        matches!(self, Self::Outside(_))
    }

    /// Its namespace, kind and name.
    pub(super) fn name(&self) -> (Option<&'a str>, &'static str, &'a str) {
        match self {
            Self::Workload(name, ..) => (name.namespace(), name.kind().info().kind, name.name()),
            Self::Outside(block) => (None, "IPBlock", &block.text),
        }
    }

    /// What it is sorted by.
    fn key(&self) -> (String, String, &'static str) {
        let (namespace, kind, name) = self.name();
        (namespace.unwrap_or_default().to_owned(), name.to_owned(), kind)
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Workload(name, ..) => name.to_string(),
            Self::Outside(block) => block.text.clone(),
        }
    }
}
