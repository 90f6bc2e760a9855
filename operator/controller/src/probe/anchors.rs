//! The certificates that baselines name, read from their ConfigMaps now and then. Certificates are public: no Secret is read.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use plimsoll_engine::probe::CaBundle;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::sync::Mutex;
use tracing::warn;

/// How long a bundle is used before it is read again.
const FRESH: Duration = Duration::from_mins(5);

/// When a bundle was read, and what it held if it could be.
type Held = (Instant, Option<Arc<RootCertStore>>);

/// Bundles by where they are.
pub(crate) struct Anchors {
    client: Client,
    held: Mutex<BTreeMap<CaBundle, Held>>,
}

impl Anchors {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            held: Mutex::default(),
        }
    }

    /// The certificates of a bundle; nothing where it cannot be read, which is then not judged.
    pub(crate) async fn get(&self, bundle: &CaBundle) -> Option<Arc<RootCertStore>> {
        let mut held = self.held.lock().await;
        if let Some((read, roots)) = held.get(bundle)
            && read.elapsed() < FRESH
        {
            return roots.clone();
        }
        let roots = self.read(bundle).await;
        if let Err(why) = &roots {
            warn!(
                namespace = &*bundle.namespace,
                name = &*bundle.name,
                why,
                "the CA bundle cannot be used"
            );
        }
        let roots = roots.ok().map(Arc::new);
        held.retain(|_, (read, _)| read.elapsed() < FRESH);
        held.insert(bundle.clone(), (Instant::now(), roots.clone()));
        roots
    }

    async fn read(&self, bundle: &CaBundle) -> Result<RootCertStore, String> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &bundle.namespace);
        let map = api.get(&bundle.name).await.map_err(|e| e.to_string())?;
        let text = map.data.as_ref().and_then(|data| data.get(&*bundle.key));
        roots(text.ok_or_else(|| format!("it has no key {:?}", bundle.key))?)
    }
}

/// The certificates of a text in PEM; what is no certificate is passed over.
pub(crate) fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).flatten();
    store.add_parsable_certificates(certificates);
    if store.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(store)
}
