//! What the cluster serves: kinds come and go with their CustomResourceDefinitions, and aggregated APIs without any.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt as _, watcher},
};
use plimsoll_engine::kind::{Kind, KindSet};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::ServedKinds;

/// How a kind is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Served {
    /// The version we read it in.
    pub(crate) version: String,
}

/// How often to ask although no definition changed: aggregated APIs have none.
const ASK_EVERY: Duration = Duration::from_mins(1);
/// How long to wait after a definition changed: a kind is served a moment after it was defined.
const AFTER_CHANGE: Duration = Duration::from_millis(500);

/// Keeps `served` up to date with what the cluster serves of `kinds`. Whoever asks for other kinds himself hears by `asked`
/// when it is time to.
pub(crate) async fn watch_served(
    client: Client,
    kinds: KindSet,
    served: watch::Sender<Option<Arc<ServedKinds>>>,
    asked: watch::Sender<u64>,
    stop: CancellationToken,
) {
    let definitions: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(client.clone());
    let changes = watcher(definitions, watcher::Config::default()).default_backoff();
    tokio::pin!(changes);
    let mut ask_at = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(ask_at) => {
                ask_at = Instant::now() + ASK_EVERY;
                asked.send_modify(|times| *times += 1);
                match ask(&client, kinds).await {
                    Ok(found) => publish(&served, found),
                    Err(error) => {
                        warn!(%error, "cannot tell which kinds the cluster serves");
                        ask_at = Instant::now() + Duration::from_secs(2);
                    }
                }
            }
            change = changes.next() => match change {
                Some(Ok(_)) => ask_at = ask_at.min(Instant::now() + AFTER_CHANGE),
                // Without the right to watch definitions the regular question remains.
                Some(Err(error)) => debug!(%error, "the watch on CustomResourceDefinitions failed"),
                None => return,
            },
        }
    }
}

fn publish(served: &watch::Sender<Option<Arc<ServedKinds>>>, found: ServedKinds) {
    served.send_if_modified(|current| {
        let changed = current.as_deref() != Some(&found);
        if changed {
            *current = Some(Arc::new(found));
        }
        changed
    });
}

async fn ask(client: &Client, kinds: KindSet) -> Result<ServedKinds, kube::Error> {
    let groups = client.list_api_groups().await?;
    let mut served = ServedKinds::new();
    for kind in kinds.iter() {
        let info = kind.info();
        if info.group.is_empty() {
            served.insert(
                kind,
                Served {
                    version: info.versions[0].into(),
                },
            );
            continue;
        }
        let offered = groups
            .groups
            .iter()
            .find(|g| g.name == info.group)
            .map(|g| g.versions.as_slice());
        let wanted = info
            .versions
            .iter()
            .filter(|v| offered.unwrap_or_default().iter().any(|o| o.version == **v));
        for version in wanted {
            if serves(client, kind, version).await? {
                served.insert(
                    kind,
                    Served {
                        version: (*version).into(),
                    },
                );
                break;
            }
        }
    }
    Ok(served)
}

async fn serves(client: &Client, kind: Kind, version: &str) -> Result<bool, kube::Error> {
    let info = kind.info();
    if matches!(info.presence, plimsoll_engine::kind::Presence::Builtin) {
        return Ok(true);
    }
    match client
        .list_api_group_resources(&format!("{}/{version}", info.group))
        .await
    {
        Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == info.plural)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
