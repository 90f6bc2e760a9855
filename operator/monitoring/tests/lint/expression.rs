//! What an expression gives: with which labels, in which unit. Panics where that makes no sense.

use std::collections::BTreeSet;

use plimsoll_engine::metric::{Metric, MetricKind, Unit};
use plimsoll_monitoring::Pace;
use plimsoll_monitoring::alert::recorded;
use promql_parser::parser::{
    self, BinaryExpr, Expr, LabelModifier, VectorMatchCardinality, VectorSelector, token,
};

/// Labels that Prometheus adds to what it scrapes.
const TARGET: [&str; 3] = ["cluster", "instance", "job"];
/// Series that Prometheus itself makes of a scrape.
const SCRAPE: [&str; 1] = ["scrape_samples_scraped"];

/// Labels by name.
pub(crate) type Labels = BTreeSet<String>;

/// What values mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measured {
    Count,
    Ratio,
    Seconds,
    Timestamp,
    Milliseconds,
    Bytes,
    PerSecond,
    /// A number in the expression.
    Number,
}

pub(crate) fn parse(expr: &str) -> Expr {
    // Variables of Grafana stand where values do.
    let expr = expr.replace("$__rate_interval", "5m");
    parser::parse(&expr).unwrap_or_else(|error| panic!("{expr}: {error}"))
}

/// Every selector, with the function whose range it is.
pub(crate) fn selectors(expr: &Expr) -> Vec<(&VectorSelector, Option<&'static str>)> {
    fn walk<'a>(
        expr: &'a Expr,
        call: Option<&'static str>,
        all: &mut Vec<(&'a VectorSelector, Option<&'static str>)>,
    ) {
        match expr {
            Expr::VectorSelector(selector) => all.push((selector, None)),
            Expr::MatrixSelector(range) => all.push((&range.vs, call)),
            Expr::Aggregate(aggregate) => walk(&aggregate.expr, None, all),
            Expr::Unary(unary) => walk(&unary.expr, None, all),
            Expr::Paren(paren) => walk(&paren.expr, call, all),
            Expr::Subquery(inner) => walk(&inner.expr, None, all),
            Expr::Binary(binary) => {
                walk(&binary.lhs, None, all);
                walk(&binary.rhs, None, all);
            }
            Expr::Call(call) => call
                .args
                .args
                .iter()
                .for_each(|arg| walk(arg, Some(call.func.name), all)),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }
    let mut all = Vec::new();
    walk(expr, None, &mut all);
    all
}

/// The metric of a series; nothing for those of Prometheus and for recorded ones.
pub(crate) fn metric(name: &str) -> Option<&'static Metric> {
    if SCRAPE.contains(&name) || recorded(Pace::REAL).iter().any(|rule| rule.name == name) {
        return None;
    }
    let series = |metric: &&Metric| match metric.kind {
        MetricKind::Histogram => ["bucket", "count", "sum"]
            .iter()
            .any(|part| name == format!("{metric}_{part}")),
        MetricKind::Gauge | MetricKind::Counter => name == metric.to_string(),
    };
    let found = plimsoll_metrics::all().find(series);
    Some(found.unwrap_or_else(|| panic!("{name} is no metric of the catalogue")))
}

fn name(selector: &VectorSelector) -> &str {
    selector.name.as_deref().expect("a selector names its metric")
}

/// The labels that a selector's series have; its matchers may use no other.
fn selected(selector: &VectorSelector) -> Labels {
    let target = TARGET.map(str::to_owned);
    let rules = recorded(Pace::REAL);
    let recorded = rules.iter().find(|rule| rule.name == name(selector));
    let mut all: Labels = match (recorded, metric(name(selector))) {
        (Some(rule), _) => rule
            .labels
            .iter()
            .chain(&["cluster", "job"])
            .map(|label| (*label).to_owned())
            .collect(),
        (None, Some(metric)) => metric
            .labels
            .iter()
            .map(|label| (*label).to_owned())
            .chain(target)
            .collect(),
        (None, None) => target.into(),
    };
    if name(selector).ends_with("_bucket") {
        all.insert("le".into());
    }
    for matcher in &selector.matchers.matchers {
        assert!(
            all.contains(&matcher.name),
            "{selector}: no label {}",
            matcher.name
        );
    }
    all
}

/// The labels of what an expression gives.
pub(crate) fn labels(expr: &Expr) -> Labels {
    match expr {
        Expr::VectorSelector(selector) => selected(selector),
        Expr::MatrixSelector(range) => selected(&range.vs),
        Expr::Paren(paren) => labels(&paren.expr),
        Expr::Unary(unary) => labels(&unary.expr),
        Expr::Subquery(inner) => labels(&inner.expr),
        Expr::Aggregate(aggregate) => {
            let inner = labels(&aggregate.expr);
            if aggregate.op.id() == token::T_TOPK || aggregate.op.id() == token::T_BOTTOMK {
                return inner;
            }
            match &aggregate.modifier {
                None => Labels::new(),
                Some(LabelModifier::Include(by)) => {
                    let by: Labels = by.labels.iter().cloned().collect();
                    assert!(by.is_subset(&inner), "{aggregate}: by {by:?}, of {inner:?}");
                    by
                }
                Some(LabelModifier::Exclude(_)) => panic!("{aggregate}: what `without` leaves is not known"),
            }
        }
        Expr::Call(call) => match call.func.name {
            "absent" | "time" | "vector" => {
                call.args.args.iter().for_each(|arg| drop(labels(arg)));
                Labels::new()
            }
            "histogram_quantile" => {
                let mut inner = labels(&call.args.args[1]);
                assert!(inner.remove("le"), "{call}: le is gone");
                inner
            }
            "rate" | "increase" | "label_replace" => labels(&call.args.args[0]),
            other => panic!("{other} is not used so far"),
        },
        Expr::Binary(binary) => joined(binary),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Labels::new(),
        Expr::Extension(_) => panic!("not PromQL"),
    }
}

fn is_scalar(expr: &Expr) -> bool {
    match expr {
        Expr::NumberLiteral(_) => true,
        Expr::Call(call) => call.func.name == "time",
        Expr::Paren(paren) => is_scalar(&paren.expr),
        Expr::Binary(binary) => is_scalar(&binary.lhs) && is_scalar(&binary.rhs),
        _ => false,
    }
}

fn is_vector_of_none(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(call) if call.func.name == "vector")
}

/// Series match by equal labels: sides that differ would match nothing.
fn joined(binary: &BinaryExpr) -> Labels {
    let (left, right) = (labels(&binary.lhs), labels(&binary.rhs));
    if is_scalar(&binary.lhs) {
        return right;
    }
    if is_scalar(&binary.rhs) {
        return left;
    }
    if is_vector_of_none(&binary.rhs) {
        assert!(
            left.is_empty(),
            "{binary}: what has labels stands beside the vector, not in its place"
        );
        return left;
    }
    let modifier = binary.modifier.as_ref();
    if let Some(LabelModifier::Include(on)) = modifier.and_then(|m| m.matching.as_ref()) {
        let on: Labels = on.labels.iter().cloned().collect();
        assert!(on.is_subset(&left) && on.is_subset(&right), "{binary}: on {on:?}");
        return match modifier.map(|m| &m.card) {
            Some(VectorMatchCardinality::ManyToOne(_)) => left,
            Some(VectorMatchCardinality::OneToMany(_)) => right,
            _ => on,
        };
    }
    assert_eq!(left, right, "{binary}: its sides match nothing");
    left
}

/// In which unit an expression's values are.
pub(crate) fn measured(expr: &Expr) -> Measured {
    match expr {
        Expr::NumberLiteral(_) => Measured::Number,
        Expr::VectorSelector(selector) => unit(selector),
        Expr::MatrixSelector(range) => unit(&range.vs),
        Expr::Paren(paren) => measured(&paren.expr),
        Expr::Unary(unary) => measured(&unary.expr),
        Expr::Subquery(inner) => measured(&inner.expr),
        Expr::Aggregate(aggregate) if aggregate.op.id() == token::T_COUNT => Measured::Count,
        Expr::Aggregate(aggregate) => measured(&aggregate.expr),
        Expr::Call(call) => match call.func.name {
            "time" => Measured::Timestamp,
            "vector" | "absent" => Measured::Number,
            "increase" | "label_replace" => measured(&call.args.args[0]),
            "rate" => match measured(&call.args.args[0]) {
                Measured::Seconds => Measured::Count, // seconds per second
                _ => Measured::PerSecond,
            },
            // Of buckets, whose unit is that of what was observed.
            "histogram_quantile" => unit(selectors(&call.args.args[1])[0].0),
            other => panic!("{other} is not used so far"),
        },
        Expr::Binary(binary) => combined(binary),
        Expr::StringLiteral(_) | Expr::Extension(_) => panic!("{expr} has no unit"),
    }
}

fn unit(selector: &VectorSelector) -> Measured {
    let Some(metric) = metric(name(selector)) else {
        return if name(selector).contains(":ratio") {
            Measured::Ratio
        } else {
            Measured::Count
        };
    };
    match metric.unit {
        Unit::Seconds
            if metric.name.ends_with("_timestamp_seconds") || metric.name.ends_with("_time_seconds") =>
        {
            Measured::Timestamp
        }
        Unit::Seconds => Measured::Seconds,
        Unit::Bytes => Measured::Bytes,
        Unit::Ratio => Measured::Ratio,
        Unit::None => Measured::Count,
    }
}

fn combined(binary: &BinaryExpr) -> Measured {
    use Measured::{Count, Milliseconds, Number, Ratio, Seconds, Timestamp};
    let (left, right) = (measured(&binary.lhs), measured(&binary.rhs));
    let either = if left == Number { right } else { left };
    let same = || {
        assert!(
            left == right || left == Number || right == Number,
            "{binary}: {left:?} and {right:?}"
        );
        either
    };
    match binary.op.id() {
        token::T_SUB if left == Timestamp && right == Timestamp => Seconds,
        token::T_MUL if left == Number && right == Timestamp => Milliseconds,
        // A count times an info metric, a share times a rate.
        token::T_MUL => either,
        token::T_DIV if left == right && left == Ratio => Count,
        token::T_DIV if left == right => Ratio,
        token::T_DIV => panic!("{binary}: {left:?} by {right:?}"),
        token::T_LAND | token::T_LUNLESS => left,
        _ if binary.modifier.as_ref().is_some_and(|m| m.return_bool) => {
            same();
            Count
        }
        _ => same(),
    }
}
