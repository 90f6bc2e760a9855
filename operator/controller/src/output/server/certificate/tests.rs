use std::fs;

use super::*;

fn pair(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    (certificate.pem(), key.serialize_pem())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, certificate: &str, key: &str) {
        fs::write(self.0.path().join("tls.crt"), certificate).unwrap();
        fs::write(self.0.path().join("tls.key"), key).unwrap();
    }

    fn identity(&self) -> Identity {
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| self.0.path().join(name));
        Identity::Files { certificate, key }
    }
}

#[test]
fn what_cannot_be_used_is_refused_at_the_start_and_no_key_is_quoted() {
    let folder = Folder::new();
    let error = Certificates::new(folder.identity()).unwrap_err();
    assert_eq!(error.category(), "read");
    let ((one, key), (_, other)) = (pair("a.example"), pair("b.example"));
    for (certificate, key, category) in [
        (one.as_str(), other.as_str(), "unusable"),
        ("", &key, "pem"),
        (&one, "", "pem"),
        (&one, &one, "pem"),
        (
            &one,
            "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
            "unusable",
        ),
    ] {
        folder.write(certificate, key);
        let error = Certificates::new(folder.identity()).unwrap_err();
        assert_eq!(error.category(), category, "{error}");
        assert!(!error.to_string().contains("c2VjcmV0"));
    }
    folder.write(&one, &key);
    let used = Certificates::new(folder.identity()).unwrap();
    assert!(!format!("{used:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn changed_files_are_served_and_broken_ones_are_not() {
    let folder = Folder::new();
    let ((one, key_one), (two, key_two)) = (pair("one.example"), pair("two.example"));
    folder.write(&one, &key_one);
    let certificates = Certificates::new(folder.identity()).unwrap();
    let first = certificates.now().key.cert.clone();
    let now = certificates.now();
    assert!(
        look(&certificates.identity, &now).unwrap().is_none(),
        "nothing changed"
    );
    folder.write(&two, &key_one);
    assert!(look(&certificates.identity, &now).is_err(), "half of a pair");
    let stop = CancellationToken::new();
    let keeper = tokio::spawn(certificates.clone().keep(stop.clone()));
    folder.write(&two, &key_two);
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while certificates.now().key.cert == first {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the new one is never served"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    folder.write("nothing", "nothing");
    stop.cancel();
    keeper.await.unwrap();
    assert_ne!(certificates.now().key.cert, first);
}

#[test]
fn our_own_is_made_anew_before_it_ends() {
    let identity = Identity::Own(vec!["plimsoll.plimsoll-system.svc".into(), "127.0.0.1".into()]);
    let certificates = Certificates::new(identity.clone()).unwrap();
    let mut now = certificates.now();
    let lasts = now.not_after.unwrap().duration_since(Timestamp::now());
    assert!(lasts > RENEW_BEFORE && lasts <= OWN_LASTS, "{lasts}");
    assert!(look(&identity, &now).unwrap().is_none());
    now.not_after = Some(Timestamp::now() + SignedDuration::from_hours(24 * 89));
    assert!(look(&identity, &now).unwrap().is_some());
}
