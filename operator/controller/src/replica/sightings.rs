//! When each Lease was last seen to change. The times within a Lease are of its writer's clock, and clocks differ.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use plimsoll_engine::observation::operator::Replica;

use super::{EVALUATED, SCRAPED};

/// The last renewal seen of each Lease, as written there, and when it was first seen.
#[derive(Default)]
pub(super) struct Sightings(BTreeMap<String, (Option<Timestamp>, Timestamp)>);

impl Sightings {
    /// Takes in what the Leases say at `now`, by our clock.
    pub(super) fn see(&mut self, leases: &[Lease], now: Timestamp) -> Vec<Replica> {
        let before = std::mem::take(&mut self.0);
        for lease in leases {
            let name = lease.metadata.name.clone().unwrap_or_default();
            let spec = lease.spec.as_ref();
            let written = spec.and_then(|spec| spec.renew_time.as_ref()).map(|time| time.0);
            let seen = match before.get(&name) {
                Some((same, seen)) if *same == written => *seen,
                // A Lease that nobody renews counts as long as it holds from when we first look.
                _ => now,
            };
            self.0.insert(name, (written, seen));
        }
        let mut replicas: Vec<Replica> = leases.iter().map(|lease| self.replica(lease)).collect();
        replicas.sort_by(|a, b| a.name.cmp(&b.name));
        replicas
    }

    /// For so long nobody could look, nor renew: that time does not count.
    pub(super) fn postpone(&mut self, by: SignedDuration) {
        for (_, seen) in self.0.values_mut() {
            *seen = seen.saturating_add(by).unwrap_or(*seen);
        }
    }

    fn replica(&self, lease: &Lease) -> Replica {
        let name = lease.metadata.name.as_deref().unwrap_or_default();
        let spec = lease.spec.as_ref();
        let holds = spec
            .and_then(|spec| spec.lease_duration_seconds)
            .unwrap_or_default();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
        let renewed = self.0.get(name).map(|(_, seen)| *seen);
        let noted = |key: &str| lease.metadata.annotations.as_ref()?.get(key)?.parse().ok();
        Replica {
            name: holder.unwrap_or(name).into(),
            renewed: renewed.unwrap_or(Timestamp::UNIX_EPOCH),
            holds: SignedDuration::from_secs(holds.into()),
            evaluated: noted(EVALUATED),
            scraped: noted(SCRAPED),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lease(name: &str, renewed: &str) -> Lease {
        serde_json::from_value(json!({
            "metadata": { "name": format!("replica-{name}"), "annotations": {
                EVALUATED: "2026-06-01T12:00:00Z", SCRAPED: "yesterday" } },
            "spec": { "holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed },
        }))
        .unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    fn renewals(seen: &[Replica]) -> Vec<(&str, Timestamp)> {
        seen.iter()
            .map(|replica| (&*replica.name, replica.renewed))
            .collect()
    }

    #[test]
    fn a_lease_is_renewed_when_it_changes_whatever_its_clock_says() {
        let mut sightings = Sightings::default();
        let (early, late) = ("2001-01-01T00:00:00.000000Z", "2051-01-01T00:00:00.000000Z");
        let seen = sightings.see(&[lease("b", early), lease("a", late)], at(0));
        assert_eq!(renewals(&seen), [("a", at(0)), ("b", at(0))]);
        let seen = sightings.see(&[lease("a", late), lease("b", late)], at(10));
        assert_eq!(renewals(&seen), [("a", at(0)), ("b", at(10))]);
        // Gone and back is new.
        sightings.see(&[lease("b", late)], at(20));
        let seen = sightings.see(&[lease("a", late), lease("b", late)], at(30));
        assert_eq!(renewals(&seen), [("a", at(30)), ("b", at(10))]);
    }

    #[test]
    fn what_cannot_be_looked_at_does_not_age() {
        let mut sightings = Sightings::default();
        let leases = [lease("a", "2026-06-01T12:00:00Z")];
        sightings.see(&leases, at(0));
        sightings.postpone(SignedDuration::from_secs(30));
        assert_eq!(renewals(&sightings.see(&leases, at(32))), [("a", at(30))]);
    }

    #[test]
    fn what_a_lease_notes_is_read_and_what_it_garbles_is_nothing() {
        let seen = Sightings::default().see(&[lease("a", "2026-06-01T12:00:00.000000Z")], at(0));
        assert_eq!(seen[0].holds, SignedDuration::from_secs(40));
        assert_eq!(seen[0].evaluated, Some("2026-06-01T12:00:00Z".parse().unwrap()));
        assert_eq!(seen[0].scraped, None);
        let bare = Sightings::default().see(&[Lease::default()], at(0));
        assert_eq!((&*bare[0].name, bare[0].holds), ("", SignedDuration::ZERO));
    }
}
