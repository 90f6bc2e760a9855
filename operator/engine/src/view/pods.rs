//! Pods and workloads as groups: whoever reads one is not run by every pod of a namespace.

use std::sync::Arc;

use super::{SpreadRelease, View};
use crate::{
    decode::Object,
    dep::Dep,
    inventory::{Group, IndexKey, Release, Violated},
    kind::{Kind, KindSet},
    labels::Labels,
    name::ObjRef,
    object::ADMIN_POLICIES,
    podsecurity::Checks,
    reach::{NAME_LABEL, Pods, pods_of},
    unknown::Unknown,
    workload::WORKLOADS,
};

impl<'a> View<'a> {
    /// The pods of a namespace by the objects that stand for them: a workload for all of its own. Nobody runs when a workload
    /// changes in what policies cannot see.
    pub fn pods_in(&self, namespace: &Arc<str>) -> Result<Vec<Pods>, Unknown> {
        self.read_workloads(|| Dep::speech(namespace))?;
        for kind in WORKLOADS {
            self.all_parsed(*kind, namespace)?;
        }
        let inventory = self.world.inventory;
        let objects = self.objects(inventory.indexed(&IndexKey::Speaks(namespace.clone())));
        Ok(objects.into_iter().filter_map(pods_of).collect())
    }

    /// The values of a watched label (one that names tenants or environments under some baseline) among the top-most
    /// workloads of a namespace or, for the empty namespace, among all Namespaces. One event in a namespace of 10,000
    /// workloads that all carry the same value runs nobody: only the first and the last workload with a value do.
    ///
    /// Also tells why the values may not be all, where a kind cannot be seen as a whole.
    pub fn label_values(&self, namespace: &str, key: &str) -> (Vec<&'a Arc<str>>, Result<(), Unknown>) {
        let group = Group::LabelValues(namespace.into(), key.into());
        let complete = self.read_labelled(|| Dep::group(&group), namespace);
        (self.world.inventory.members(&group).collect(), complete)
    }

    /// The objects behind one of [`View::label_values`]: of kinds that cannot be read at all, none.
    pub fn labelled(&self, namespace: &str, key: &str, value: &str) -> Vec<&'a Object> {
        let key = IndexKey::Labelled(namespace.into(), key.into(), value.into());
        _ = self.read_labelled(|| Dep::index(&key), namespace);
        let inventory = self.world.inventory;
        let readable = |kind: Kind| inventory.coverage(kind).proves_presence(kind).is_ok();
        self.objects(inventory.indexed(&key).filter(|name| readable(name.kind())))
    }

    /// What one deployment of a tool (Helm, Argo CD) installed in several namespaces under one ServiceAccount name, and in
    /// which; also why that may not be all.
    pub fn spread_releases(&self) -> (Vec<SpreadRelease<'a>>, Result<(), Unknown>) {
        let complete = self.read_workloads(Dep::spread_releases);
        let inventory = self.world.inventory;
        let releases = inventory.spread_releases().map(|release| {
            let group = Group::ReleaseNamespaces(release.clone());
            self.record(|| Dep::group(&group));
            (release, inventory.members(&group).collect())
        });
        (releases.collect(), complete)
    }

    /// The workloads of a release in one namespace.
    pub fn released(&self, release: &Release, namespace: &str) -> Vec<&'a Object> {
        let key = IndexKey::Released(release.clone(), namespace.into());
        _ = self.read_workloads(|| Dep::index(&key));
        let inventory = self.world.inventory;
        let readable = |kind: Kind| inventory.coverage(kind).proves_presence(kind).is_ok();
        self.objects(inventory.indexed(&key).filter(|name| readable(name.kind())))
    }

    /// The sets of Pod Security checks that the pods of a namespace violate.
    pub(crate) fn violated(&self, namespace: &Arc<str>) -> Result<Violated, Unknown> {
        self.read_workloads(|| Dep::group(&Group::Violations(namespace.clone())))?;
        for kind in WORKLOADS {
            self.all_parsed(*kind, namespace)?;
        }
        Ok(self.world.inventory.violated(namespace))
    }

    /// The first workloads whose pods violate exactly these checks, by name, and how many there are.
    pub(crate) fn violating(
        &self,
        namespace: &Arc<str>,
        checks: Checks,
        most: usize,
    ) -> Result<(Vec<&'a ObjRef>, usize), Unknown> {
        let key = IndexKey::Violating(namespace.clone(), checks);
        self.read_workloads(|| Dep::index(&key))?;
        let names = self.world.inventory.indexed(&key);
        let count = names.len();
        // The key is ours for the moment only; the names are the inventory's.
        let first = names.take(most).filter_map(|name| self.world.inventory.get(name));
        Ok((first.map(|object| &object.name).collect(), count))
    }

    /// The labels of a namespace that decide anything beyond it: those whose keys policies select namespaces by, or that name
    /// tenants and environments. Notes that somebody hangs on a namespace run nobody.
    pub(crate) fn deciding_labels(&self, object: &Object) -> Labels {
        let decides = |key: &str| {
            let group = Group::NamedLabel(key.into());
            for kind in [Kind::NetworkPolicy].iter().chain(ADMIN_POLICIES) {
                self.enforce(KindSet::of(&[*kind]), kind.info().kind);
            }
            self.record(|| Dep::group(&group));
            self.world.inventory.is_named(&group, key)
        };
        // Its name is known anyway.
        object.meta.labels.only(|key| key != NAME_LABEL && decides(key))
    }

    fn read_labelled(&self, dep: impl FnOnce() -> Dep, namespace: &str) -> Result<(), Unknown> {
        if namespace.is_empty() {
            self.read(dep, Kind::Namespace);
            let coverage = self.world.inventory.coverage(Kind::Namespace);
            return coverage.proves_absence(Kind::Namespace);
        }
        self.read_workloads(dep)
    }

    fn read_workloads(&self, dep: impl FnOnce() -> Dep) -> Result<(), Unknown> {
        let mut complete = Ok(());
        self.record(dep);
        for kind in WORKLOADS {
            self.enforce(KindSet::of(&[*kind]), kind.info().kind);
            complete = complete.and(self.world.inventory.coverage(*kind).proves_absence(*kind));
        }
        complete
    }
}
