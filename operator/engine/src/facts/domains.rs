//! Failure domains: the values of a node label such as `topology.kubernetes.io/zone`.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    fact::Fact,
    kind::{Kind, KindSet},
    name::ObjRef,
    unknown::Unknown,
    view::View,
};

/// The domain of one node; `None` where the node is gone or lacks the label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeDomain {
    /// The node.
    pub node: Arc<str>,
    /// The label.
    pub key: Arc<str>,
}

impl Fact for NodeDomain {
    const READS: KindSet = KindSet::of(&[Kind::Node]);
    type Value = Option<Box<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Option<Box<str>>, Unknown> {
        let node = view.object(&ObjRef::cluster(Kind::Node, &*self.node))?;
        Ok(node.and_then(|n| n.meta.labels.get(&self.key)).map(Box::from))
    }
}

/// All domains of the cluster.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Domains {
    /// The label.
    pub key: Arc<str>,
}

/// The domains of the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DomainsValue {
    /// The values that occur.
    pub domains: BTreeSet<Box<str>>,
    /// Whether some node lacks the label.
    pub unlabelled: bool,
    /// Whether there is any node at all: a scan of manifests sees none.
    pub nodes: bool,
}

impl Fact for Domains {
    const READS: KindSet = KindSet::of(&[Kind::Node]);
    type Value = DomainsValue;

    fn compute(&self, view: &View<'_>) -> Result<DomainsValue, Unknown> {
        let mut value = DomainsValue::default();
        for node in view.all(Kind::Node)? {
            value.nodes = true;
            match node.meta.labels.get(&self.key) {
                Some(domain) => _ = value.domains.insert(domain.into()),
                None => value.unlabelled = true,
            }
        }
        Ok(value)
    }
}
