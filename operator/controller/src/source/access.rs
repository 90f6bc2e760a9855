//! What we may read. A running watch outlives its RBAC, so rights are asked for again and again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::{Api, Client, api::PostParams};
use plimsoll_engine::kind::{Kind, KindSet};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The kinds we may not list or watch; `None` until asked for the first time.
pub(crate) type Access = Option<Arc<BTreeSet<Kind>>>;

/// Questions asked at the same time.
const AT_ONCE: usize = 8;
/// When a new refusal is asked about again before it counts: an API server that has just started refuses everybody.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Keeps `forbidden` up to date.
pub(crate) async fn watch_access(
    client: Client,
    kinds: KindSet,
    every: Duration,
    forbidden: watch::Sender<Access>,
    stop: CancellationToken,
) {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client);
    loop {
        let before = forbidden.borrow().clone().unwrap_or_default();
        let mut found = ask(&reviews, kinds, &before).await;
        if !found.is_subset(&before) {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ASK_AGAIN.min(every / 2)) => {}
            }
            found = ask(&reviews, kinds, &before).await;
        }
        forbidden.send_if_modified(|current| {
            let changed = current.as_deref() != Some(&found);
            if changed {
                let names: Vec<String> = found.iter().map(|kind| kind.resource()).collect();
                if !names.is_empty() {
                    warn!(kinds = names.join(","), "may not list and watch these kinds");
                }
                *current = Some(Arc::new(found));
            }
            changed
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn ask(
    reviews: &Api<SelfSubjectAccessReview>,
    kinds: KindSet,
    before: &BTreeSet<Kind>,
) -> BTreeSet<Kind> {
    futures::stream::iter(kinds.iter())
        .map(|kind| async move { (kind, may_read(reviews, kind).await) })
        .buffer_unordered(AT_ONCE)
        .filter_map(|(kind, allowed)| async move {
            // A question that got no answer changes nothing.
            (!allowed.unwrap_or(!before.contains(&kind))).then_some(kind)
        })
        .collect()
        .await
}

async fn may_read(reviews: &Api<SelfSubjectAccessReview>, kind: Kind) -> Option<bool> {
    for verb in ["watch", "list"] {
        let info = kind.info();
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(info.group.into()),
                    resource: Some(info.plural.into()),
                    verb: Some(verb.into()),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        match reviews.create(&PostParams::default(), &review).await {
            Ok(answer) if !answer.status.as_ref().is_some_and(|status| status.allowed) => return Some(false),
            Ok(_) => {}
            Err(error) => {
                debug!(%error, kind = kind.resource(), "cannot ask whether we may read");
                return None;
            }
        }
    }
    Some(true)
}
