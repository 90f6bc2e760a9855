//! Our own objects: baselines and exceptions, whole lists at a time (there are few), lenient in what they accept, so that
//! one that cannot be read is reported in its status instead of stopping the watch.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, Client,
    core::ApiResource,
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Input, Raw};

/// All objects of one of our own kinds, by name.
#[derive(Debug, Clone)]
pub(crate) enum Own {
    /// `SecurityBaseline`s.
    Baselines(BTreeMap<String, Value>),
    /// `BaselineException`s.
    Exceptions(BTreeMap<String, Value>),
}

/// Follows one of our own kinds; `wrap` says which. Begins anew after an outage, for its connection may be dead.
pub(crate) async fn watch_own(
    client: Client,
    kind: &'static str,
    plural: &'static str,
    wrap: fn(BTreeMap<String, Value>) -> Own,
    inputs: mpsc::Sender<Input>,
    mut outages: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    let resource = ApiResource {
        group: "plimsoll.dev".into(),
        version: "v1alpha1".into(),
        api_version: "plimsoll.dev/v1alpha1".into(),
        kind: kind.into(),
        plural: plural.into(),
    };
    let api: Api<Raw> = Api::all_with(client, &resource);
    let begin = || {
        watcher(api.clone(), watcher::Config::default())
            .default_backoff()
            .boxed()
    };
    let mut events = begin();
    let mut known = BTreeMap::new();
    let mut listing = None;
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = outages.changed() => {
                events = begin();
                continue;
            }
            event = events.next() => event,
        };
        let complete = match event {
            None => return,
            Some(Err(error)) => {
                warn!(kind, %error, "cannot follow our own objects; is the plimsoll-crds chart installed?");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Some(Ok(watcher::Event::Init)) => {
                listing = Some(BTreeMap::new());
                false
            }
            Some(Ok(watcher::Event::InitApply(raw))) => {
                listing.get_or_insert_with(BTreeMap::new).extend(entry(&raw));
                false
            }
            Some(Ok(watcher::Event::InitDone)) => {
                known = listing.take().unwrap_or_default();
                true
            }
            Some(Ok(watcher::Event::Apply(raw))) => {
                known.extend(entry(&raw));
                true
            }
            Some(Ok(watcher::Event::Delete(raw))) => {
                known.retain(|name, _| entry(&raw).is_none_or(|(gone, _)| *name != gone));
                true
            }
        };
        if complete && inputs.send(Input::Own(wrap(known.clone()))).await.is_err() {
            return;
        }
    }
}

fn entry(raw: &Raw) -> Option<(String, Value)> {
    let value: Value = raw.value().ok()?;
    let name = value.pointer("/metadata/name")?.as_str()?.to_owned();
    Some((name, value))
}
