//! What a published port spoke when a TLS handshake was tried there.

use std::sync::Arc;

use plimsoll_engine::{
    control::Unit,
    duration::Duration,
    finding::Findings,
    object::LoadBalancer,
    probe::{AddressFilter, Answer, Endpoint, Handshake, Obstacle, Probe, Request},
    unknown::Unknown,
    view::View,
};

use super::{
    Params,
    port::{Published, REGISTERED_ONLY, Speaks},
};
use crate::shared::sites::Site;

/// Databases that may speak TLS and plaintext at one port: a handshake does not prove that they refuse plaintext.
const BOTH: [&str; 4] = ["PostgreSQL", "MySQL", "SQL Server", "MongoDB"];

/// Most addresses of one load balancer that are tried.
const ADDRESSES: usize = 4;

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// Every address speaks TLS.
    Tls,
    /// An address speaks, and something else.
    Other,
    /// Nothing was tried, or it told nothing.
    Untold,
}

impl Tried {
    /// What a port speaks by what came of trying, where its declaration said this.
    pub(super) fn corrects(self, declared: Speaks) -> Speaks {
        match (declared, self) {
            (Speaks::Database(which), Self::Tls) if BOTH.contains(&which) => Speaks::Database(which),
            (_, Self::Tls) => Speaks::Encrypted,
            // Who turns encryption on later begins without it.
            (Speaks::Encrypted | Speaks::Plaintext(_) | Speaks::Untold(REGISTERED_ONLY), Self::Other) => {
                Speaks::Plaintext("answers with something that is not TLS")
            }
            (declared, _) => declared,
        }
    }
}

/// Tries the ports of one Service at the addresses of its load balancer.
pub(super) struct Prober<'a, 'v> {
    unit: &'a Unit<'a>,
    view: &'a View<'v>,
    params: &'a Params,
    load_balancers: &'a [LoadBalancer],
    filter: AddressFilter,
}

impl<'a, 'v> Prober<'a, 'v> {
    /// Somebody to try, where the baseline asks for it.
    pub(super) fn new(
        unit: &'a Unit<'a>,
        view: &'a View<'v>,
        params: &'a Params,
        load_balancers: &'a [LoadBalancer],
    ) -> Result<Option<Self>, Unknown> {
        if !params.probe || load_balancers.is_empty() {
            return Ok(None);
        }
        let filter = params.probing().aim(&[]).filter(view)?;
        Ok(Some(Self {
            unit,
            view,
            params,
            load_balancers,
            filter,
        }))
    }

    /// What the port spoke, and the request to try it again.
    pub(super) fn tried(&self, port: &Published<'_>, out: &mut Findings) -> Tried {
        if !port.can_be_tried() {
            return Tried::Untold;
        }
        let addresses = self.load_balancers.iter().filter(|lb| !lb.address.is_empty());
        let site = Site {
            host: Arc::default(),
            tls: true,
            at: addresses
                .take(ADDRESSES)
                .map(|lb| (Arc::from(&*lb.address), port.number))
                .collect(),
        };
        let targets = self.params.probing().aim(&[]).targets(&site, &self.filter, |why| {
            out.note(format!("{} was not tried: {}", port.name(), why.message()));
        });
        let mut all = Vec::new();
        for (address, number) in targets {
            let endpoint = Endpoint {
                host: Arc::default(),
                address,
                port: number,
            };
            let last = self.view.handshake(&endpoint);
            all.push(last.map_or(Tried::Untold, |handshake| self.told(handshake)));
            out.probe(self.request(endpoint, last.map(|handshake| handshake.at)));
        }
        match () {
            () if all.contains(&Tried::Other) => Tried::Other,
            () if !all.is_empty()
                && all.len() == site.at.len()
                && all.iter().all(|tried| *tried == Tried::Tls) =>
            {
                Tried::Tls
            }
            () => Tried::Untold,
        }
    }

    fn told(&self, handshake: &Handshake) -> Tried {
        let patience = Duration::from_secs(self.params.interval.as_secs().saturating_mul(2));
        if self.view.is_older(handshake.at, patience) {
            return Tried::Untold;
        }
        if handshake.answers.contains(&Answer::Accepted) {
            Tried::Tls
        } else if handshake.answers.contains(&Answer::Unknown(Obstacle::NotTls)) {
            Tried::Other
        } else {
            Tried::Untold
        }
    }

    fn request(&self, endpoint: Endpoint, last: Option<jiff::Timestamp>) -> Request {
        Request {
            namespace: self.unit.namespace().into(),
            probe: Probe::Handshake { endpoint, ca: None },
            interval: self.params.interval,
            last,
            filter: self.filter.clone(),
            limits: self.params.probing().limits(self.params.concurrency),
        }
    }
}
