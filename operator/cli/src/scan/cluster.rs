//! A live cluster, looked at once.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use jiff::Timestamp;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use plimsoll_controller::{ListError, Listed, list_json, list_once};
use plimsoll_engine::{
    coverage::Coverage,
    decode::{DecodePlan, Object},
    kind::Kind,
};

use crate::exceptions;

/// What one look at a cluster gave.
pub(crate) struct Cluster {
    pub(crate) objects: Vec<Object>,
    pub(crate) coverage: Vec<(Kind, Coverage)>,
    pub(crate) exceptions: Vec<exceptions::Given>,
    /// Why kinds could not be listed, and exceptions that cannot be accepted.
    pub(crate) complaints: Vec<String>,
}

/// Connects as kubectl would: the kubeconfig given, `$KUBECONFIG`, `~/.kube/config`, or the service account of the pod.
pub(crate) async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Client> {
    let options = KubeConfigOptions {
        context: context.map(Into::into),
        ..KubeConfigOptions::default()
    };
    let config = match (kubeconfig, context) {
        (Some(file), _) => {
            let kubeconfig = Kubeconfig::read_from(file).with_context(|| file.display().to_string())?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await?
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await?,
        (None, None) => Config::infer().await?,
    };
    Client::try_from(config).context("cannot connect to the cluster")
}

/// Lists every kind, decoded under a plan, and the exceptions. What may not be read is Unknown, not an error.
pub(crate) async fn look(
    client: &Client,
    kinds: impl IntoIterator<Item = Kind>,
    plan: &Arc<DecodePlan>,
    now: Timestamp,
) -> Result<Cluster> {
    let listed = list_once(client, kinds, plan).await;
    if let Some(why) = unreachable(&listed) {
        anyhow::bail!("the cluster cannot be read: {why}");
    }
    let mut cluster = Cluster {
        objects: Vec::new(),
        coverage: Vec::new(),
        exceptions: Vec::new(),
        complaints: Vec::new(),
    };
    for (kind, result) in listed {
        cluster.take(kind, result);
    }
    cluster.take_exceptions(
        list_json(client, "plimsoll.dev", "v1alpha1", "baselineexceptions").await,
        now,
    );
    Ok(cluster)
}

/// Why nothing at all could be listed: a wrong address or token rather than a missing right.
fn unreachable(listed: &[Listed]) -> Option<&ListError> {
    listed
        .iter()
        .all(|(_, result)| result.is_err())
        .then(|| listed.iter().find_map(|(_, result)| result.as_ref().err()))
        .flatten()
}

impl Cluster {
    fn take(&mut self, kind: Kind, listed: Result<Vec<Object>, ListError>) {
        match listed {
            Ok(objects) => {
                self.objects.extend(objects);
                self.coverage.push((kind, Coverage::Complete));
            }
            Err(why) => {
                self.coverage.push((kind, why.coverage()));
                if !(kind.is_optional() && matches!(why, ListError::Absent(_))) {
                    self.complaints.push(why.to_string());
                }
            }
        }
    }

    fn take_exceptions(&mut self, listed: Result<Vec<serde_json::Value>, ListError>, now: Timestamp) {
        match listed {
            // Plimsoll need not be installed where it is only asked to look.
            Err(ListError::Absent(_)) => {}
            Err(why) => self.complaints.push(why.to_string()),
            Ok(objects) => {
                for object in objects {
                    let (given, wrong) = exceptions::read(&object, now);
                    self.complaints.extend(wrong.iter().map(|c| {
                        let name = object["metadata"]["name"].as_str().unwrap_or_default();
                        format!("BaselineException {name}: {}: {}", c.field, c.message)
                    }));
                    self.exceptions.push(given);
                }
            }
        }
    }
}
