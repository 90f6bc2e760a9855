//! Certificates that end when a test wants them to.

use std::{fs, path::Path};

use jiff::civil::Date;
use rcgen::{Certificate, CertificateParams, CertifiedKey, KeyPair, date_time_ymd};

/// One for `name` that signs itself and is valid until the day `end` begins (UTC).
pub fn until(name: &str, end: Date) -> CertifiedKey<KeyPair> {
    let signing_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let (month, day) = (end.month().unsigned_abs(), end.day().unsigned_abs());
    params.not_after = date_time_ymd(end.year().into(), month, day);
    let cert: Certificate = params.self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

/// Writes it into `folder` as Kubernetes names the files of a TLS Secret; gives the paths of the certificate and the key.
pub fn write(made: &CertifiedKey<KeyPair>, folder: &Path) -> [String; 2] {
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.join(name));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    [certificate, key].map(|path| path.display().to_string())
}
