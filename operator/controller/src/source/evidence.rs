//! What other replicas' probers met, as they write it: an input like any object. Followed only while some baseline asks for
//! probes, for records are large and written often.

use std::sync::Arc;

use futures::StreamExt as _;
use kube::{
    Api, Client,
    core::ApiResource,
    runtime::{WatchStreamExt as _, watcher},
};
use plimsoll_api::{EvidenceRecord, GROUP, VERSION};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Input, Raw};
use crate::{Published, output::evidence::namespace_of};

/// Follows evidence until stopped.
pub(crate) async fn watch_evidence(
    client: Client,
    mut published: watch::Receiver<Arc<Published>>,
    inputs: mpsc::Sender<Input>,
    mut outages: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    let asked = |published: &Arc<Published>| published.asides.requests().next().is_some();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            begun = published.wait_for(asked) => if begun.is_err() { return },
        }
        debug!("following what probes met");
        let ended = async { _ = published.wait_for(|now| !asked(now)).await };
        tokio::select! {
            () = stop.cancelled() => return,
            () = ended => {}
            Ok(()) = outages.changed() => {} // its connection may be dead
            () = follow(&client, &inputs) => return,
        }
    }
}

/// Hands on every record that tells of probes, until nobody listens.
async fn follow(client: &Client, inputs: &mpsc::Sender<Input>) {
    let resource = ApiResource {
        group: GROUP.into(),
        version: VERSION.into(),
        api_version: format!("{GROUP}/{VERSION}"),
        kind: "EvidenceRecord".into(),
        plural: "evidencerecords".into(),
    };
    let api: Api<Raw> = Api::all_with(client.clone(), &resource);
    // Records are large: few to a page.
    let config = watcher::Config::default().page_size(50);
    let mut events = watcher(api, config).default_backoff().boxed();
    while let Some(event) = events.next().await {
        let raw = match event {
            Ok(watcher::Event::Apply(raw) | watcher::Event::InitApply(raw)) => raw,
            Ok(_) => continue,
            Err(error) => {
                warn!(%error, "cannot follow evidence");
                continue;
            }
        };
        if let Some(input) = recalled(&raw)
            && inputs.send(input).await.is_err()
        {
            return;
        }
    }
}

/// What a record tells of probes. One that cannot be read is passed over: what it holds is probed anew.
fn recalled(raw: &Raw) -> Option<Input> {
    let record: EvidenceRecord = serde_json::from_value(raw.value().ok()?).ok()?;
    let probed = record.spec.probed().ok().filter(|probed| !probed.is_empty())?;
    Some(Input::Recalled(namespace_of(&record), record.spec.uid, probed))
}
