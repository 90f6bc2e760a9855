//! Dashboards as Grafana's classic JSON, which every version since 9 imports (13 migrates it on import).

use serde_json::{Map, Value, json};

use super::{Dashboard, Look, Panel, Query, Row, Step, Variable, variable::COMMON};
use crate::RUNBOOKS;

/// The version of the classic schema that is written; Grafana migrates older ones.
const SCHEMA: u32 = 39;
/// Columns of a dashboard.
const COLUMNS: u8 = 24;

pub(super) fn dashboard(dashboard: &Dashboard) -> Value {
    json!({
        "uid": dashboard.uid(),
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["plimsoll", "security", "kubernetes"],
        "editable": false,
        "graphTooltip": 1,
        "refresh": "1m",
        "schemaVersion": SCHEMA,
        "style": "dark",
        "time": { "from": dashboard.from, "to": "now" },
        "timezone": "browser",
        "annotations": { "list": [] },
        "links": links(),
        "templating": { "list": variables(dashboard) },
        "panels": panels(&dashboard.rows),
    })
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "$datasource" })
}

fn links() -> Value {
    json!([
        { "type": "dashboards", "title": "Plimsoll", "tags": ["plimsoll"], "asDropdown": false, "includeVars": true,
          "keepTime": true, "targetBlank": false, "icon": "external link", "tooltip": "", "url": "" },
        { "type": "link", "title": "Runbooks", "tags": [], "asDropdown": false, "includeVars": false,
          "keepTime": false, "targetBlank": true, "icon": "doc", "tooltip": "What to do about each alert", "url": RUNBOOKS },
    ])
}

fn variables(dashboard: &Dashboard) -> Vec<Value> {
    let source = json!({
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0,
        "current": {}, "options": [], "refresh": 1, "regex": "", "includeAll": false, "multi": false,
        "skipUrlSync": false,
    });
    let queried = COMMON.iter().chain(dashboard.variables).map(variable);
    std::iter::once(source).chain(queried).collect()
}

fn variable(variable: &Variable) -> Value {
    let Variable {
        name,
        metric,
        matchers,
        ..
    } = variable;
    let query = if matchers.is_empty() {
        format!("label_values({metric}, {name})")
    } else {
        format!("label_values({metric}{{{matchers}}}, {name})")
    };
    json!({
        "name": name, "label": variable.label, "type": "query", "datasource": datasource(), "query": query,
        "definition": query, "allValue": variable.all, "current": { "text": "All", "value": "$__all" },
        "options": [], "includeAll": true, "multi": true, "refresh": 2, "sort": 1, "regex": "", "hide": 0,
        "skipUrlSync": false,
    })
}

/// The panels, flowing from left to right, under the headings of their rows. They have no id of their own: Grafana gives them.
fn panels(rows: &[Row]) -> Vec<Value> {
    let (mut all, mut id, mut y) = (Vec::new(), 0_u32, 0_u32);
    let mut next = || {
        id += 1;
        id
    };
    for row in rows {
        all.push(json!({
            "id": next(), "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": y, "w": COLUMNS, "h": 1 },
        }));
        y += 1;
        let (mut x, mut lowest) = (0, 0);
        for one in &row.panels {
            let (width, height) = one.size;
            if x + width > COLUMNS {
                y += u32::from(lowest);
                (x, lowest) = (0, 0);
            }
            let mut value = panel(one);
            value["id"] = next().into();
            value["gridPos"] = json!({ "x": x, "y": y, "w": width, "h": height });
            all.push(value);
            x += width;
            lowest = lowest.max(height);
        }
        y += u32::from(lowest);
    }
    all
}

fn panel(panel: &Panel) -> Value {
    let links: Vec<Value> = panel.alerts.iter().map(|alert| runbook(alert)).collect();
    let mut value = json!({
        "type": kind(panel.look),
        "title": panel.title,
        "description": panel.description,
        "datasource": datasource(),
        "links": links,
        "targets": targets(panel),
        "fieldConfig": { "defaults": defaults(panel), "overrides": overrides(panel) },
        "options": options(panel.look),
    });
    if let Look::Table { columns } = panel.look {
        value["transformations"] = transformations(columns, &panel.queries);
    }
    value
}

fn runbook(alert: &str) -> Value {
    json!({ "title": format!("Runbook: {alert}"), "url": format!("{RUNBOOKS}/{alert}.md"), "targetBlank": true })
}

const fn kind(look: Look) -> &'static str {
    match look {
        Look::Stat => "stat",
        Look::Bars => "bargauge",
        Look::Lines | Look::Stack => "timeseries",
        Look::States => "state-timeline",
        Look::Table { .. } => "table",
    }
}

fn targets(panel: &Panel) -> Vec<Value> {
    let (format, instant) = match panel.look {
        Look::Table { .. } => ("table", true),
        Look::Bars => ("time_series", true),
        _ => ("time_series", false),
    };
    let target = |(ref_id, query): (char, &Query)| {
        json!({
            "refId": ref_id.to_string(), "datasource": datasource(), "expr": query.expr, "legendFormat": query.legend,
            "format": format, "instant": instant, "range": !instant, "editorMode": "code",
        })
    };
    ('A'..='Z').zip(&panel.queries).map(target).collect()
}

fn steps(steps: &[(Step, f64)]) -> Value {
    // The first has no value: it reaches down without end.
    let step = |(i, (step, from)): (usize, &(Step, f64))| {
        let value = if i == 0 { Value::Null } else { json!(from) };
        json!({ "color": step.colour(), "value": value })
    };
    let steps: Vec<Value> = steps.iter().enumerate().map(step).collect();
    json!({ "mode": "absolute", "steps": steps })
}

fn mappings(panel: &Panel) -> Value {
    let words = panel.words.iter().enumerate();
    let options: Map<String, Value> = words
        .map(|(index, (value, text, step))| {
            let shown = json!({ "text": text, "color": step.colour(), "index": index });
            (value.to_string(), shown)
        })
        .collect();
    json!([{ "type": "value", "options": options }])
}

fn defaults(panel: &Panel) -> Value {
    let by_value = matches!(
        panel.look,
        Look::Stat | Look::Bars | Look::States | Look::Table { .. }
    );
    let mut defaults = json!({
        "unit": panel.unit.id(),
        "color": { "mode": if by_value { "thresholds" } else { "palette-classic" } },
        "thresholds": steps(panel.steps),
        "custom": custom(panel),
    });
    if !panel.words.is_empty() {
        defaults["mappings"] = mappings(panel);
    }
    if let Some((from, to)) = panel.range {
        defaults["min"] = from.into();
        defaults["max"] = to.into();
    }
    // A table has columns in units of their own: it says there where decimals count.
    if let (Some(decimals), false) = (panel.decimals, matches!(panel.look, Look::Table { .. })) {
        defaults["decimals"] = decimals.into();
    }
    defaults
}

fn custom(panel: &Panel) -> Value {
    // A threshold that says what is bad is drawn; one without judgement is not.
    let threshold = if panel.steps.len() > 1 { "dashed" } else { "off" };
    match panel.look {
        Look::Lines => json!({
            "lineWidth": 1, "fillOpacity": 0, "showPoints": "never", "thresholdsStyle": { "mode": threshold },
        }),
        Look::Stack => json!({
            "lineWidth": 1, "fillOpacity": 60, "showPoints": "never", "stacking": { "mode": "normal", "group": "A" },
        }),
        Look::States => json!({ "fillOpacity": 80, "lineWidth": 0 }),
        Look::Table { .. } => json!({ "align": "auto", "filterable": true }),
        Look::Stat | Look::Bars => json!({}),
    }
}

/// Columns of a table in units of their own, coloured where there are thresholds.
fn overrides(panel: &Panel) -> Vec<Value> {
    let Look::Table { .. } = panel.look else {
        return Vec::new();
    };
    let column = |query: &Query| {
        let unit = query.unit.unwrap_or(panel.unit);
        let mut properties = vec![json!({ "id": "unit", "value": unit.id() })];
        if let (None, Some(decimals)) = (query.unit, panel.decimals) {
            properties.push(json!({ "id": "decimals", "value": decimals }));
        }
        if panel.steps.len() > 1 && query.unit.is_none() {
            properties.push(json!({
                "id": "custom.cellOptions", "value": { "type": "color-background", "mode": "basic" },
            }));
        }
        json!({ "matcher": { "id": "byName", "options": query.legend }, "properties": properties })
    };
    panel.queries.iter().map(column).collect()
}

fn options(look: Look) -> Value {
    let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    let legend = json!({ "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] });
    match look {
        Look::Stat => json!({
            "reduceOptions": last, "colorMode": "value", "graphMode": "area", "justifyMode": "auto",
            "orientation": "auto", "textMode": "auto",
        }),
        Look::Bars => json!({
            "reduceOptions": last, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": true,
            "valueMode": "color",
        }),
        Look::Lines | Look::Stack => {
            json!({ "legend": legend, "tooltip": { "mode": "multi", "sort": "desc" } })
        }
        Look::States => json!({
            "legend": legend, "mergeValues": true, "showValue": "never", "rowHeight": 0.8, "alignValue": "left",
            "tooltip": { "mode": "single", "sort": "none" },
        }),
        Look::Table { .. } => json!({ "cellHeight": "sm", "showHeader": true, "footer": { "show": false } }),
    }
}

/// One row for each set of labels, its columns named and in order.
fn transformations(columns: &[(&str, &str)], queries: &[Query]) -> Value {
    let (mut names, mut order) = (Map::new(), Map::new());
    for (label, title) in columns {
        order.insert((*label).into(), order.len().into());
        names.insert((*label).into(), (*title).into());
    }
    let single = queries.len() == 1;
    for (ref_id, query) in ('A'..='Z').zip(queries) {
        let value = if single {
            "Value".to_owned()
        } else {
            format!("Value #{ref_id}")
        };
        order.insert(value.clone(), order.len().into());
        names.insert(value, query.legend.into());
    }
    json!([
        { "id": "merge", "options": {} },
        { "id": "organize", "options": {
            "excludeByName": { "Time": true, "cluster": true, "job": true },
            "indexByName": order, "renameByName": names,
        } },
    ])
}
