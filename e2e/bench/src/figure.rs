//! Figures and the targets they are held against.

use std::fmt;

use comfy_table::Table;

/// One row: what was measured, the figure, the target, the goal beyond it.
struct Figure {
    what: String,
    value: f64,
    target: Option<f64>,
    unit: &'static str,
}

/// Everything measured, printed as one table.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    /// Adds a figure that is to stay at or below its target.
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        target: Option<f64>,
        unit: &'static str,
    ) {
        self.0.push(Figure {
            what: what.into(),
            value,
            target,
            unit,
        });
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.set_header(["measured", "figure", "target", ""]);
        for figure in &self.0 {
            let shown = |value: f64| format!("{value:.3} {}", figure.unit);
            let verdict = match figure.target {
                Some(target) if figure.value <= target => "ok",
                Some(_) => "MISSED",
                None => "",
            };
            let target = figure
                .target
                .map(|t| format!("<= {}", shown(t)))
                .unwrap_or_default();
            table.add_row([figure.what.clone(), shown(figure.value), target, verdict.into()]);
        }
        write!(f, "{table}")
    }
}
