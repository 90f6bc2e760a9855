//! The controls, one folder each: `src/<family>/<control>/{mod.rs, README.md, fixtures/}`.
//!
//! Adding one is a folder and a line below; CONTRIBUTING.md walks through it.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::disallowed_methods
    )
)]

mod presets;
mod shared;

use plimsoll_engine::control::Registry;

pub use presets::presets;

/// Declares the control's module and registers it: the one line a control needs.
macro_rules! controls {
    ($($(#[$doc:meta])* $family:ident { $($control:ident: $Type:ident,)+ })+) => {
        $($(#[$doc])* pub mod $family { $(#[allow(missing_docs, reason = "documented in the module")] pub mod $control;)+ })+

        /// Every control there is.
        pub fn registry() -> Registry {
            Registry::default()$($(.with::<$family::$control::$Type>())+)+
        }
    };
}

controls! {
    /// Who may do what, and what may get at systems and data.
    access {
        cluster_admin_bindings: ClusterAdminBindings,
        least_privilege: LeastPrivilege,
        no_anonymous_access: NoAnonymousAccess,
        no_plaintext_credentials: NoPlaintextCredentials,
    }
    /// Redundancy that survives the loss of a pod, a node, a zone.
    availability {
        replica_redundancy: ReplicaRedundancy,
        self_healing: SelfHealing,
        disruption_budget: DisruptionBudget,
        topology_spread: TopologySpread,
        uptime_slo: UptimeSlo,
    }
    /// Copies of data: made, recent, restorable.
    backup {
        database_scheduled: DatabaseScheduled,
        recent_success: RecentSuccess,
        restore_test: RestoreTest,
        restore_test_isolation: RestoreTestIsolation,
        volume_snapshots: VolumeSnapshots,
    }
    /// Data encrypted in transit and at rest.
    encryption {
        backups_at_rest: BackupsAtRest,
        ingress_tls: IngressTls,
        tls_handshake: TlsHandshake,
        tls_min_version: TlsMinVersion,
        no_plaintext_exposure: NoPlaintextExposure,
        volumes_at_rest: VolumesAtRest,
    }
    /// Staging and production kept apart.
    environments {
        labelled: Labelled,
        network_segregation: NetworkSegregation,
        no_cross_references: NoCrossReferences,
        rbac_segregation: RbacSegregation,
        segregated: Segregated,
    }
    /// Who watches, and who watches the watcher.
    governance {
        continuous_monitoring: ContinuousMonitoring,
    }
    /// Tenants kept apart.
    isolation {
        cross_tenant_traffic: CrossTenantTraffic,
        default_deny: DefaultDeny,
        pod_security: PodSecurity,
        tenant_namespace: TenantNamespace,
        tenant_rbac: TenantRbac,
    }
}
