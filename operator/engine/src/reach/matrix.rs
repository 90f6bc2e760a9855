//! All answers of a cluster at once, for those who want every pair.
//!
//! Answers are few even where pairs are many: each is held once, and a pair is the number of its answer. What leaves is
//! worked out once per egress profile, what enters once per ingress profile.

use std::{collections::HashMap, ops::Range};

use super::{
    Bounds, Class, Local, Match, Network, PortSet, Reach, Shared,
    peer::Peer,
    pods::Party,
    profile::{Profile, Toward},
};
use crate::object::Direction;

/// The answer for every ordered pair of classes.
pub struct Matrix<'a> {
    classes: Vec<(&'a Local, &'a Class)>,
    answers: Vec<Bounds>,
    cells: Vec<u32>,
}

impl<'a> Matrix<'a> {
    /// Works out every pair. Four bytes a pair: for clusters of a few thousand classes.
    pub fn new(reach: &'a Reach) -> Self {
        let mut builder = Builder::new(reach);
        let egress = builder.rows(Direction::Egress);
        let ingress = builder.rows(Direction::Ingress);
        let size = builder.classes.len();
        let mut cells = vec![NONE; size * size];
        for (from, line) in cells.chunks_mut(size.max(1)).enumerate() {
            let out = egress.of[from].map(|row| &*egress.rows[row]);
            let node = builder.classes[from].1.who.host_network;
            for (to, cell) in line.iter_mut().enumerate() {
                let leaves = out.map_or(ALL, |row| row[to]);
                if leaves == NONE {
                    continue;
                }
                let mut enters = ingress.of[to].map_or(ALL, |row| ingress.rows[row][from]);
                if node && enters != ALL {
                    enters = builder.answers.anything_possible(enters);
                }
                *cell = builder.answers.both(leaves, enters);
            }
        }
        Self {
            classes: builder.classes,
            answers: builder.answers.list,
            cells,
        }
    }

    /// The classes with their namespaces, in the order of the pairs.
    pub fn classes(&self) -> &[(&'a Local, &'a Class)] {
        &self.classes
    }

    /// The ports on which the pods of one class reach those of another, whatever is not modelled
    /// ([`Local::unmodelled`]); nothing for a class that there is not.
    pub fn get(&self, from: usize, to: usize) -> &Bounds {
        let cell = self.cells.get(from * self.classes.len() + to);
        &self.answers[cell.copied().unwrap_or(NONE) as usize]
    }
}

const NONE: u32 = 0;
const ALL: u32 = 1;

/// Up to so many openings are joined one by one.
const FEW: usize = 64;

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Answers by number.
struct Answers {
    list: Vec<Bounds>,
    numbers: Map<Bounds, u32>,
    both: Map<(u32, u32), u32>,
    either: Map<(u32, u32), u32>,
}

impl Answers {
    fn number(&mut self, bounds: Bounds) -> u32 {
        if let Some(known) = self.numbers.get(&bounds) {
            return *known;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(bounds.clone());
        self.numbers.insert(bounds, number);
        number
    }

    fn both(&mut self, a: u32, b: u32) -> u32 {
        match (a, b) {
            (NONE, _) | (_, NONE) => NONE,
            (ALL, other) | (other, ALL) => other,
            (a, b) if a == b => a,
            (a, b) => {
                if let Some(known) = self.both.get(&(a, b)) {
                    return *known;
                }
                let number = self.number(self.list[a as usize].and(&self.list[b as usize]));
                self.both.insert((a, b), number);
                number
            }
        }
    }

    fn either(&mut self, a: u32, b: u32) -> u32 {
        match (a, b) {
            (ALL, _) | (_, ALL) => ALL,
            (NONE, other) | (other, NONE) => other,
            (a, b) if a == b => a,
            (a, b) => {
                if let Some(known) = self.either.get(&(a, b)) {
                    return *known;
                }
                let number = self.number(self.list[a as usize].or(&self.list[b as usize]));
                self.either.insert((a, b), number);
                number
            }
        }
    }

    fn anything_possible(&mut self, of: u32) -> u32 {
        let sure = self.list[of as usize].sure.clone();
        self.number(Bounds {
            sure,
            possible: PortSet::ALL,
        })
    }
}

/// What profiles of one direction make of every class.
struct Rows {
    /// The row of each class; none where everything is open.
    of: Vec<Option<usize>>,
    rows: Vec<Vec<u32>>,
}

struct Builder<'a> {
    network: &'a Network,
    namespaces: Vec<(&'a Local, Range<usize>)>,
    classes: Vec<(&'a Local, &'a Class)>,
    answers: Answers,
}

impl<'a> Builder<'a> {
    fn new(reach: &'a Reach) -> Self {
        let mut builder = Self {
            network: reach.network(),
            namespaces: Vec::new(),
            classes: Vec::new(),
            answers: Answers {
                list: vec![Bounds::NONE, Bounds::ALL],
                numbers: [(Bounds::NONE, NONE), (Bounds::ALL, ALL)].into_iter().collect(),
                both: Map::default(),
                either: Map::default(),
            },
        };
        for local in reach.locals() {
            let first = builder.classes.len();
            builder
                .classes
                .extend(local.classes.iter().map(|class| (&**local, class)));
            builder.namespaces.push((local, first..builder.classes.len()));
        }
        builder
    }

    fn rows(&mut self, direction: Direction) -> Rows {
        let mut rows = Rows {
            of: Vec::with_capacity(self.classes.len()),
            rows: Vec::new(),
        };
        let mut known: Map<(&'a Shared<Profile>, Option<usize>, Option<&'a super::NamedPorts>), usize> =
            Map::default();
        for namespace in 0..self.namespaces.len() {
            for at in self.namespaces[namespace].1.clone() {
                let class = self.classes[at].1;
                let profile = class.profile(direction);
                if profile.is_open() {
                    rows.of.push(None);
                    continue;
                }
                // Peers of the own namespace, and names of the own ports, make a row one's own.
                let own = profile.speaks_of_own().then_some(namespace);
                let ports =
                    (direction == Direction::Ingress && profile.names_ports()).then_some(&class.ports);
                let row = *known.entry((profile, own, ports)).or_insert_with(|| {
                    rows.rows.push(Vec::new());
                    rows.rows.len() - 1
                });
                if rows.rows[row].is_empty() {
                    rows.rows[row] = self.row(namespace, class, direction);
                }
                rows.of.push(Some(row));
            }
        }
        rows
    }

    /// What a class's profile makes of every other.
    fn row(&mut self, namespace: usize, own: &'a Class, direction: Direction) -> Vec<u32> {
        let mut row = vec![NONE; self.classes.len()];
        let profile = own.profile(direction);
        let ports = |other: &'a Class| match direction {
            Direction::Ingress => &own.ports,
            Direction::Egress => &other.ports,
        };
        let name = &*own.who.namespace.name;
        let openings = match &profile.policies {
            // One opening after the other: many would cost their square.
            Some(openings) if !profile.is_ordered() && openings.len() <= FEW => openings,
            _ => {
                for (at, (_, other)) in self.classes.iter().enumerate() {
                    let (other, ports) = (Party::Pods(&other.who), ports(other));
                    let bounds = profile.toward(Toward {
                        namespace: name,
                        other,
                        ports,
                        network: self.network,
                    });
                    row[at] = self.answers.number(bounds);
                }
                return row;
            }
        };
        for opening in openings {
            for range in self.may_match(namespace, &opening.peer) {
                for at in range {
                    let other = self.classes[at].1;
                    let matched = opening.peer.matches(name, Party::Pods(&other.who), self.network);
                    if matched == Match::No || row[at] == ALL {
                        continue;
                    }
                    let mut bounds = opening.ports.at(ports(other));
                    if matched == Match::Maybe {
                        bounds.sure = PortSet::NONE;
                    }
                    let number = self.answers.number(bounds);
                    row[at] = self.answers.either(row[at], number);
                }
            }
        }
        row
    }

    /// The classes of the namespaces that a peer may be in.
    fn may_match(&self, own: usize, peer: &Peer) -> Vec<Range<usize>> {
        let all = || self.namespaces.iter();
        match peer {
            Peer::Own(_) => vec![self.namespaces[own].1.clone()],
            Peer::Pods(set) => all()
                .filter(|(local, _)| local.namespace.selected_by(&set.namespaces) > Match::No)
                .map(|(_, range)| range.clone())
                .collect(),
            _ => vec![0..self.classes.len()],
        }
    }
}
