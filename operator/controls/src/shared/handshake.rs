//! What handshakes told of the versions that servers speak.

use plimsoll_engine::{
    control::Unit,
    duration::Duration,
    probe::{Answer, Endpoint, Handshake, Obstacle},
    unknown::Unknown,
    view::View,
};

use super::{
    sites::{Site, sites},
    tls::TlsVersion,
};

/// The answer to each version, oldest first.
pub(crate) fn answers(handshake: &Handshake) -> impl Iterator<Item = (TlsVersion, Answer)> {
    TlsVersion::ALL.into_iter().zip(handshake.answers)
}

/// The numbers of the versions whose answer passes a test.
pub(crate) fn taken(
    answers: impl IntoIterator<Item = (TlsVersion, Answer)>,
    test: impl Fn(Answer) -> bool,
) -> Vec<&'static str> {
    let taken = answers.into_iter().filter(|(_, answer)| test(*answer));
    taken.map(|(version, _)| version.number()).collect()
}

/// What kept an answer from being one.
pub(crate) fn unclear(endpoint: &Endpoint, version: TlsVersion, why: Obstacle) -> Unknown {
    let message = format!("{endpoint} {} when offered TLS {}", why.what(), version.number());
    Unknown::new(why.reason(), message)
}

/// What handshakes with the servers of an object told.
#[derive(Default)]
pub(crate) struct Shown<'v> {
    /// Servers that accept what is not allowed, with the versions.
    pub(crate) accepting: Vec<(&'v Endpoint, Vec<&'static str>)>,
    /// Why a handshake left it open whether one does.
    pub(crate) open: Vec<Unknown>,
    /// Whether every host of the object was tried, and its servers accept what is allowed and refuse what is not.
    pub(crate) proves: bool,
}

/// What probes that are no older than `patience` met at the hosts where the unit's object ends TLS.
pub(crate) fn shown<'v>(
    unit: &Unit<'_>,
    view: &View<'v>,
    patience: Duration,
    allows: impl Fn(TlsVersion) -> bool,
) -> Shown<'v> {
    // Where the hosts of an object are not told, nobody probed them either.
    let sites = sites(unit, view).unwrap_or_default();
    let mut shown = Shown::default();
    let mut proven = 0;
    let mut tried = 0;
    for site in sites.iter().filter(|site| site.tls) {
        tried += 1;
        let (met, all) = met(site, view, patience);
        let results: Vec<Option<bool>> = met
            .into_iter()
            .map(|(endpoint, handshake)| shown.take(endpoint, handshake, &allows))
            .collect();
        let is_proof = all && !results.is_empty() && results.iter().all(|result| *result == Some(true));
        proven += usize::from(is_proof);
    }
    shown.proves = tried > 0 && proven == tried;
    shown
}

/// The handshakes of a host; and whether one was made at each address its object states. Where none was made at those
/// addresses, a baseline aimed the probes elsewhere.
fn met<'v>(site: &Site, view: &View<'v>, patience: Duration) -> (Vec<(&'v Endpoint, &'v Handshake)>, bool) {
    let mut all = view.handshakes(&site.host);
    all.retain(|(_, handshake)| !view.is_older(handshake.at, patience));
    let stated = |endpoint: &Endpoint| {
        site.at
            .iter()
            .any(|(address, port)| *address == endpoint.address && *port == endpoint.port)
    };
    if all.iter().any(|(endpoint, _)| stated(endpoint)) {
        all.retain(|(endpoint, _)| stated(endpoint));
        let complete = all.len() == site.at.len();
        return (all, complete);
    }
    (all, true)
}

impl<'v> Shown<'v> {
    /// Whether a server accepts what is allowed and nothing else; `None` where that is open.
    fn take(
        &mut self,
        endpoint: &'v Endpoint,
        handshake: &Handshake,
        allows: impl Fn(TlsVersion) -> bool,
    ) -> Option<bool> {
        let (allowed, barred): (Vec<_>, Vec<_>) =
            answers(handshake).partition(|(version, _)| allows(*version));
        let accepted = taken(barred.iter().copied(), |answer| answer == Answer::Accepted);
        if !accepted.is_empty() {
            self.accepting.push((endpoint, accepted));
            return Some(false);
        }
        let open = barred.iter().find_map(|(version, answer)| match answer {
            Answer::Unknown(why) => Some((*version, *why)),
            _ => None,
        });
        let Some((version, why)) = open else {
            let any = allowed.iter().any(|(_, answer)| *answer == Answer::Accepted);
            return any.then_some(true);
        };
        // Where nothing answered, no handshake took place that could tell anything.
        let answered = handshake
            .answers
            .iter()
            .any(|answer| !matches!(answer, Answer::Unknown(_)));
        if answered {
            self.open.push(unclear(endpoint, version, why));
        }
        None
    }
}
