//! Facts that several controls share.

mod autoscaler;
mod backends;
mod budgets;
mod covered;
mod denial;
mod desired;
mod domains;
mod encryption;
mod granted;
mod ingress_class;
mod networks;
mod occupied;
mod pod_security;
mod pods;
mod provisioners;

mod quota_room;
mod reach;
mod role;
mod source_groups;
mod standing;
mod template;
mod traffic;
mod unmodelled;
mod writes;

pub use autoscaler::{Autoscaler, Scaler};
pub use backends::{Backend, Backends};
pub use budgets::Budgets;
pub use covered::Covered;
pub use denial::{ClusterDenial, ClusterDenialValue, DirectionDenial, Opened};
pub use desired::{Desired, DesiredValue};
pub use domains::{Domains, DomainsValue, NodeDomain};
pub use encryption::{
    ClassEncryption, ClassValue, DefaultClass, VolumeEncryption, VolumeValue, by_class, class_of,
    is_default_class, volume_of_claim,
};
pub use granted::{Granted, GrantedValue};
pub use ingress_class::{
    ClassController, ControllerOf, DefaultIngressClass, DefaultTlsOptions, TlsSetting, TlsSettings,
};
pub use networks::ClusterNetworks;
pub use occupied::Occupied;
pub use pod_security::{Violators, ViolatorsValue, Witness};
pub use pods::{Pods, PodsValue, Restarted};
pub use provisioners::{
    Encryption, Evidence, Level, Parameters, Place, encryption, evidence, may_encrypt_elsewhere,
};
pub use quota_room::QuotaRoom;
pub(crate) use reach::WaysOut;
pub use reach::{ExitList, NamespaceReach, Openings, SourcesOf};
pub use role::{
    Aggregator, Aggregators, AllPowerful, AllPowerfulValue, PowersValue, RoleEffect, RolePowers, RoleValue,
};
pub use source_groups::{
    Group, GroupBy, Membership, NamespaceGroups, SourceGroups, SourceGroupsValue, SourcesBeside,
    SourcesBesideValue,
};
pub use standing::{EnvironmentLabel, Standing, StandingValue};
pub use template::{pod_labels, pod_template, template_owner};
pub use traffic::{IsNamespaceLabel, OnHostNetwork, PodRanges, SelectsPods, Spokesman, pod_ranges};
pub use unmodelled::UnmodelledPolicy;
pub use writes::{WritesIn, WritesInValue};
