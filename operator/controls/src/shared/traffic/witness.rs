//! Witnesses: a workload that gets in, the workload it gets to, on which ports, and what lets it.

use plimsoll_engine::{
    facts::Spokesman,
    object::Direction,
    reach::{Because, Cause, Class, Effect, End, Local, Open, Opener, PortSet, Site, between, explain},
    unknown::Unknown,
};

use super::{Judged, Peers};
use crate::shared::strangers::WITNESSES;

/// Witnesses told in full; further ones are named by their namespace, so that ten thousand findings stay small.
const IN_FULL: usize = 5;

/// Pairs tried to tell where one witness gets to.
const TRIES: usize = 64;

/// One way in, told in full.
pub(super) struct Witness {
    pub(super) text: String,
    /// The rule of the opening policy that lets it in.
    pub(super) rule: Option<u32>,
}

impl Judged<'_, '_> {
    /// The first few witnesses in full.
    pub(super) fn witnesses(&self, open: &Open, peers: &Peers) -> Result<Vec<Witness>, Unknown> {
        let mut witnesses = Vec::new();
        for (_, namespace) in peers.names(self).take(IN_FULL) {
            let spokesman = self.view.fact(&Spokesman {
                namespace: namespace.clone(),
                sources: peers.sources.clone(),
            })?;
            let from = spokesman
                .as_ref()
                .as_ref()
                .and_then(|from| Some((from, from.classes.first()?)));
            let told = from.and_then(|(from, class)| self.told(open, from, class));
            witnesses.push(told.unwrap_or_else(|| Witness {
                text: format!("from namespace {namespace}"),
                rule: None,
            }));
        }
        Ok(witnesses)
    }

    /// The namespaces that reach it beside those told in full, as far as there is room.
    pub(super) fn rest(&self, peers: &Peers, told: usize) -> Option<String> {
        let names: Vec<&str> = peers
            .names(self)
            .skip(told)
            .take(WITNESSES - IN_FULL)
            .map(|(_, name)| &**name)
            .collect();
        let more = peers.count.saturating_sub(told + names.len());
        let tail = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        (!names.is_empty()).then(|| format!("and from namespaces {}{tail}", names.join(", ")))
    }

    fn told(&self, open: &Open, from: &Local, class: &Class) -> Option<Witness> {
        let named = |to: &&Class| {
            to.members
                .iter()
                .any(|name| open.pods.binary_search(name).is_ok())
        };
        let isolable = || self.local.classes.iter().filter(|to| !to.who.host_network);
        let first = isolable().filter(named).chain(isolable().filter(|to| !named(to)));
        first.take(TRIES).find_map(|to| self.way(open, from, class, to))
    }

    fn way(&self, open: &Open, from: &Local, class: &Class, to: &Class) -> Option<Witness> {
        let found = between(End::Pods(class), End::Pods(to), &self.network);
        let reached = if found.sure.is_none() {
            &found.possible
        } else {
            &found.sure
        };
        if reached.is_none() {
            return None;
        }
        let because = explain(
            Site::Pods(from, class),
            Site::Pods(&self.local, to),
            &self.network,
        );
        let opens = |direction| {
            let of = move |b: &&Because| {
                b.direction == direction && b.effect == Effect::Opens && b.ports.meets(reached)
            };
            because.iter().filter(of)
        };
        let entry = opens(Direction::Ingress).find(|because| is(&because.cause, &open.cause))?;
        let exit = opens(Direction::Egress).next()?;
        let ports: PortSet = reached.and(&entry.ports);
        let (source, target) = (class.members.first()?, to.members.first()?);
        let rule = match &entry.cause {
            Cause::Rule(_, rule) => Some(*rule),
            _ => None,
        };
        let text = format!("{source} reaches {target} on ports {ports}: {exit}; {entry}");
        Some(Witness { text, rule })
    }
}

fn is(cause: &Cause, opener: &Opener) -> bool {
    match opener {
        Opener::NoPolicy => matches!(cause, Cause::NoPolicy),
        Opener::Policy(policy) => cause.policy() == Some(policy),
    }
}
