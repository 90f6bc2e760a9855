//! A published host whose certificate ends soon, and which then ends itself.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use plimsoll_e2e::{certificate, operator::Operator, tls_host::serve};
use plimsoll_monitoring::Pace;
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{firing, in_days, prometheus, until_seen};

/// An hour is a minute: the windows have to hold some attempts, which are five seconds apart.
const PACE: Pace = Pace::faster(60);

/// A TLS server.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Host {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = serve(listener, config());
        Self { address, task }
    }
}

/// Its certificate is valid for two days.
fn config() -> ServerConfig {
    let made = certificate::until("shop.example.com", in_days(2));
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap()
}

pub(crate) async fn alerts(operator: &Operator, host: &Host) -> BTreeSet<String> {
    let prometheus = prometheus(&[&operator.address], PACE).await;
    let certificates = ["PlimsollCertificateExpires", "PlimsollCertificateExpiresSoon"];
    let mut seen = until_seen(&prometheus, &certificates).await;
    let early = firing(&prometheus).await;
    assert!(
        !early.iter().any(|name| name.starts_with("PlimsollUptime")),
        "it answers: {early:?}"
    );

    host.task.abort();
    let outage = [
        "PlimsollUptimeBurnsFast",
        "PlimsollUptimeBurnsSlowly",
        "PlimsollUptimeTargetMissed",
    ];
    seen.extend(until_seen(&prometheus, &outage).await);
    seen
}
