//! Clients and kubeconfigs: as admin, as any ServiceAccount, as any person.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, NamedAuthInfo};
use kube::{Api, Client, Config};

use crate::binaries::Binaries;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::pki::write_private;
use crate::tool::Tool;
use crate::wait::{eventually, not_yet};

/// Longer than any test; without it the server grants one hour.
const TOKEN_SECONDS: i64 = 24 * 3600;

/// How to reach a cluster as its admin.
#[derive(Debug)]
pub(crate) struct Access {
    /// The cluster's own folder; gone with it.
    pub(crate) dir: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    config: Config,
    binaries: Option<Binaries>,
}

impl Access {
    pub(crate) async fn new(dir: &Path, kubeconfig: &Path, binaries: Option<Binaries>) -> Result<Self> {
        let config = config(kubeconfig).await?;
        Ok(Self {
            dir: dir.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            config,
            binaries,
        })
    }

    pub(crate) fn admin(&self) -> Result<Client> {
        Client::try_from(self.config.clone()).map_err(Error::api("a client"))
    }

    pub(crate) fn bin_dir(&self) -> Option<&Path> {
        self.binaries.as_ref().map(Binaries::dir)
    }

    pub(crate) async fn has_default_account(&self, namespace: &str) -> Result<()> {
        let api: Api<ServiceAccount> = Api::namespaced(self.admin()?, namespace);
        api.get("default")
            .await
            .map(drop)
            .map_err(Error::api("the ServiceAccount default"))
    }

    /// kubectl, helm and the like with this cluster's kubeconfig and caches of their own.
    pub(crate) fn tool(&self, binary: &str) -> Result<Tool> {
        let program = match &self.binaries {
            Some(binaries) => binaries
                .path(binary)
                .or_else(|missing| on_path(binary).ok_or(missing))?,
            None => on_path(binary).ok_or_else(|| Error::MissingBinary {
                binary: binary.to_owned(),
                looked_in: PathBuf::from("PATH"),
                build: "make controlplane",
            })?,
        };
        Ok(Tool::new(&program, &self.kubeconfig, &self.dir))
    }
}

fn on_path(binary: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(binary))
        .find(|file| file.is_file())
}

impl Cluster {
    /// A new client as cluster admin. (New, because a client is bound to the runtime it was made in: each test has one.)
    pub fn admin(&self) -> Result<Client> {
        self.access.admin()
    }

    /// The kubeconfig of the cluster admin.
    pub fn kubeconfig(&self) -> PathBuf {
        self.access.kubeconfig.clone()
    }

    /// A client with a token of that ServiceAccount, so with exactly its rights.
    pub async fn client_as(&self, namespace: &str, account: &str) -> Result<Client> {
        let kubeconfig = self.kubeconfig_for(namespace, account).await?;
        Client::try_from(config(&kubeconfig).await?).map_err(Error::api("a client"))
    }

    /// A client as a person with groups, by impersonation. The audit log names the person.
    pub fn client_impersonating(&self, user: &str, groups: &[&str]) -> Result<Client> {
        let mut config = self.access.config.clone();
        config.auth_info.impersonate = Some(user.to_owned());
        config.auth_info.impersonate_groups = Some(groups.iter().map(|&group| group.to_owned()).collect());
        Client::try_from(config).map_err(Error::api("a client"))
    }

    /// A kubeconfig with a fresh token of that ServiceAccount (valid for a day, in a file of its own), for a process such
    /// as the operator.
    pub async fn kubeconfig_for(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        let token = self.token_for(namespace, account).await?;
        let token_file = self.access.dir.join(format!("{namespace}.{account}.token"));
        write_private(&token_file, &token)?;
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let path = self.access.dir.join(format!("{namespace}.{account}.kubeconfig"));
        let kubeconfig = with_user(read(&self.access.kubeconfig)?, &user, &token_file);
        let text = serde_json::to_string_pretty(&kubeconfig).map_err(|error| unusable(&path, &error))?;
        write_private(&path, &text)?;
        Ok(path)
    }

    /// A token of that ServiceAccount, by TokenRequest.
    pub async fn token_for(&self, namespace: &str, account: &str) -> Result<String> {
        let api: Api<ServiceAccount> = Api::namespaced(self.admin()?, namespace);
        let spec = TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest {
            spec: Some(spec),
            ..TokenRequest::default()
        };
        let what = format!("a token of ServiceAccount {namespace}/{account}");
        let answer = api
            .create_token_request(account, &PostParams::default(), &request)
            .await
            .map_err(Error::api(what.clone()))?;
        answer
            .status
            .and_then(|status| status.token)
            .ok_or_else(|| not_yet(what))
    }

    /// Creates a namespace with those labels and waits until pods can be created in it (its ServiceAccount `default`).
    pub async fn namespace(&self, name: &str, labels: &[(&str, &str)]) -> Result<()> {
        let labels = labels
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        };
        let object = Namespace {
            metadata,
            ..Namespace::default()
        };
        let api: Api<Namespace> = Api::all(self.admin()?);
        let what = format!("creating namespace {name}");
        api.create(&PostParams::default(), &object)
            .await
            .map_err(Error::api(what))?;
        let what = format!("namespace {name} has its ServiceAccount default");
        eventually(Duration::from_secs(30), &what, async || {
            self.access.has_default_account(name).await
        })
        .await
    }
}

async fn config(path: &Path) -> Result<Config> {
    let kubeconfig = read(path)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    config.map_err(|error| unusable(path, &error))
}

fn read(path: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(path).map_err(|error| unusable(path, &error))
}

/// The same cluster, another user.
fn with_user(mut kubeconfig: Kubeconfig, user: &str, token_file: &Path) -> Kubeconfig {
    let auth = AuthInfo {
        token_file: Some(token_file.display().to_string()),
        ..AuthInfo::default()
    };
    kubeconfig.auth_infos = vec![NamedAuthInfo {
        name: user.to_owned(),
        auth_info: Some(auth),
        ..NamedAuthInfo::default()
    }];
    for context in kubeconfig
        .contexts
        .iter_mut()
        .filter_map(|named| named.context.as_mut())
    {
        context.user = Some(user.to_owned());
    }
    kubeconfig
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Kubeconfig {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// A client for a server without TLS and users (etcd, Prometheus).
pub(crate) fn plain_client(url: &str) -> Result<Client> {
    let url: http::Uri = url
        .parse()
        .map_err(|error: http::uri::InvalidUri| not_yet(format!("{url}: {error}")))?;
    Client::try_from(Config::new(url)).map_err(Error::api("a client"))
}

/// The text of a successful GET.
pub(crate) async fn get(client: &Client, path: &str) -> Result<String> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| not_yet(format!("{path}: {error}")))?;
    client
        .request_text(request)
        .await
        .map_err(Error::api(format!("GET {path}")))
}
