//! Groups of controls and environments: sums of the counters that the engine maintains, without looking at single units.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_engine::{
    finding::Severity,
    report::{Score, Tally},
};

use super::percent;
use crate::{
    Given, frameworks,
    model::{Cell, Counts, Criterion, Framework, Group},
};

/// One control of one baseline in one environment.
struct Part<'a> {
    baseline: usize,
    control: &'static str,
    area: &'static str,
    severity: Severity,
    environment: &'a str,
    tally: Tally,
    mappings: &'static [(&'static str, &'static str)],
}

/// All parts.
pub(super) struct Groups<'a> {
    parts: Vec<Part<'a>>,
    pub(super) total: Tally,
}

impl<'a> Groups<'a> {
    pub(super) fn of(given: &Given<'a>) -> Self {
        let mut parts = Vec::new();
        for (i, baseline) in given.verdicts.baselines.values().enumerate() {
            for ((control, environment), tally) in &baseline.tallies {
                parts.push(Part {
                    baseline: i,
                    control,
                    area: control.split_once('/').map_or(*control, |(area, _)| area),
                    severity: baseline.severity_of(control),
                    environment,
                    tally: *tally,
                    mappings: given.controls.meta(control).map_or(&[], |meta| meta.mappings),
                });
            }
        }
        let total = parts
            .iter()
            .fold(Tally::default(), |sum, part| sum.plus(&part.tally));
        Self { parts, total }
    }

    pub(super) fn score(&self) -> Option<f64> {
        sum(self.parts.iter()).1
    }

    pub(super) fn areas(&self) -> Vec<Group> {
        let names: BTreeSet<&str> = self.parts.iter().map(|part| part.area).collect();
        let of = |name: &&str| group(Some(*name), self.parts.iter().filter(|part| part.area == *name));
        names.iter().map(of).collect()
    }

    pub(super) fn environments(&self) -> Vec<Group> {
        let of = |name: &&str| {
            let parts = self.parts.iter().filter(|part| part.environment == *name);
            group(Some(*name).filter(|name| !name.is_empty()), parts)
        };
        self.environment_names().iter().map(of).collect()
    }

    /// Production first, what has none last.
    fn environment_names(&self) -> Vec<&'a str> {
        let names: BTreeSet<&str> = self.parts.iter().map(|part| part.environment).collect();
        let mut names: Vec<&str> = names.into_iter().collect();
        let rank = |name: &str| match name {
            "production" => 0,
            "staging" => 1,
            "" => 9,
            _ => 2,
        };
        names.sort_by_key(|name| (rank(name), *name));
        names
    }

    pub(super) fn matrix(&self) -> Vec<Cell> {
        let areas: BTreeSet<&str> = self.parts.iter().map(|part| part.area).collect();
        let environments = self.environment_names();
        let mut cells = Vec::new();
        for area in areas {
            for environment in &environments {
                let parts = self.parts.iter();
                let (counts, score) = sum(parts.filter(|p| p.area == area && p.environment == *environment));
                if counts != Counts::default() {
                    cells.push(Cell {
                        area: area.to_owned(),
                        environment: Some(*environment).filter(|e| !e.is_empty()).map(str::to_owned),
                        score: percent(score),
                        counts,
                    });
                }
            }
        }
        cells
    }

    pub(super) fn frameworks(&self) -> Vec<Framework> {
        let of = |(name, label): &(&'static str, &'static str)| Framework {
            name: (*label).to_owned(),
            criteria: self.criteria(name),
        };
        frameworks::FRAMEWORKS
            .iter()
            .map(of)
            .filter(|framework| !framework.criteria.is_empty())
            .collect()
    }

    fn criteria(&self, framework: &'static str) -> Vec<Criterion> {
        let of_framework =
            |part: &&Part<'_>| part.mappings.iter().filter(|(of, _)| *of == framework).count() > 0;
        let names: BTreeSet<&'static str> = self
            .parts
            .iter()
            .filter(of_framework)
            .flat_map(|part| part.mappings)
            .filter(|(of, _)| *of == framework)
            .map(|(_, criterion)| *criterion)
            .collect();
        let mut criteria: Vec<Criterion> = names.iter().map(|name| self.criterion(framework, name)).collect();
        criteria.sort_by_cached_key(|criterion| natural(&criterion.id));
        criteria
    }

    fn criterion(&self, framework: &'static str, name: &'static str) -> Criterion {
        let parts = || {
            let all = self.parts.iter();
            all.filter(|part| part.mappings.contains(&(framework, name)))
        };
        let (counts, score) = sum(parts());
        let controls: BTreeSet<&'static str> = parts().map(|part| part.control).collect();
        Criterion {
            id: frameworks::label(framework, name),
            title: frameworks::title(framework, name),
            state: counts.state(),
            score: percent(score),
            counts,
            controls: controls.into_iter().collect(),
        }
    }
}

/// Numbers in the order of their values: A.8.9 before A.8.24.
fn natural(text: &str) -> Vec<(String, u64)> {
    text.split('.')
        .map(|part| {
            let digits = part.trim_start_matches(|c: char| !c.is_ascii_digit());
            let number: String = digits.chars().take_while(char::is_ascii_digit).collect();
            let word = &part[..part.len() - digits.len()];
            (word.to_owned(), number.parse().unwrap_or_default())
        })
        .collect()
}

fn group<'p>(name: Option<&str>, parts: impl Iterator<Item = &'p Part<'p>>) -> Group {
    let (counts, score) = sum(parts);
    Group {
        name: name.map(str::to_owned),
        score: percent(score),
        counts,
    }
}

/// Counts, and the score over the controls of each baseline.
fn sum<'p>(parts: impl Iterator<Item = &'p Part<'p>>) -> (Counts, Option<f64>) {
    let mut by_control: BTreeMap<(usize, &str), (Severity, Tally)> = BTreeMap::new();
    for part in parts {
        let (_, tally) = by_control
            .entry((part.baseline, part.control))
            .or_insert((part.severity, Tally::default()));
        *tally = tally.plus(&part.tally);
    }
    let (mut total, mut score) = (Tally::default(), Score::default());
    for (severity, tally) in by_control.values() {
        total = total.plus(tally);
        score.add(*severity, tally);
    }
    (Counts::from(&total), score.value())
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn criteria_stand_in_the_order_of_their_numbers() {
        let mut ids = ["A.8.24", "CC6.1", "A.8.9", "A1.2", "A.5.36", "Art. 32(1)(a)"];
        ids.sort_by_cached_key(|id| natural(id));
        assert_eq!(
            ids,
            ["A.5.36", "A.8.9", "A.8.24", "A1.2", "Art. 32(1)(a)", "CC6.1"]
        );
    }
}
