//! Words that do not depend on the report: what the templates call for single values.

use plimsoll_engine::finding::Severity;
use serde_json::Value;

use super::Page;
use crate::{
    entry::Entry,
    html::{data, svg},
    model::{ControlSummary, Counts, ExceptionSummary, Parameter, State, UnknownGroup},
    summary::headline::thousands,
};

#[allow(
    clippy::unused_self,
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "called by the template, which passes references to fields"
)]
impl Page<'_, '_> {
    pub(super) fn n(&self, n: impl std::borrow::Borrow<usize>) -> String {
        thousands(*n.borrow() as u64)
    }

    pub(super) fn big(&self, n: impl std::borrow::Borrow<u64>) -> String {
        thousands(*n.borrow())
    }

    pub(super) fn dash(&self, n: impl std::borrow::Borrow<u64>) -> String {
        match *n.borrow() {
            0 => "–".to_owned(),
            n => thousands(n),
        }
    }

    pub(super) fn score(&self, score: impl std::borrow::Borrow<Option<f64>>) -> String {
        score
            .borrow()
            .map_or_else(|| "–".to_owned(), |score| format!("{}", score.floor()))
    }

    pub(super) fn or_none<'t>(&self, name: &'t Option<String>) -> &'t str {
        name.as_deref().unwrap_or("no label")
    }

    pub(super) fn or_dash<'t>(&self, name: &'t Option<String>) -> &'t str {
        name.as_deref().unwrap_or("–")
    }

    pub(super) fn bar(&self, counts: &Counts) -> String {
        svg::bar(counts)
    }

    pub(super) fn worst_word(&self, counts: &Counts) -> &'static str {
        counts.findings.worst().unwrap_or("low")
    }

    pub(super) fn heat(&self, score: &Option<f64>) -> &'static str {
        match score {
            None => "blank",
            Some(score) if *score < 20.0 => "h0",
            Some(score) if *score < 40.0 => "h1",
            Some(score) if *score < 60.0 => "h2",
            Some(score) if *score < 80.0 => "h3",
            Some(score) if *score < 100.0 => "h4",
            Some(_) => "h5",
        }
    }

    pub(super) fn open_words(&self, counts: &Counts) -> String {
        let open = counts.findings.total();
        if open == 0 && counts.unknown > 0 {
            return format!("{} unknown", thousands(counts.unknown));
        }
        match open {
            0 => String::new(),
            n => format!("{} open", thousands(n)),
        }
    }

    pub(super) fn state_class(&self, state: &State) -> &'static str {
        match state {
            State::NotMeasured => "none",
            state => state.word(),
        }
    }

    /// The severity where something fails, else how it stands.
    pub(super) fn control_word(&self, control: &ControlSummary) -> &'static str {
        match control.counts.state() {
            State::Failing => self.worst_word(&control.counts),
            State::NotMeasured => "no units",
            State::Passing => "pass",
            state => state.word(),
        }
    }

    pub(super) fn control_class(&self, control: &ControlSummary) -> &'static str {
        match control.counts.state() {
            State::Failing => self.worst_word(&control.counts),
            state => self.state_class(&state),
        }
    }

    pub(super) fn control_counts(&self, control: &ControlSummary) -> String {
        let counts = &control.counts;
        let parts = [
            ("pass", counts.pass),
            ("fail", counts.fail),
            ("unknown", counts.unknown),
            ("waived", counts.waived),
            ("not applicable", counts.not_applicable),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(word, n)| format!("{} {word}", thousands(n)))
            .collect();
        match parts.as_slice() {
            [] => "There was nothing to judge.".to_owned(),
            parts => format!(
                "{}; {} open findings.",
                parts.join(", "),
                thousands(counts.findings.total())
            ),
        }
    }

    pub(super) fn severity_word(&self, control: &ControlSummary) -> &'static str {
        Severity::ALL[control.severity as usize].word()
    }

    pub(super) fn value(&self, parameter: &Parameter) -> String {
        match &parameter.value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }

    pub(super) fn mappings(&self, control: &ControlSummary) -> String {
        let mappings = control.mappings.iter();
        let each: Vec<String> = mappings
            .map(|m| format!("{} {}", m.framework, m.criterion))
            .collect();
        each.join(" · ")
    }

    /// The control's id as the id of an element.
    pub(super) fn anchor(&self, control: &str) -> String {
        control.replace('/', "--")
    }

    pub(super) fn short<'t>(&self, control: &'t str) -> &'t str {
        control.split_once('/').map_or(control, |(_, name)| name)
    }

    /// A value as the links that filter have it.
    pub(super) fn encoded(&self, text: &str) -> String {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
        text.bytes()
            .map(|byte| {
                if plain(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    }

    pub(super) fn examples(&self, group: &UnknownGroup) -> String {
        const SHOWN: usize = 3;
        let shown = group.examples[..group.examples.len().min(SHOWN)].join(", ");
        match group.units.saturating_sub(SHOWN as u64) {
            0 => shown,
            more => format!("{shown} and {} more", thousands(more)),
        }
    }

    pub(super) fn ends(&self, exception: &ExceptionSummary) -> String {
        let day = exception.expires.as_deref().and_then(|at| at.split('T').next());
        match (day, exception.days_left) {
            (Some(day), Some(days)) if days < 0 => day.to_owned(),
            (Some(day), Some(0)) => format!("{day}, within a day"),
            (Some(day), Some(1)) => format!("{day}, in 1 day"),
            (Some(day), Some(days)) => format!("{day}, in {days} days"),
            _ => "–".to_owned(),
        }
    }

    pub(super) fn word(&self, entry: &Entry<'_>) -> &'static str {
        match data::word(entry.result) {
            "fail" => Severity::ALL[entry.severity as usize].word(),
            word => word,
        }
    }

    pub(super) fn object(&self, entry: &Entry<'_>) -> String {
        match &entry.object {
            None => "the cluster".to_owned(),
            Some(object) => match (object.name, object.namespace) {
                (None, _) => format!("every {}", object.kind),
                (Some(name), Some(namespace)) => format!("{namespace}/{name}"),
                (Some(name), None) => name.to_owned(),
            },
        }
    }

    pub(super) fn kind(&self, entry: &Entry<'_>) -> &'static str {
        let named = entry.object.as_ref().filter(|object| object.name.is_some());
        named.map_or("", |object| object.kind)
    }

    /// Already harmless, line by line; here it becomes inert in HTML too.
    pub(super) fn manifest(&self, object: &Value) -> String {
        askama::filters::escape(data::manifest(object), askama::filters::Html)
            .map(|safe| safe.to_string())
            .unwrap_or_default()
    }
}
