//! The lists of controls that people read: in the README, and beside the presets.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use plimsoll_controls::presets;
use plimsoll_engine::control::{Meta, Registry};

use crate::{Files, between, top};

pub(crate) fn files(registry: &Registry) -> Files {
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    Files::from([
        ("README.md".into(), between(&readme, "controls", &short(registry))),
        ("policies/README.md".into(), long(registry)),
    ])
}

fn short(registry: &Registry) -> String {
    let mut list = String::from("| Control | Severity | Holds when |\n| --- | --- | --- |\n");
    for meta in sorted(registry) {
        let (link, severity, title) = (link(meta, ""), meta.severity.word(), meta.title);
        _ = writeln!(list, "| {link} | {severity} | {title} |");
    }
    list
}

fn long(registry: &Registry) -> String {
    let mut page = String::from(
        "<!-- Generated from the controls and presets; do not edit (operator/cli/tests/generated). -->\n\
         # Presets and controls\n\n\
         A `SecurityBaseline` takes over a preset by `spec.extends`, changes parameters under `spec.controls`, and switches \
         a control\noff with `mode: Disabled`. `plimsoll explain baseline NAME|FILE` shows what is in force and where it came \
         from.\n\n## Presets\n\n| Preset | Controls |\n| --- | --- |\n",
    );
    let mut members: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let presets = presets();
    for preset in &presets {
        let name = &preset.name;
        _ = writeln!(page, "| [{name}]({name}.yaml) | {} |", preset.controls.len());
        for id in preset.controls.keys() {
            members.entry(id).or_default().push(name.clone());
        }
    }
    for (family, metas) in families(registry) {
        _ = write!(
            page,
            "\n## {family}\n\n| Control | Severity | Holds when | Grace | Safe repairs write | Presets | Maps to |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        for meta in metas {
            page.push_str(&row(meta, members.get(meta.id).map_or(&[], Vec::as_slice)));
        }
    }
    page
}

fn row(meta: &Meta, presets: &[String]) -> String {
    let repairs: Vec<&str> = meta.rights.iter().map(|right| right.kind.info().kind).collect();
    let maps: Vec<String> = meta
        .mappings
        .iter()
        .map(|(framework, item)| format!("{framework} {item}"))
        .collect();
    let cells = [
        link(meta, "../"),
        meta.severity.word().into(),
        meta.title.into(),
        meta.fail_after.to_string(),
        or_dash(&repairs.join(", ")),
        or_dash(&presets.join(", ")),
        or_dash(&maps.join(", ")),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "–".into()
    } else {
        text.into()
    }
}

/// The control's id, leading to its page.
fn link(meta: &Meta, up: &str) -> String {
    let folder = meta.id.replace('-', "_");
    let page = format!("operator/controls/src/{folder}/README.md");
    assert!(top().join(&page).is_file(), "{page} is missing");
    format!("[{}]({up}{page})", meta.id)
}

fn sorted(registry: &Registry) -> Vec<&Meta> {
    let mut metas: Vec<&Meta> = registry.metas().collect();
    metas.sort_by_key(|meta| meta.id);
    metas
}

fn families(registry: &Registry) -> BTreeMap<&str, Vec<&Meta>> {
    let mut families: BTreeMap<&str, Vec<&Meta>> = BTreeMap::new();
    for meta in sorted(registry) {
        let family = meta.id.split_once('/').map_or(meta.id, |(family, _)| family);
        families.entry(family).or_default().push(meta);
    }
    families
}
