//! Who speaks for a namespace: its first pods that get through to where it reaches.

use super::{Class, Local, Shared, Sources, profile::Profile};
use crate::object::Direction;

impl Local {
    /// The first pods, by the names of their objects, that are among these sources: as a summary of their own, with the
    /// policies that have a say in their egress and nothing else. It stays equal while other pods come and go.
    pub fn spokesman(&self, sources: &Sources) -> Option<Self> {
        let class = self.classes.iter().find(|class| sources.include(self, class))?;
        let isolating = &class.isolated_by[Direction::Egress as usize];
        Some(Self {
            namespace: self.namespace.clone(),
            policies: isolating
                .iter()
                .map(|i| self.policies[*i as usize].clone())
                .collect(),
            unmodelled: None,
            classes: Box::new([Class {
                who: class.who.clone(),
                ports: None,
                members: class.members.iter().take(1).cloned().collect(),
                profiles: [
                    Shared::new(Profile::default()),
                    class.profile(Direction::Egress).clone(),
                ],
                isolated_by: [
                    Default::default(),
                    (0..).zip(&**isolating).map(|(i, _)| i).collect(),
                ],
            }]),
        })
    }
}
