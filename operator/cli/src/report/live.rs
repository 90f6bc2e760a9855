//! The operator that runs in a cluster, asked for one of its pages.

use std::{fs, io::Write, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use futures::{AsyncBufReadExt, io::AsyncBufRead};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use kube::{
    Api, Client, Config,
    api::PostParams,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};

use crate::scan::cluster;

/// The ServiceAccount whose token is shown to the operator where the API server stands between: it keeps ours to itself.
const READER: &str = "plimsoll-reader";
/// The header for that token.
const TOKEN: &str = "x-plimsoll-token";
/// How long that token holds, in seconds; the API server gives none for less.
const HOLDS: i64 = 600;
/// Longest silence that is waited through: whoever passes the question on may have lost it.
const SILENCE: Duration = Duration::from_secs(20);
/// The port of the operator's Service.
const PORT: &str = "https";

/// How an operator is reached.
#[derive(clap::Args)]
#[allow(clippy::struct_field_names, reason = "fields are the flags' names")]
pub(crate) struct Operator {
    /// Address of the operator, such as https://localhost:8443; without it, the API server of the current context passes the
    /// question on
    #[arg(long, value_name = "URL", conflicts_with = "context")]
    operator: Option<String>,
    /// Certificates (PEM) that vouch for the operator's
    #[arg(long, value_name = "FILE", requires = "operator")]
    operator_ca: Option<PathBuf>,
    /// Do not ask who answers: only through a tunnel that you trust, such as kubectl port-forward
    #[arg(long, requires = "operator", conflicts_with = "operator_ca")]
    insecure_skip_tls_verify: bool,
    /// File with the token to show [default: with --operator that of the kubeconfig, else one made for the ServiceAccount
    /// plimsoll-reader]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Namespace of the operator
    #[arg(long, value_name = "NAMESPACE", default_value = "plimsoll-system")]
    operator_namespace: String,
    /// Service of the operator
    #[arg(long, value_name = "NAME", default_value = "plimsoll")]
    operator_service: String,
    /// Another context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl Operator {
    /// The context asked for.
    pub(crate) fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// Writes what the operator answers, as it comes.
    pub(crate) fn copy(&self, page: &str, out: &mut impl Write) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut answer = Box::pin(heard(self.ask(page)).await??);
            loop {
                let bytes = heard(answer.fill_buf()).await?;
                let bytes = bytes.context("the operator's answer broke off")?;
                if bytes.is_empty() {
                    return Ok(());
                }
                out.write_all(bytes)?;
                let read = bytes.len();
                answer.consume_unpin(read);
            }
        })
    }

    async fn ask(&self, page: &str) -> Result<impl AsyncBufRead + use<>> {
        let token = self.token()?;
        let (client, uri, token) = if let Some(url) = &self.operator {
            (direct(url, token, self)?.await?, page.to_owned(), None)
        } else {
            let client = cluster::connect(None, self.context()).await?;
            let token = match token {
                Some(token) => token,
                None => self.reader(&client).await?,
            };
            (client, self.proxied(page), Some(token))
        };
        let mut request = http::Request::get(uri);
        if let Some(token) = token {
            request = request.header(TOKEN, token);
        }
        let request = request.body(Vec::new())?;
        let asked = client.request_stream(request).await;
        asked.map_err(|error| self.explain(error))
    }

    /// The path by which the API server passes a question on to the operator's Service.
    fn proxied(&self, page: &str) -> String {
        let (namespace, service) = (&self.operator_namespace, &self.operator_service);
        format!("/api/v1/namespaces/{namespace}/services/https:{service}:{PORT}/proxy{page}")
    }

    fn token(&self) -> Result<Option<String>> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let token = text.trim();
        if token.is_empty() {
            bail!("{}: empty, expected a token", path.display());
        }
        Ok(Some(token.to_owned()))
    }

    /// A token for the reader: it can do nothing but read reports, and not for long.
    async fn reader(&self, client: &Client) -> Result<String> {
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> =
            Api::namespaced(client.clone(), &self.operator_namespace);
        let wanted = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(HOLDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let made = accounts
            .create_token_request(READER, &PostParams::default(), &wanted)
            .await
            .with_context(|| {
                format!(
                    "no token for the ServiceAccount {}/{READER}: is Plimsoll installed there with reports.enabled, and may \
                     you create tokens for it (serviceaccounts/token)? Another token: --token-file",
                    self.operator_namespace
                )
            })?;
        made.status
            .and_then(|status| status.token)
            .context("the API server answered without a token")
    }

    fn explain(&self, error: kube::Error) -> anyhow::Error {
        let (namespace, service) = (&self.operator_namespace, &self.operator_service);
        let hint = match &error {
            kube::Error::Api(status) => match status.code {
                401 => "the operator does not know this token",
                403 => {
                    "whoever the token is for needs the ClusterRole plimsoll-report-reader; to go through the API server, you need get on services/proxy"
                }
                404 => "is an operator installed there that serves reports?",
                503 => "the operator is not ready, or nobody answers behind its Service",
                _ => "the operator cannot be asked",
            },
            _ => "the operator cannot be reached",
        };
        let at = match &self.operator {
            Some(url) => url.clone(),
            None => format!("Service {namespace}/{service}"),
        };
        anyhow::Error::new(error).context(format!("{at}: {hint}"))
    }
}

/// What comes before the silence has lasted too long.
async fn heard<T>(what: impl Future<Output = T>) -> Result<T> {
    let heard = tokio::time::timeout(SILENCE, what).await;
    heard.with_context(|| format!("the operator said nothing for {} s", SILENCE.as_secs()))
}

/// A client for the operator itself. It shows the token given, else what the kubeconfig would show the API server.
fn direct(
    url: &str,
    token: Option<String>,
    operator: &Operator,
) -> Result<impl Future<Output = Result<Client>> + use<>> {
    let address: http::Uri = url.parse().with_context(|| format!("--operator {url}"))?;
    let is_here = matches!(address.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if address.scheme_str() != Some("https") && !is_here {
        bail!("--operator {url}: expected https, for a token is shown there");
    }
    let authority = operator.operator_ca.as_ref().map(certificates).transpose()?;
    let unchecked = operator.insecure_skip_tls_verify;
    Ok(async move {
        let mut config = Config::new(address.clone());
        config.auth_info = match token {
            Some(token) => AuthInfo {
                token: Some(token.into()),
                ..AuthInfo::default()
            },
            None => {
                Config::infer()
                    .await
                    .context("no token: give --token-file")?
                    .auth_info
            }
        };
        // Who answers is not asked then: nor are the authorities of the system, of which a container without any has none.
        config.root_cert = if unchecked { Some(Vec::new()) } else { authority };
        config.accept_invalid_certs = unchecked;
        Client::try_from(config).context("cannot connect to the operator")
    })
}

/// Certificates of a file, as kube wants them.
fn certificates(path: &PathBuf) -> Result<Vec<Vec<u8>>> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let certificates: Vec<Vec<u8>> = CertificateDer::pem_file_iter(path)
        .and_then(|found| found.map(|one| one.map(|one| one.to_vec())).collect())
        .with_context(|| path.display().to_string())?;
    if certificates.is_empty() {
        bail!("{}: expected a certificate in PEM, found none", path.display());
    }
    Ok(certificates)
}

/// The name of the kubeconfig's current context.
pub(crate) fn current_context() -> Option<String> {
    let options = KubeConfigOptions::default();
    let kubeconfig = Kubeconfig::read().ok()?;
    options.context.or(kubeconfig.current_context)
}
