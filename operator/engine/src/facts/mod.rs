//! Facts that several controls share.

mod autoscaler;
mod budgets;
mod covered;
mod desired;
mod domains;
mod occupied;
mod pods;
mod quota_room;
mod standing;
mod template;
mod unmodelled;

pub use autoscaler::{Autoscaler, Scaler};
pub use budgets::Budgets;
pub use covered::Covered;
pub use desired::{Desired, DesiredValue};
pub use domains::{Domains, DomainsValue, NodeDomain};
pub use occupied::Occupied;
pub use pods::{Pods, PodsValue};
pub use quota_room::QuotaRoom;
pub use standing::{EnvironmentLabel, Standing, StandingValue};
pub use template::{pod_labels, pod_template, template_owner};
pub use unmodelled::UnmodelledPolicy;
