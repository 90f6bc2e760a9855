//! The operator's own certificate: from files, read again when they change, or made at the start.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::probe::{expiry, provider};

/// How often files are read again: the kubelet itself takes up to a minute to bring a changed Secret.
const LOOK_EVERY: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
/// How long a certificate of our own is valid.
const OWN_LASTS: SignedDuration = SignedDuration::from_hours(24 * 365);
/// How long before its end a new one is made.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not PEM, or holds nothing of use.
    #[error("{} holds no {what} in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key do not go together, or the kind of key is not known.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A certificate of our own cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl CertificateError {
    /// A bounded word for labels.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Pem { .. } => "pem",
            Self::Unusable(_) => "unusable",
            Self::Make(_) => "make",
        }
    }
}

/// Where the certificate comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Identity {
    /// Files in PEM, such as those of a mounted Secret of type `kubernetes.io/tls`.
    Files {
        /// The certificate, and after it those of its issuers.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Made at the start for these names, and signed by itself: it keeps others from listening, not from pretending.
    Own(Vec<String>),
}

/// A certificate in use.
#[derive(Clone)]
struct Current {
    key: Arc<CertifiedKey>,
    not_after: Option<Timestamp>,
}

/// The certificate, kept up to date. Cheap to clone.
#[derive(Clone)]
pub struct Certificates {
    identity: Arc<Identity>,
    current: Arc<RwLock<Current>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.identity, f) // never the key
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now().key)
    }
}

impl Certificates {
    /// Reads or makes the first.
    pub fn new(identity: Identity) -> Result<Self, CertificateError> {
        let current = obtain(&identity)?;
        Ok(Self {
            identity: Arc::new(identity),
            current: Arc::new(RwLock::new(current)),
        })
    }

    /// What makes connections secret: TLS 1.2 and 1.3, HTTP/1.1.
    pub fn acceptor(&self) -> Result<TlsAcceptor, CertificateError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// When it expires, where it says so.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.now().not_after
    }

    /// Keeps it up to date until `stop`. Files that cannot be used leave what is in use.
    pub async fn keep(self, stop: CancellationToken) {
        let mut complained = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let (identity, now) = (self.identity.clone(), self.now());
            let looked = tokio::task::spawn_blocking(move || look(&identity, &now)).await;
            match looked {
                Ok(Ok(new)) => {
                    complained = false;
                    if let Some(new) = new {
                        info!(not_after = ?new.not_after, "serving with a new certificate");
                        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                    }
                }
                // Between two writes of a pair it does not match; what stays wrong is told once.
                Ok(Err(error)) if !complained => {
                    complained = true;
                    warn!(%error, "keeping the certificate in use");
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    fn now(&self) -> Current {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A new certificate, where there is a reason for one.
fn look(identity: &Identity, now: &Current) -> Result<Option<Current>, CertificateError> {
    let due = match identity {
        Identity::Files { .. } => true,
        Identity::Own(_) => now
            .not_after
            .is_none_or(|end| end.duration_since(Timestamp::now()) < RENEW_BEFORE),
    };
    if !due {
        return Ok(None);
    }
    let new = obtain(identity)?;
    Ok((new.key.cert != now.key.cert).then_some(new))
}

fn obtain(identity: &Identity) -> Result<Current, CertificateError> {
    let (chain, key) = match identity {
        Identity::Files { certificate, key } => (read_chain(certificate)?, read_key(key)?),
        Identity::Own(names) => make(names)?,
    };
    let certified = CertifiedKey::from_der(chain, key, &provider())?;
    let not_after = certified.cert.first().and_then(|first| expiry(first));
    Ok(Current {
        key: Arc::new(certified),
        not_after,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let what = "certificate";
    let none = || CertificateError::Pem {
        path: path.to_owned(),
        what,
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let chain = chain.map_err(|_| none())?;
    if chain.is_empty() { Err(none()) } else { Ok(chain) }
}

/// What a parser says of a key is not passed on: it might quote it.
fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| CertificateError::Pem {
        path: path.to_owned(),
        what: "private key",
    })
}

fn make(
    names: &[String],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CertificateError> {
    let now = Timestamp::now();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "plimsoll");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    // Clocks differ, and the maker of certificates counts in days.
    let [yesterday, end] =
        [now - SignedDuration::from_hours(24), now + OWN_LASTS].map(|at| at.to_zoned(TimeZone::UTC).date());
    params.not_before = date_time_ymd(yesterday.year().into(), month(yesterday), day(yesterday));
    params.not_after = date_time_ymd(end.year().into(), month(end), day(end));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((vec![certificate.der().clone()], key))
}

/// jiff's fields of a date are positive and small.
fn month(date: Date) -> u8 {
    date.month().unsigned_abs()
}

fn day(date: Date) -> u8 {
    date.day().unsigned_abs()
}

#[cfg(test)]
mod tests;
