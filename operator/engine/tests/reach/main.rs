//! Who can talk to whom: against what others expect (`PLIMSOLL_CORPORA`), and against a naive reference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod agreement;
mod conformance;
mod facts;
mod hostile;
mod naive;
mod properties;
mod random;

use std::path::PathBuf;

use plimsoll_engine::{
    intake::Intake,
    kind::Kind,
    name::ObjRef,
    reach::{Addresses, Bounds, Protocol, Reach, Site},
};

/// A folder of the corpora; says so where there is none.
fn corpus(name: &str) -> Option<PathBuf> {
    let found = std::env::var_os("PLIMSOLL_CORPORA").map(|root| PathBuf::from(root).join(name));
    if found.is_none() {
        println!("skipped: PLIMSOLL_CORPORA is not set");
    }
    found
}

/// Takes in the objects of a manifest.
fn load(reach: &mut Reach, manifest: &[u8]) {
    let intake = Intake::read(&[manifest], "default");
    assert_eq!(intake.documents.unreadable, []);
    for (object, _) in &intake.objects {
        assert!(object.body.is_ok(), "{object:?}");
        reach.upsert(object);
    }
}

/// One end as the corpora name it: `namespace/name` of an object of one of these kinds, or `external:<range>`.
struct Place {
    outside: Option<Addresses>,
    names: Vec<ObjRef>,
}

impl Place {
    fn of(text: &str, kinds: &[Kind]) -> Self {
        if let Some(range) = text.strip_prefix("external:") {
            return Self {
                outside: Addresses::parse([range]),
                names: Vec::new(),
            };
        }
        let (namespace, name) = text.split_once('/').unwrap();
        let named = |kind: &Kind| ObjRef::new(*kind, namespace, name);
        Self {
            outside: None,
            names: kinds.iter().map(named).collect(),
        }
    }

    fn site<'a>(&'a self, reach: &'a Reach) -> Site<'a> {
        match &self.outside {
            Some(addresses) => Site::Outside(addresses),
            None => self
                .names
                .iter()
                .find_map(|name| reach.site(name))
                .unwrap_or_else(|| panic!("{:?} stands for no pods", self.names)),
        }
    }
}

fn between(reach: &Reach, from: &Place, to: &Place) -> Bounds {
    reach.between(from.site(reach), to.site(reach)).unwrap()
}

/// Whether a port is open; that must be certain.
fn open(bounds: &Bounds, port: &str) -> bool {
    let (protocol, number) = port.split_once('/').unwrap();
    let (protocol, number) = (Protocol::parse(protocol).unwrap(), number.parse().unwrap());
    let sure = bounds.sure.contains(protocol, number);
    assert_eq!(
        sure,
        bounds.possible.contains(protocol, number),
        "{port} is not certain"
    );
    sure
}
