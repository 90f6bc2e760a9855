//! What controls that probe ask of a baseline alike, and decide alike before anything is probed.

use super::{
    aim::{Aim, HostAddress},
    sites::{Site, sites},
};
use plimsoll_engine::{
    control::Unit,
    duration::Duration,
    finding::Findings,
    probe::{Limits, Net},
    unknown::Unknown,
    view::View,
};

/// Parameters of a control that probes: its own, and those that all of them have. (`serde(flatten)` would do, but errors would no
/// longer tell which field is wrong.)
macro_rules! with_probing {
    ($(#[$meta:meta])* pub struct $Params:ident { $($(#[$field_meta:meta])* pub $field:ident: $Type:ty,)* }) => {
        $(#[$meta])*
        pub struct $Params {
            /// Whether to probe at all. Default: false.
            pub probe: bool,
            /// How long one attempt may take; a server that does not answer the first is offered no more. Default: 5s.
            pub timeout: ::plimsoll_engine::duration::Duration,
            /// How many hosts are probed at all. Default: 500.
            #[schemars(range(min = 1, max = 10000))]
            pub max_hosts: u32,
            /// Addresses that may be probed although they are loopback or link-local, or of the cluster's nodes, pods or
            /// Services. Loopback and link-local addresses are admitted by an entry that names nothing else. Default: none.
            #[schemars(length(max = 64))]
            pub allow_cidrs: Vec<::plimsoll_engine::probe::Net>,
            /// More addresses that must not be probed, such as those of pods and Services where the cluster's objects do not
            /// tell them. Default: none.
            #[schemars(length(max = 64))]
            pub refuse_cidrs: Vec<::plimsoll_engine::probe::Net>,
            $($(#[$field_meta])* pub $field: $Type,)*
        }

        impl $Params {
            fn probing(&self) -> $crate::shared::probing::Probing<'_> {
                $crate::shared::probing::Probing {
                    probe: self.probe,
                    timeout: self.timeout,
                    max_hosts: self.max_hosts,
                    allow_cidrs: &self.allow_cidrs,
                    refuse_cidrs: &self.refuse_cidrs,
                }
            }
        }
    };
}

pub(crate) use with_probing;

/// The default of `timeout`.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// The default of `maxHosts`.
pub(crate) const MAX_HOSTS: u32 = 500;

/// What all controls that probe ask of a baseline.
#[derive(Clone, Copy)]
pub(crate) struct Probing<'p> {
    pub(crate) probe: bool,
    pub(crate) timeout: Duration,
    pub(crate) max_hosts: u32,
    pub(crate) allow_cidrs: &'p [Net],
    pub(crate) refuse_cidrs: &'p [Net],
}

impl<'p> Probing<'p> {
    pub(crate) fn limits(self, concurrency: u16) -> Limits {
        Limits {
            timeout: self.timeout,
            concurrency,
            hosts: self.max_hosts,
        }
    }

    /// Where probes may be aimed; `addresses` are where hosts are reached, in place of what their objects say.
    pub(crate) fn aim(self, addresses: &'p [HostAddress]) -> Aim<'p> {
        Aim {
            allow: self.allow_cidrs,
            refuse: self.refuse_cidrs,
            addresses,
        }
    }

    /// The sites to judge of a unit that only a probe decides. `None` where there is nothing to judge, which is said then:
    /// while probes are off, that is one Unknown for the baseline as a whole.
    pub(crate) fn sites(
        self,
        unit: &Unit<'_>,
        view: &View<'_>,
        environments: &[String],
        out: &mut Findings,
    ) -> Result<Option<Vec<Site>>, Unknown> {
        if unit.is_cluster() && !self.probe {
            let message = "probes are off; `probe: true` switches them on";
            return Err(Unknown::new("NotProbed", message).live_only());
        }
        if unit.is_cluster() || !self.probe {
            out.not_judged();
            return Ok(None);
        }
        if !view.is_in(environments)? {
            out.not_applicable("its environment is not among those judged");
            return Ok(None);
        }
        sites(unit, view).map(Some)
    }
}
