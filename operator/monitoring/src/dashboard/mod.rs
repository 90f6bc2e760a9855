//! The dashboards: what they show, apart from how Grafana writes it ([`json`]).

mod compliance;
mod json;
mod operator;
mod panel;
mod uptime;
mod variable;

pub use panel::{Look, Panel, Query, Step, Unit};
pub use variable::Variable;

/// A dashboard. Its file is `dashboards/NAME.json`, its uid `plimsoll-NAME`, so that links survive a new version.
#[derive(Clone, PartialEq, Debug)]
pub struct Dashboard {
    /// A word.
    pub name: &'static str,
    /// As shown in the list.
    pub title: &'static str,
    /// What it answers, for whom.
    pub description: &'static str,
    /// What can be chosen, besides data source, cluster, job and instance.
    pub variables: &'static [Variable],
    /// Its rows, from top to bottom.
    pub rows: Vec<Row>,
    /// The stretch of time shown at first, as Grafana has it (`now-7d`).
    pub from: &'static str,
}

/// A titled row of panels; they flow over 24 columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Its title.
    pub title: &'static str,
    /// Its panels.
    pub panels: Vec<Panel>,
}

impl Dashboard {
    /// Fixed, and unique among dashboards.
    pub fn uid(&self) -> String {
        format!("plimsoll-{}", self.name)
    }

    /// All its panels.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }

    /// As Grafana imports it.
    pub fn json(&self) -> serde_json::Value {
        json::dashboard(self)
    }
}

/// All of them.
pub fn dashboards() -> [Dashboard; 3] {
    [
        compliance::dashboard(),
        uptime::dashboard(),
        operator::dashboard(),
    ]
}
