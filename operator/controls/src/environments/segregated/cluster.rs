//! The cluster as a whole: releases over several environments, and whether there is an environment besides production.

use std::collections::BTreeSet;

use plimsoll_engine::{
    baseline::Settings, decode::Object, finding::Findings, inventory::Release, kind::Kind, object::Body,
    unknown::Unknown, view::View,
};

use super::Params;
use crate::shared::strangers::WITNESSES;

/// The environment that serves customers.
const PRODUCTION: &str = "production";

pub(super) fn check(view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
    let (releases, complete) = view.spread_releases();
    for (release, namespaces) in releases {
        if let Err(unknown) = spans(view, release, &namespaces, out) {
            out.unknown(unknown);
        }
    }
    if let Err(unknown) = complete {
        out.unknown(unknown);
    }
    if !params.require_non_production {
        return Ok(());
    }
    let settings = view.settings()?;
    match settings.cluster_environment() {
        Some(own) => peers(own, settings, params, out),
        None => non_production(view, settings, out),
    }
}

/// One deployment that reaches into two environments under one ServiceAccount name.
fn spans(
    view: &View<'_>,
    release: &Release,
    namespaces: &[&std::sync::Arc<str>],
    out: &mut Findings,
) -> Result<(), Unknown> {
    let mut environments = BTreeSet::new();
    let mut witnesses = Vec::new();
    let mut without = None;
    let mut in_scope = false;
    for namespace in namespaces {
        let standing = view.standing_of(namespace)?;
        if standing.platform {
            continue;
        }
        in_scope |= standing.in_scope;
        let Some(environment) = &standing.environment else {
            without = Some(Unknown::environment(namespace));
            continue;
        };
        environments.insert(environment.clone());
        if let Some(workload) = view.released(release, namespace).first() {
            witnesses.push(format!("{}: {environment}", workload.name));
        }
    }
    if !in_scope {
        return Ok(());
    }
    if environments.len() > 1 {
        let listed: Vec<&str> = environments.iter().map(|e| &**e).collect();
        let message = format!(
            "{} has workloads in {} under the same ServiceAccount name {}",
            release.name,
            listed.join(" and "),
            release.service_account
        );
        let mut finding = out
            .fail("ReleaseSpansEnvironments", message)
            .detail(format!("{}, {}", release.name, release.service_account));
        for witness in witnesses.into_iter().take(WITNESSES) {
            finding = finding.seen(witness);
        }
        return Ok(());
    }
    match without {
        // With one namespace beside it the release may or may not span two environments.
        Some(unknown) if !environments.is_empty() => Err(unknown),
        _ => Ok(()),
    }
}

/// The cluster has one environment: the others are on somebody's word.
fn peers(own: &str, settings: &Settings, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
    let is_production = |value: &str| settings.normalise(value).as_deref().unwrap_or(value) == PRODUCTION;
    if !is_production(own) || params.peer_clusters.iter().any(|p| !is_production(&p.environment)) {
        return Ok(());
    }
    if params.peer_clusters.is_empty() {
        return Err(Unknown::new(
            "AttestationNeeded",
            "whether a cluster besides production exists cannot be seen from here: peerClusters declares it",
        ));
    }
    let finding = out.fail(
        "NoNonProduction",
        "every declared peer cluster is production: no environment to try changes in",
    );
    params
        .peer_clusters
        .iter()
        .take(WITNESSES)
        .fold(finding, |finding, peer| {
            finding.seen(format!("{}: {}", peer.name, peer.environment))
        });
    Ok(())
}

/// Some namespace, in scope or not, belongs to another environment than production.
fn non_production(view: &View<'_>, settings: &Settings, out: &mut Findings) -> Result<(), Unknown> {
    if settings.overridden().any(|(_, environment)| **environment != *PRODUCTION) {
        return Ok(());
    }
    let mut complete = Ok(());
    for key in settings.environment_keys() {
        let (values, all) = view.label_values("", key);
        complete = complete.and(all);
        let other = |value: &str| settings.normalise(value).is_some_and(|e| *e != *PRODUCTION);
        if values
            .into_iter()
            .any(|value| other(value) && is_meant(view, settings, key, value))
        {
            return Ok(());
        }
    }
    complete?;
    all_given(view, settings)?;
    out.fail(
        "NoNonProduction",
        "no namespace belongs to an environment besides production: changes are tried on customers",
    );
    Ok(())
}

/// Of a namespace that a scan was not given only an assumption is known, and it may well be the one that is missed.
fn all_given(view: &View<'_>, settings: &Settings) -> Result<(), Unknown> {
    if settings.assumed_environment().is_none() {
        return Ok(());
    }
    let implied = |object: &Object| matches!(&object.body, Ok(Body::Namespace(ns)) if ns.is_implied());
    match view.all(Kind::Namespace)?.into_iter().find(|object| implied(object)) {
        Some(object) => Err(Unknown::namespace_not_given(object.name.name())),
        None => Ok(()),
    }
}

/// Whether some namespace carries the value under the key that decides for it.
fn is_meant(view: &View<'_>, settings: &Settings, key: &str, value: &str) -> bool {
    // The first key always decides; no need to look at the namespaces, and to run again with each of them.
    key == settings.environment_key()
        || view
            .labelled("", key, value)
            .iter()
            .any(|namespace| settings.environment_label(&namespace.meta.labels) == Some(value))
}
