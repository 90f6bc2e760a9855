//! Holding a corpus against the reviewed table.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    corpus::{Case, Theirs, cases},
    ours::{Ours, judge},
};

/// A rule of another tool and the control of ours that overlaps it.
pub(crate) struct Rule {
    /// The rule, by the corpus's name for it.
    pub(crate) check: &'static str,
    /// The control.
    pub(crate) control: &'static str,
    /// Its parameters, so that it asks for as much as the rule does.
    pub(crate) params: &'static str,
    /// Replicas of workloads that give none, where the rule does not look at them but ours only judges workloads of several.
    pub(crate) replicas: Option<i32>,
    pub(crate) agreement: Agreement,
    /// The cases judged differently.
    pub(crate) disagreements: &'static [Disagreement],
}

impl Rule {
    /// A rule compared under the control's defaults, without a disagreement.
    pub(crate) const fn new(check: &'static str, control: &'static str, agreement: Agreement) -> Self {
        Self {
            check,
            control,
            params: "{}",
            replicas: None,
            agreement,
            disagreements: &[],
        }
    }
}

/// How many cases both judge alike.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Agreement {
    /// Both let it pass.
    pub(crate) pass: usize,
    /// Both complain.
    pub(crate) fail: usize,
    /// They let it pass, and ours has nothing to judge in it.
    pub(crate) not_ours: usize,
}

/// A case judged differently.
pub(crate) struct Disagreement {
    case: &'static str,
    ours: &'static str,
    because: &'static str,
}

/// In this case ours says otherwise, because …
pub(crate) const fn but(case: &'static str, ours: &'static str, because: &'static str) -> Disagreement {
    Disagreement { case, ours, because }
}

/// A rule that no control of ours is about.
pub(crate) struct NoCounterpart {
    check: &'static str,
    because: &'static str,
}

/// No control is about what this rule is about, because …
pub(crate) const fn none(check: &'static str, because: &'static str) -> NoCounterpart {
    NoCounterpart { check, because }
}

/// Both let so many pass, complain of so many, and so many others hold nothing that ours judges.
pub(crate) const fn alike(pass: usize, fail: usize, not_ours: usize) -> Agreement {
    Agreement { pass, fail, not_ours }
}

/// The reviewed table of a corpus.
pub(crate) struct Table {
    pub(crate) corpus: &'static str,
    pub(crate) rules: &'static [Rule],
    pub(crate) no_counterpart: &'static [NoCounterpart],
}

/// Fails unless the corpus is judged exactly as its table says.
pub(crate) fn check(table: &Table) {
    let Some(cases) = cases(table.corpus) else { return };
    let mut of: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        of.entry(&case.check).or_default().push(case);
    }
    every_rule_is_listed_once(table, &of);
    let mut problems = String::new();
    let (mut alike, mut all) = (0, 0);
    for rule in table.rules {
        let judged = &of[rule.check];
        let found = Found::of(rule, judged);
        found.compare(rule, &mut problems);
        alike += judged.len() - found.differently.len();
        all += judged.len();
    }
    eprintln!(
        "{}: {alike} of {all} cases judged alike, {} rules without a counterpart",
        table.corpus,
        table.no_counterpart.len()
    );
    assert!(problems.is_empty(), "{}:\n{problems}", table.corpus);
}

fn every_rule_is_listed_once(table: &Table, of: &BTreeMap<&str, Vec<&Case>>) {
    let listed = || {
        let compared = table.rules.iter().map(|rule| rule.check);
        compared.chain(table.no_counterpart.iter().map(|rule| rule.check))
    };
    let once: BTreeSet<&str> = listed().collect();
    assert_eq!(
        once.len(),
        listed().count(),
        "{}: a rule is listed twice",
        table.corpus
    );
    assert_eq!(once, of.keys().copied().collect(), "{}", table.corpus);
    for rule in table.no_counterpart {
        assert!(!rule.because.is_empty(), "{}", rule.check);
    }
}

/// What became of a rule's cases.
#[derive(Default)]
struct Found<'a> {
    agreement: Agreement,
    differently: BTreeMap<&'a str, String>,
}

impl<'a> Found<'a> {
    fn of(rule: &Rule, cases: &[&'a Case]) -> Self {
        let mut found = Self::default();
        for case in cases {
            let ours = judge(&case.inputs, rule);
            match (case.theirs, &ours) {
                (Theirs::Pass, Ours::Pass) => found.agreement.pass += 1,
                (Theirs::Pass, Ours::NotApplicable | Ours::Silent) => found.agreement.not_ours += 1,
                (Theirs::Fail, Ours::Fail(_)) => found.agreement.fail += 1,
                _ => _ = found.differently.insert(&case.name, ours.to_string()),
            }
        }
        found
    }

    fn compare(&self, rule: &Rule, problems: &mut String) {
        let Agreement { pass, fail, not_ours } = self.agreement;
        if self.agreement != rule.agreement {
            _ = writeln!(
                problems,
                "{}: judged alike({pass}, {fail}, {not_ours})",
                rule.check
            );
        }
        let listed: BTreeMap<&str, &Disagreement> = rule
            .disagreements
            .iter()
            .map(|listed| (listed.case, listed))
            .collect();
        assert_eq!(listed.len(), rule.disagreements.len(), "{}", rule.check);
        for (case, ours) in &self.differently {
            if listed.get(case).is_none_or(|known| known.ours != ours) {
                _ = writeln!(
                    problems,
                    "{}: {case}: ours is {ours}: not in the table",
                    rule.check
                );
            }
        }
        for (case, known) in listed {
            assert!(!known.because.is_empty(), "{}: {case}", rule.check);
            if !self.differently.contains_key(case) {
                _ = writeln!(problems, "{}: {case}: judged alike by now", rule.check);
            }
        }
    }
}
