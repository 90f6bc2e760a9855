//! What a role gives, summarised into what controls ask: a role of ten thousand rules becomes a dozen lines.

use std::collections::BTreeMap;

use super::{
    given::powers,
    power::{Power, Powers},
    rule::Rule,
};

/// How a role gives a power.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grant {
    /// How many rules give it.
    pub rules: usize,
    /// Whether some rule names it, rather than giving it by `*`.
    pub named: bool,
    /// Whether every rule that gives it is limited to objects by name.
    pub narrowed: bool,
    /// The first of these rules in words, those that name it first.
    pub witnesses: Vec<Box<str>>,
}

/// Most rules shown of one power.
pub(super) const WITNESSES: usize = 20;

/// Everything a role gives, by power.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effect(BTreeMap<Power, Grant>);

impl Effect {
    /// How the role gives a power, if it does.
    pub fn get(&self, power: Power) -> Option<&Grant> {
        self.0.get(&power)
    }

    /// Whether the role gives a power.
    pub fn has(&self, power: Power) -> bool {
        self.0.contains_key(&power)
    }

    /// What the role gives, without how.
    pub fn powers(&self) -> Powers {
        Powers::of(self.0.keys())
    }

    /// Counts a rule; `source` says where it comes from, if from another role.
    pub(crate) fn add(&mut self, rule: &Rule, source: Option<&str>) {
        for (power, named) in powers(rule) {
            let grant = self.0.entry(power).or_insert_with(|| Grant {
                narrowed: true,
                ..Grant::default()
            });
            grant.rules += 1;
            grant.narrowed &= !rule.resource_names.is_empty();
            let first_named = named && !grant.named;
            grant.named |= named;
            if first_named || grant.witnesses.len() < WITNESSES {
                let text = match source {
                    Some(source) => format!("{rule} (from ClusterRole {source})"),
                    None => rule.to_string(),
                };
                let place = if first_named { 0 } else { grant.witnesses.len() };
                grant.witnesses.insert(place, text.into());
                grant.witnesses.truncate(WITNESSES);
            }
        }
    }
}
