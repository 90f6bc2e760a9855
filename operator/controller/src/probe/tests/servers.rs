//! Servers on loopback: modern ones, OpenSSL's, plain ones, and those that behave badly.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use super::{super::verifier, HOST};

/// A server that does the same with every connection.
pub(super) async fn serve<F>(with: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(with(stream));
        }
    });
    address
}

/// A certificate of an authority of its own, and the authority in PEM.
pub(super) fn certificate() -> (rcgen::Certificate, KeyPair, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![HOST.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    (certificate, key, issuer.pem())
}

/// A server of rustls that answers requests over these versions; and its authority.
pub(super) async fn rustls(
    versions: &[&'static SupportedProtocolVersion],
    answer: &'static str,
) -> (SocketAddr, String) {
    let (certificate, key, authority) = certificate();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(verifier::provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            if String::from_utf8_lossy(&request[..read]).contains("\r\n\r\n") {
                _ = stream.write_all(answer.as_bytes()).await;
                _ = stream.shutdown().await;
            }
        }
    });
    (address.await, authority)
}

/// A running `openssl s_server`; killed when dropped.
pub(super) struct OpenSsl {
    pub(super) address: SocketAddr,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// One that speaks what the arguments say; nothing where OpenSSL is not installed.
pub(super) fn openssl(args: &[&str]) -> Option<OpenSsl> {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, _) = certificate();
    std::fs::write(folder.path().join("c.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.path().join("k.pem"), key.serialize_pem()).unwrap();
    let mut command = Command::new("openssl");
    command
        .args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-www",
            "-cipher",
            "ALL:@SECLEVEL=0",
        ])
        .args(["-cert", "c.pem", "-key", "k.pem"])
        .args(args)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: no openssl to test against: {error}");
            return None;
        }
    };
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("ACCEPT ")?.parse().ok());
    let address = address.expect("openssl says where it listens");
    Some(OpenSsl {
        address,
        process: child,
        _folder: folder,
    })
}

/// Passes bytes on one by one.
pub(super) async fn dribbling(behind: SocketAddr) -> SocketAddr {
    serve(move |mut client| async move {
        let Ok(server) = TcpStream::connect(behind).await else {
            return;
        };
        client.set_nodelay(true).unwrap();
        let (mut from_server, mut to_server) = server.into_split();
        let (mut from_client, mut to_client) = client.split();
        let up = tokio::io::copy(&mut from_client, &mut to_server);
        let down = async {
            let mut byte = [0; 1];
            while from_server.read_exact(&mut byte).await.is_ok() {
                if to_client.write_all(&byte).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            _ = to_client.shutdown().await;
        };
        tokio::select! { _ = up => {}, () = down => {} }
    })
    .await
}

/// A plain server that answers thus, and what it was asked.
pub(super) async fn plain(answer: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (asked, requests) = mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let asked = asked.clone();
        async move {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            _ = asked.send(String::from_utf8_lossy(&request[..read]).into_owned());
            _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address.await, requests)
}

/// A server that takes connections and says nothing.
pub(super) async fn silent() -> SocketAddr {
    serve(|stream| async move {
        let held = stream;
        std::future::pending::<()>().await;
        drop(held);
    })
    .await
}
