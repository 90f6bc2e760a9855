//! Keys and certificates of one cluster.

use std::io::Write;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use sha2::{Digest, Sha256};

use crate::binaries::hex;
use crate::error::{Error, Result};

/// What the parts and clients need of it; the files lie in the cluster's folder.
#[derive(Debug)]
pub(crate) struct Pki {
    secret: String,
}

impl Pki {
    /// Writes `ca.crt`, `apiserver.crt` and its key, `kubelet-client.crt` and its key (the API server's, for kubelets), `sa.key`
    /// and `sa.pub` (ServiceAccount tokens) into `dir`.
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        let ca_key = KeyPair::generate()?;
        let ca_params = ca_params()?;
        let ca = ca_params.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca_params, ca_key);
        let server_key = KeyPair::generate()?;
        let server = server_params()?.signed_by(&server_key, &issuer)?;
        let kubelet_key = KeyPair::generate()?;
        let kubelet_client = kubelet_client_params()?.signed_by(&kubelet_key, &issuer)?;
        write_private(&dir.join("kubelet-client.crt"), &kubelet_client.pem())?;
        write_private(&dir.join("kubelet-client.key"), &kubelet_key.serialize_pem())?;
        let sa_key = KeyPair::generate()?;
        write_private(&dir.join("sa.pub"), &sa_key.public_key_pem())?;
        let sa_key = sa_key.serialize_pem();
        write_private(&dir.join("ca.crt"), &ca)?;
        write_private(&dir.join("apiserver.crt"), &server.pem())?;
        write_private(&dir.join("apiserver.key"), &server_key.serialize_pem())?;
        write_private(&dir.join("sa.key"), &sa_key)?;
        Ok(Self { secret: sa_key })
    }

    /// The static bearer token of a built-in user: fixed for the cluster, not to be guessed from outside.
    pub(crate) fn token(&self, user: &str) -> String {
        hex(&Sha256::new()
            .chain_update(&self.secret)
            .chain_update(user)
            .finalize())
    }
}

fn ca_params() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "kube-test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn server_params() -> Result<CertificateParams> {
    let names = [
        "127.0.0.1",
        "10.0.0.1",
        "localhost",
        "kubernetes",
        "kubernetes.default.svc",
    ];
    let mut params = CertificateParams::new(names.map(str::to_owned).to_vec())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// Who the API server is to kubelets, which ask the API server what it may do.
fn kubelet_client_params() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    let name = &mut params.distinguished_name;
    name.push(DnType::OrganizationName, "system:masters");
    name.push(DnType::CommonName, "kube-apiserver-kubelet-client");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Writes a file that only this user can read. Whoever reads it at the same time reads all of it, old or new: a process with an empty
/// token is nobody for as long as it keeps that.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<()> {
    let what = || path.display().to_string();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(Error::io(what()))?; // of mode 0600
    file.write_all(content.as_bytes()).map_err(Error::io(what()))?;
    let kept = file.persist(path).map_err(|error| error.error);
    kept.map(drop).map_err(Error::io(what()))
}
