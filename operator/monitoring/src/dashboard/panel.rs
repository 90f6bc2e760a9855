//! What a panel shows.

/// One panel.
#[derive(Clone, PartialEq, Debug)]
pub struct Panel {
    /// Its title.
    pub title: &'static str,
    /// What it shows and how to read it.
    pub description: &'static str,
    /// How.
    pub look: Look,
    /// In what its values are measured.
    pub unit: Unit,
    /// What it asks for.
    pub queries: Vec<Query>,
    /// From which value on it has which colour, from the lowest.
    pub steps: &'static [(Step, f64)],
    /// Values that are words.
    pub words: &'static [(i8, &'static str, Step)],
    /// The range of its values, where it has one.
    pub range: Option<(f64, f64)>,
    /// Columns of 24, and rows of about 30 pixels.
    pub size: (u8, u8),
    /// The alerts that watch the same: their runbooks are linked.
    pub alerts: &'static [&'static str],
    /// How many decimals its values have; Grafana decides where this is not said.
    pub decimals: Option<u8>,
}

/// How a panel shows its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// The last value, large.
    Stat,
    /// The last values, as bars.
    Bars,
    /// Values over time, as lines.
    Lines,
    /// Values over time, stacked.
    Stack,
    /// States over time.
    States,
    /// The last values, as a table: a row for each set of labels, a column for each query.
    Table {
        /// Labels that are columns, in this order.
        columns: &'static [(&'static str, &'static str)],
    },
}

/// Units, as Grafana writes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Counts.
    Count,
    /// A share, 0 to 1.
    Share,
    /// Seconds.
    Seconds,
    /// Seconds since 1970, in milliseconds, as distance from now.
    FromNow,
    /// Bytes.
    Bytes,
    /// Per second.
    PerSecond,
    /// 1 or 0.
    YesNo,
}

/// A colour, by what it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// All is well.
    Good,
    /// Not yet bad.
    Fair,
    /// Bad.
    Bad,
    /// Neither.
    Plain,
    /// Not known.
    Unknown,
}

/// An expression with its legend.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    /// PromQL, with Grafana's variables.
    pub expr: String,
    /// The name of its series; in a table that of its column.
    pub legend: &'static str,
    /// The unit of its column, where it is not the panel's.
    pub unit: Option<Unit>,
}

impl Query {
    /// One in the panel's own unit.
    pub fn new(legend: &'static str, expr: impl Into<String>) -> Self {
        Self {
            expr: expr.into(),
            legend,
            unit: None,
        }
    }

    /// One in another unit.
    #[must_use]
    pub const fn in_unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }
}

impl Unit {
    /// Grafana's id of it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Count => "short",
            Self::Share => "percentunit",
            Self::Seconds => "s",
            Self::FromNow => "dateTimeFromNow",
            Self::Bytes => "bytes",
            Self::PerSecond => "ops",
            Self::YesNo => "bool_yes_no",
        }
    }
}

impl Step {
    /// Grafana's name of the colour: its palette follows the theme and keeps apart for the colour-blind.
    pub const fn colour(self) -> &'static str {
        match self {
            Self::Good => "green",
            Self::Fair => "orange",
            Self::Bad => "red",
            Self::Plain => "blue",
            Self::Unknown => "purple",
        }
    }
}

/// Fewer is better, none is good.
pub(super) const NONE_IS_GOOD: &[(Step, f64)] = &[(Step::Good, 0.0), (Step::Bad, 1.0)];
/// Some are to be looked at.
pub(super) const NONE_IS_BETTER: &[(Step, f64)] = &[(Step::Good, 0.0), (Step::Fair, 1.0)];
/// A share that should be near 1.
pub(super) const SHARE: &[(Step, f64)] = &[(Step::Bad, 0.0), (Step::Fair, 0.8), (Step::Good, 0.95)];
/// No judgement.
pub(super) const PLAIN: &[(Step, f64)] = &[(Step::Plain, 0.0)];

impl Panel {
    /// A panel of some look; the rest is set by the methods below.
    pub fn new(title: &'static str, description: &'static str, look: Look, unit: Unit) -> Self {
        let size = match look {
            Look::Stat => (4, 4),
            _ => (12, 8),
        };
        Self {
            title,
            description,
            look,
            unit,
            queries: Vec::new(),
            steps: PLAIN,
            words: &[],
            range: None,
            size,
            alerts: &[],
            decimals: None,
        }
    }

    /// Asks for this, too.
    #[must_use]
    pub fn query(mut self, query: Query) -> Self {
        self.queries.push(query);
        self
    }

    /// Colours by value.
    #[must_use]
    pub const fn steps(mut self, steps: &'static [(Step, f64)]) -> Self {
        self.steps = steps;
        self
    }

    /// Words for values.
    #[must_use]
    pub const fn words(mut self, words: &'static [(i8, &'static str, Step)]) -> Self {
        self.words = words;
        self
    }

    /// The axis.
    #[must_use]
    pub const fn range(mut self, from: f64, to: f64) -> Self {
        self.range = Some((from, to));
        self
    }

    /// Its size.
    #[must_use]
    pub const fn size(mut self, width: u8, height: u8) -> Self {
        self.size = (width, height);
        self
    }

    /// So many decimals: between 99.99 % and 100 % there is a difference.
    #[must_use]
    pub const fn decimals(mut self, decimals: u8) -> Self {
        self.decimals = Some(decimals);
        self
    }

    /// The alerts that watch the same.
    #[must_use]
    pub const fn alerts(mut self, alerts: &'static [&'static str]) -> Self {
        self.alerts = alerts;
        self
    }
}
