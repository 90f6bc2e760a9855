//! The labels by which namespaces are told apart, remembered as they were first seen.

use std::sync::Arc;

use super::{Engine, settle::Grace};
use crate::{control::project, dep::Dep, labels::Labels, object::Namespace};

impl Engine {
    /// Remembers the first valid labels of namespaces that changed. Only a live engine remembers.
    pub(super) fn observe_namespaces(&mut self) {
        for name in std::mem::take(&mut self.observed) {
            let Some(object) = self.inventory.get(&name).filter(|_| self.grace != Grace::Never) else {
                continue;
            };
            // Of one that cannot be read it is not known which it is: it is taken for the same as before.
            let forgotten = project::<Namespace>(object)
                .map(|namespace| self.memory.observe_namespace(name.name(), namespace.uid()))
                .unwrap_or_default();
            let mut changed = forgotten.labels;
            let labels = object.meta.labels.clone();
            for baseline in self.plan.baselines() {
                let settings = &baseline.settings;
                let environment = settings
                    .environment_label(&labels)
                    .and_then(|value| settings.normalise(value))
                    .map(|value| (settings.environment_key(), value));
                let tenant = settings
                    .tenant_label(&labels)
                    .map(|(_, tenant)| (settings.tenant_key(), tenant.into()));
                for (key, value) in environment.into_iter().chain(tenant) {
                    if self.memory.observe_label(key, name.name(), &value) {
                        changed.push(key.to_owned());
                    }
                }
            }
            self.file_under_tenants(name.name(), &labels);
            // Another baseline may read the same label and hold other values for valid.
            self.touch_first_seen(name.name(), &changed);
            self.touch_deps(forgotten.probes);
            if forgotten.restores {
                self.touch_restores(name.name());
            }
        }
    }

    /// Files a namespace under its tenant, by baseline: the first one seen stays in force, as it does for controls.
    pub(super) fn file_under_tenants(&mut self, namespace: &str, labels: &Labels) {
        for baseline in self.plan.baselines() {
            let settings = &baseline.settings;
            let first = self.memory.first_label(settings.tenant_key(), namespace);
            let tenant = first.or_else(|| settings.tenant_label(labels).map(|(_, tenant)| tenant));
            self.ledger
                .set_tenant(&settings.baseline, namespace, tenant.map(Arc::from));
        }
    }

    pub(super) fn touch_first_seen(&mut self, namespace: &str, keys: &[String]) {
        let deps = keys.iter().map(|key| Dep::first_seen(key, namespace));
        self.touch_deps(deps.collect());
    }
}
