//! A verifier that accepts every certificate and remembers the one it saw: a probe judges versions, and an expired or foreign
//! certificate must not hide what the server negotiates. Nothing is ever sent over such a connection but a request for a page.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use plimsoll_engine::probe::Certificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

/// The one provider of cryptography.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .map_or_else(|| Arc::new(rustls::crypto::ring::default_provider()), Arc::clone)
}

/// Remembers the certificate of one handshake.
#[derive(Debug)]
pub(crate) struct Recorder {
    seen: Mutex<Option<Certificate>>,
    /// What certificates should chain to.
    anchors: Option<Arc<WebPkiServerVerifier>>,
}

impl Recorder {
    /// With certificates that what is shown should chain to, where any are given.
    pub(crate) fn new(roots: Option<&Arc<RootCertStore>>) -> Arc<Self> {
        let anchors = roots.and_then(|roots| {
            WebPkiServerVerifier::builder_with_provider(roots.clone(), provider())
                .build()
                .ok()
        });
        Arc::new(Self {
            seen: Mutex::new(None),
            anchors,
        })
    }

    /// Another one with the same anchors, that has seen nothing.
    pub(crate) fn clone_of(other: &Self) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::new(None),
            anchors: other.anchors.clone(),
        })
    }

    /// Takes over what another one saw.
    pub(crate) fn keep(&self, seen: Option<Certificate>) {
        if seen.is_some() {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        }
    }

    /// The certificate that was shown. There is one only if the server agreed to the version.
    pub(crate) fn seen(&self) -> Option<Certificate> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client that offers these versions and nothing else.
    pub(crate) fn client(
        self: &Arc<Self>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(self.clone())
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn chains(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<bool> {
        let verified = self
            .anchors
            .as_ref()?
            .verify_server_cert(shown, intermediates, name, &[], now);
        // Another name or an expired certificate is another question.
        Some(match verified {
            Ok(_) => true,
            Err(Error::InvalidCertificate(why)) => matches!(
                why,
                CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. }
                    | CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. }
            ),
            Err(_) => false,
        })
    }
}

/// When a certificate expires; nothing for one that cannot be read.
pub(crate) fn expiry(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = Certificate {
            not_after: expiry(shown).unwrap_or(Timestamp::UNIX_EPOCH),
            trusted: self.chains(shown, intermediates, name, now),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
