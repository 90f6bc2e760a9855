//! A preview of the dashboards with what Prometheus answered: one self-contained page each, drawn here and not by Grafana. Written
//! where `PLIMSOLL_PREVIEW` names a folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use kube_test::Prometheus;
use plimsoll_monitoring::{
    Dashboard,
    dashboard::{Look, Panel, Query, Step, Unit},
    dashboards,
};
use serde_json::Value;

use crate::dashboards::{encoded, filled};

const STYLE: &str = "body{background:#111217;color:#ccccdc;font:13px sans-serif;margin:12px}h1{font-size:18px;font-weight:500}\
    .grid{display:grid;grid-template-columns:repeat(24,1fr);grid-auto-rows:30px;gap:6px}\
    .panel{background:#181b1f;border:1px solid #2c3235;padding:6px;overflow:hidden}.panel h2{font-size:12px;margin:0 0 4px}\
    .row{font-weight:500;padding-top:6px}.big{font-size:26px;display:flex;gap:14px;align-items:center;height:70%}\
    table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:2px 6px;border-bottom:1px solid #2c3235}\
    .bar{height:14px;display:inline-block;vertical-align:middle}.note{background:#5a3a00;padding:4px 8px}small{opacity:.7}\
    svg{width:100%;height:75%}";
const COLOURS: [&str; 8] = [
    "#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#8ab8ff", "#c8f2c2",
];

/// A series: its name, and its values over time.
type Series = (String, Vec<(f64, f64)>);

/// Draws all of them, if somebody wants to see them.
pub(crate) async fn draw(prometheus: &Prometheus) {
    let Some(folder) = env::var_os("PLIMSOLL_PREVIEW").map(PathBuf::from) else {
        return;
    };
    fs::create_dir_all(&folder).unwrap();
    // Lines need a past.
    tokio::time::sleep(std::time::Duration::from_mins(2)).await;
    for dashboard in dashboards() {
        let page = page(prometheus, &dashboard).await;
        fs::write(folder.join(format!("{}.html", dashboard.name)), page).unwrap();
    }
}

async fn page(prometheus: &Prometheus, dashboard: &Dashboard) -> String {
    let json = dashboard.json();
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><title>{0}</title><style>{STYLE}</style><h1>{0}</h1><p class=note>Preview, drawn by \
         Plimsoll's tests from a real Prometheus. It is not Grafana.</p><div class=grid>",
        dashboard.title
    );
    let mut panels = dashboard.panels();
    for placed in json["panels"].as_array().unwrap() {
        let at = |key: &str| placed["gridPos"][key].as_u64().unwrap();
        let place = format!(
            "grid-column:{}/span {};grid-row:{}/span {}",
            at("x") + 1,
            at("w"),
            at("y") + 1,
            at("h")
        );
        if placed["type"] == "row" {
            let title = placed["title"].as_str().unwrap();
            _ = write!(page, "<div class=row style='{place}'>{title}</div>");
            continue;
        }
        let panel = panels.next().unwrap();
        let body = body(prometheus, panel).await;
        _ = write!(
            page,
            "<div class=panel style='{place}'><h2>{}</h2>{body}</div>",
            panel.title
        );
    }
    page + "</div>"
}

async fn body(prometheus: &Prometheus, panel: &Panel) -> String {
    let mut all = Vec::new();
    for query in &panel.queries {
        let mut found = range(prometheus, query).await;
        if !matches!(panel.look, Look::Lines | Look::Stack | Look::States) {
            // What is no longer there is no last value.
            let now = jiff::Timestamp::now().as_duration().as_secs_f64();
            found.retain(|(_, values)| values.last().is_some_and(|(at, _)| now - at < 10.0));
        }
        all.push((query, found));
    }
    let flat: Vec<Series> = all
        .iter()
        .flat_map(|(query, found)| {
            found
                .iter()
                .map(|(labels, values)| (legend(query, labels), values.clone()))
        })
        .collect();
    match panel.look {
        Look::Stat => stat(panel, &flat),
        Look::Bars => bars(panel, &flat),
        Look::Lines => lines(panel, &flat, false),
        Look::Stack => lines(panel, &flat, true),
        Look::States => states(panel, &flat),
        Look::Table { columns } => table(panel, columns, &all),
    }
}

type Found = Vec<(BTreeMap<String, String>, Vec<(f64, f64)>)>;

/// The last three minutes.
async fn range(prometheus: &Prometheus, query: &Query) -> Found {
    let now = jiff::Timestamp::now().as_second();
    let path = format!(
        "query_range?query={}&start={}&end={now}&step=2",
        encoded(&filled(&query.expr)),
        now - 180
    );
    let data = prometheus.api(&path).await.unwrap();
    let series = |one: &Value| {
        let labels = serde_json::from_value(one["metric"].clone()).unwrap();
        let values = one["values"].as_array().unwrap().iter();
        let value = |pair: &Value| Some((pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?));
        (labels, values.filter_map(value).collect())
    };
    data["result"].as_array().unwrap().iter().map(series).collect()
}

fn legend(query: &Query, labels: &BTreeMap<String, String>) -> String {
    let named = labels
        .iter()
        .fold(query.legend.to_owned(), |text, (label, value)| {
            text.replace(&format!("{{{{{label}}}}}"), value)
        });
    // A label that is empty is none.
    named.split("{{").next().unwrap_or_default().trim().to_owned()
}

fn last((_, values): &Series) -> f64 {
    values.last().map_or(f64::NAN, |(_, value)| *value)
}

fn colour(panel: &Panel, value: f64) -> &'static str {
    let word = panel
        .words
        .iter()
        .find(|(of, ..)| f64::from(*of) == value)
        .map(|(.., step)| *step);
    let mut passed = panel
        .steps
        .iter()
        .enumerate()
        .filter(|(i, (_, from))| *i == 0 || value >= *from);
    match word.or(passed.next_back().map(|(_, (step, _))| *step)) {
        Some(Step::Good) => "#73bf69",
        Some(Step::Fair) => "#ff9830",
        Some(Step::Bad) => "#f2495c",
        Some(Step::Unknown) => "#b877d9",
        Some(Step::Plain) | None => "#5794f2",
    }
}

fn shown(unit: Unit, value: f64) -> String {
    let span = |seconds: f64| match seconds.abs() {
        s if s >= 172_800.0 => format!("{:.1} d", seconds / 86_400.0),
        s if s >= 7_200.0 => format!("{:.1} h", seconds / 3_600.0),
        s if s >= 120.0 => format!("{:.1} min", seconds / 60.0),
        s if s >= 1.0 || s == 0.0 => format!("{seconds:.1} s"),
        _ => format!("{:.2} ms", seconds * 1_000.0),
    };
    match unit {
        Unit::Share => format!("{:.4} %", value * 100.0),
        Unit::Seconds => span(value),
        Unit::FromNow => {
            let ahead = value / 1_000.0 - jiff::Timestamp::now().as_duration().as_secs_f64();
            if ahead < 0.0 {
                format!("{} ago", span(-ahead))
            } else {
                format!("in {}", span(ahead))
            }
        }
        Unit::Bytes => format!("{:.1} MiB", value / 1_048_576.0),
        Unit::PerSecond => format!("{value:.2}/s"),
        Unit::YesNo => if value == 0.0 { "No" } else { "Yes" }.into(),
        Unit::Count => format!("{}", (value * 1000.0).round() / 1000.0),
    }
}

fn text(panel: &Panel, value: f64) -> String {
    let word = panel.words.iter().find(|(of, ..)| f64::from(*of) == value);
    word.map_or_else(|| shown(panel.unit, value), |(_, word, _)| (*word).to_owned())
}

fn stat(panel: &Panel, series: &[Series]) -> String {
    let one = |series: &Series| {
        let value = last(series);
        format!(
            "<span style='color:{}'>{} <small>{}</small></span>",
            colour(panel, value),
            text(panel, value),
            if series.0 == panel.title { "" } else { &series.0 }
        )
    };
    format!(
        "<div class=big>{}</div>",
        series.iter().map(one).collect::<String>()
    )
}

fn bars(panel: &Panel, series: &[Series]) -> String {
    let most = panel
        .range
        .map_or_else(|| series.iter().map(last).fold(0.0, f64::max), |(_, to)| to);
    let one = |series: &Series| {
        let value = last(series);
        let width = (value / most.max(f64::MIN_POSITIVE) * 40.0).clamp(0.5, 40.0);
        format!(
            "<div><span class=bar style='width:{width}%;background:{}'></span> {} {}</div>",
            colour(panel, value),
            text(panel, value),
            series.0
        )
    };
    series.iter().map(one).collect()
}

fn lines(panel: &Panel, series: &[Series], stacked: bool) -> String {
    let (from, to) = span(series);
    let mut sums: BTreeMap<u64, f64> = BTreeMap::new();
    let raised = |series: &Series, sums: &mut BTreeMap<u64, f64>| -> Vec<(f64, f64)> {
        let values = series.1.iter().filter(|(_, value)| value.is_finite());
        values
            .map(|(at, value)| {
                let base = if stacked {
                    sums.entry(at.to_bits()).or_default()
                } else {
                    &mut 0.0
                };
                *base += value;
                (*at, *base)
            })
            .collect()
    };
    let all: Vec<(String, Vec<(f64, f64)>)> = series
        .iter()
        .map(|one| (one.0.clone(), raised(one, &mut sums)))
        .collect();
    let values = || {
        all.iter()
            .flat_map(|(_, values)| values.iter().map(|(_, value)| *value))
    };
    let (low, high) = panel
        .range
        .unwrap_or((values().fold(0.0, f64::min), values().fold(0.0, f64::max)));
    let y = |value: f64| 100.0 - (value - low) / (high - low).max(f64::MIN_POSITIVE) * 96.0;
    let mut svg = String::from("<svg viewBox='0 0 300 100' preserveAspectRatio='none'>");
    let mut names = String::new();
    for ((name, values), colour) in all
        .iter()
        .enumerate()
        .rev()
        .map(|(i, one)| (one, COLOURS[i % COLOURS.len()]))
    {
        let mut points = String::new();
        for (at, value) in values {
            _ = write!(
                points,
                "{:.1},{:.1} ",
                (at - from) / (to - from) * 300.0,
                y(*value)
            );
        }
        let fill = if stacked { colour } else { "none" };
        let ends = if stacked { "300,100 0,100" } else { "" };
        let shape = if stacked { "polygon" } else { "polyline" };
        _ = write!(
            svg,
            "<{shape} points='{points}{ends}' fill='{fill}' fill-opacity='.6' stroke='{colour}' vector-effect='non-scaling-stroke'/>"
        );
        _ = write!(names, "<span style='color:{colour}'>■</span> {name} ");
    }
    format!(
        "{svg}</svg><small>{} to {} · {names}</small>",
        shown(panel.unit, low),
        shown(panel.unit, high)
    )
}

fn span(series: &[Series]) -> (f64, f64) {
    let times = || {
        series
            .iter()
            .flat_map(|(_, values)| values.iter().map(|(at, _)| *at))
    };
    (
        times().fold(f64::MAX, f64::min),
        times().fold(0.0, f64::max) + 2.0,
    )
}

fn states(panel: &Panel, series: &[Series]) -> String {
    let (from, to) = span(series);
    let one = |series: &Series| {
        let cell = |(at, value): &(f64, f64)| {
            let x = (at - from) / (to - from) * 300.0;
            let width = 2.0 / (to - from) * 300.0;
            format!(
                "<rect x='{x:.1}' width='{width:.1}' height='10' fill='{}'/>",
                colour(panel, *value)
            )
        };
        let cells: String = series.1.iter().map(cell).collect();
        format!(
            "<div style='display:flex'><span style='width:30%;overflow:hidden;white-space:nowrap'>{}</span><svg viewBox='0 0 300 10' \
             preserveAspectRatio='none' style='width:70%;height:16px'>{cells}</svg></div>",
            series.0
        )
    };
    series.iter().map(one).collect()
}

fn table(panel: &Panel, columns: &[(&str, &str)], all: &[(&Query, Found)]) -> String {
    let key = |labels: &BTreeMap<String, String>| -> Vec<String> {
        columns
            .iter()
            .map(|(label, _)| labels.get(*label).cloned().unwrap_or_default())
            .collect()
    };
    let rows: BTreeSet<Vec<String>> = all
        .iter()
        .flat_map(|(_, found)| found.iter().map(|(labels, _)| key(labels)))
        .collect();
    let mut table = String::from("<table><tr>");
    let titles = columns
        .iter()
        .map(|(_, title)| *title)
        .chain(all.iter().map(|(query, _)| query.legend));
    titles.for_each(|title| _ = write!(table, "<th>{title}"));
    for row in rows {
        table.push_str("<tr>");
        for cell in &row {
            _ = write!(table, "<td>{cell}");
        }
        for (query, found) in all {
            let value = found
                .iter()
                .find(|(labels, _)| key(labels) == row)
                .and_then(|(_, values)| values.last());
            let cell = value.map(|(_, value)| {
                (
                    shown(query.unit.unwrap_or(panel.unit), *value),
                    colour(panel, *value),
                )
            });
            let style = cell
                .as_ref()
                .filter(|_| query.unit.is_none() && panel.steps.len() > 1);
            let style = style
                .map(|(_, colour)| format!(" style='color:{colour}'"))
                .unwrap_or_default();
            _ = write!(
                table,
                "<td{style}>{}",
                cell.map(|(text, _)| text).unwrap_or_default()
            );
        }
    }
    table + "</table>"
}
