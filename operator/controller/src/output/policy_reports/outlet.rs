//! Where reports go: the kinds of OpenReports and of the policy working group, of which a cluster may serve none, some or all.

use std::{collections::BTreeSet, str::FromStr};

use kube::{
    Client,
    api::{Api, DynamicObject},
    core::ApiResource,
};

/// A group of kinds for reports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ReportApi {
    /// `openreports.io/v1alpha1`: Report and ClusterReport.
    OpenReports,
    /// `wgpolicyk8s.io/v1alpha2`: PolicyReport and ClusterPolicyReport. Retired upstream, and still what most tools read.
    PolicyReport,
}

impl ReportApi {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OpenReports, Self::PolicyReport];

    /// The API group.
    pub const fn group(self) -> &'static str {
        match self {
            Self::OpenReports => "openreports.io",
            Self::PolicyReport => "wgpolicyk8s.io",
        }
    }

    /// The resources that reports are written to.
    pub fn resources(self) -> [&'static str; 2] {
        [false, true].map(|cluster| Outlet { api: self, cluster }.plural())
    }

    const fn version(self) -> &'static str {
        match self {
            Self::OpenReports => "v1alpha1",
            Self::PolicyReport => "v1alpha2",
        }
    }
}

impl FromStr for ReportApi {
    type Err = String;

    fn from_str(group: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|api| api.group() == group);
        known.ok_or_else(|| format!("expected {}", Self::ALL.map(Self::group).join(" or ")))
    }
}

/// One kind of report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Outlet {
    pub(super) api: ReportApi,
    /// For what no namespace governs.
    pub(super) cluster: bool,
}

impl Outlet {
    pub(super) const fn kind(self) -> &'static str {
        match (self.api, self.cluster) {
            (ReportApi::OpenReports, false) => "Report",
            (ReportApi::OpenReports, true) => "ClusterReport",
            (ReportApi::PolicyReport, false) => "PolicyReport",
            (ReportApi::PolicyReport, true) => "ClusterPolicyReport",
        }
    }

    const fn plural(self) -> &'static str {
        match (self.api, self.cluster) {
            (ReportApi::OpenReports, false) => "reports",
            (ReportApi::OpenReports, true) => "clusterreports",
            (ReportApi::PolicyReport, false) => "policyreports",
            (ReportApi::PolicyReport, true) => "clusterpolicyreports",
        }
    }

    pub(super) fn resource(self) -> ApiResource {
        let (group, version) = (self.api.group(), self.api.version());
        ApiResource {
            group: group.into(),
            version: version.into(),
            api_version: format!("{group}/{version}"),
            kind: self.kind().into(),
            plural: self.plural().into(),
        }
    }

    /// Its objects, in all namespaces.
    pub(super) fn all(self, client: &Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.resource())
    }

    /// Its objects in one namespace; the empty name for those of the cluster.
    pub(super) fn within(self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        if self.cluster {
            self.all(client)
        } else {
            Api::namespaced_with(client.clone(), namespace, &self.resource())
        }
    }
}

/// What the cluster serves of them.
pub(super) async fn served(client: &Client, wanted: &[ReportApi]) -> Result<BTreeSet<Outlet>, kube::Error> {
    let groups = client.list_api_groups().await?;
    let mut found = BTreeSet::new();
    for api in wanted {
        let (group, version) = (api.group(), api.version());
        let offers = |g: &&_| {
            let g: &k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup = g;
            g.name == group && g.versions.iter().any(|v| v.version == version)
        };
        if groups.groups.iter().find(offers).is_none() {
            continue;
        }
        let resources = match client
            .list_api_group_resources(&format!("{group}/{version}"))
            .await
        {
            Ok(list) => list.resources,
            Err(kube::Error::Api(status)) if status.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        for cluster in [false, true] {
            let outlet = Outlet { api: *api, cluster };
            if resources.iter().any(|resource| resource.name == outlet.plural()) {
                found.insert(outlet);
            }
        }
    }
    Ok(found)
}
