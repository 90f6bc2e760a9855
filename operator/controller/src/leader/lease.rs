//! The Lease object: read, written with the `resourceVersion` it was read at, released.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::api::{Api, ObjectMeta, PostParams};

use super::{LeaseError, Record};

/// What the election reads in a Lease.
pub(super) fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: spec
            .lease_duration_seconds
            .map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default())),
        acquired: spec.acquire_time.map(|time| time.0),
        renewed: spec.renew_time.map(|time| time.0),
        transitions: spec.lease_transitions.unwrap_or_default(),
    }
}

/// One Lease under one identity.
#[derive(Clone)]
pub(super) struct LeaseClient {
    api: Api<Lease>,
    namespace: String,
    name: String,
    me: String,
    patience: Duration,
}

impl std::fmt::Debug for LeaseClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} as {}", self.namespace, self.name, self.me)
    }
}

impl LeaseClient {
    pub(super) fn new(api: Api<Lease>, namespace: &str, name: &str, me: String, patience: Duration) -> Self {
        Self {
            api,
            namespace: namespace.into(),
            name: name.into(),
            me,
            patience,
        }
    }

    pub(super) fn me(&self) -> &str {
        &self.me
    }

    /// The Lease as the API server has it now; `None` if there is none.
    pub(super) async fn get(&self) -> Result<Option<Lease>, LeaseError> {
        self.within(self.api.get_opt(&self.name)).await
    }

    /// Writes our name into the Lease, unless somebody else wrote it since it was read.
    pub(super) async fn write(&self, lease: Option<Lease>, duration: Duration) -> Result<Lease, LeaseError> {
        let now = MicroTime(Timestamp::now());
        let before = lease.as_ref().map(record).unwrap_or_default();
        let ours = before.holder == self.me;
        let spec = LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
            acquire_time: if ours {
                before.acquired.map(MicroTime)
            } else {
                Some(now.clone())
            },
            renew_time: Some(now),
            lease_transitions: Some(
                before
                    .transitions
                    .saturating_add(i32::from(!ours && lease.is_some())),
            ),
            ..LeaseSpec::default()
        };
        self.put(lease, spec).await
    }

    /// Takes our name out: the next replica need not wait for the lease to expire.
    pub(super) async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        let spec = LeaseSpec {
            holder_identity: None,
            lease_duration_seconds: Some(1),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..lease.spec.clone().unwrap_or_default()
        };
        self.put(Some(lease), spec).await.map(drop)
    }

    async fn put(&self, lease: Option<Lease>, spec: LeaseSpec) -> Result<Lease, LeaseError> {
        let params = PostParams::default();
        let Some(lease) = lease else {
            let metadata = ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            };
            let spec = Some(spec);
            return self
                .within(self.api.create(&params, &Lease { metadata, spec }))
                .await;
        };
        let lease = Lease {
            spec: Some(spec),
            ..lease
        };
        self.within(self.api.replace(&self.name, &params, &lease)).await
    }

    async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, LeaseError> {
        let (namespace, name) = (self.namespace.clone(), self.name.clone());
        match tokio::time::timeout(self.patience, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(LeaseError::Api {
                namespace,
                name,
                source: Box::new(source),
            }),
            Err(_) => Err(LeaseError::Timeout {
                namespace,
                name,
                within: self.patience,
            }),
        }
    }
}
