//! Repairs on a real API server: for each kind of owner, what is written or left alone, and that the owner's next deploy
//! succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use futures::future::BoxFuture;
use k8s_openapi::api::{apps::v1::Deployment, events::v1::Event};
use kube::{Client, api::Api};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_controller::{
    Config, Declared, Health, Published,
    remediate::{
        Records, Remediation,
        apply::{Look, Writer},
        counters::{Counters, Outcome},
        error::Error,
        fence::Fence,
        owner::How,
        plan::Step,
        record::Record,
    },
};
use plimsoll_engine::{
    baseline::{BaselineSpec, Mode, compile},
    control::Registry,
    finding::{Basis, Change, Details, Finding, Repair, RepairClass, Severity, Verdict},
    kind::Kind,
    memory::Fingerprint,
    name::ObjRef,
    report::{BaselineReport, Judgement, Report, Reported, State, UnitKey, UnitResult},
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const CONTROL: &str = "availability/replica-redundancy";
const OLD: &str = "registry.k8s.io/pause:3.9";
const NEW: &str = "registry.k8s.io/pause:3.10";

/// The rights remediation has: what the chart grants for these repairs.
const RIGHTS: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: repairer, namespace: NS}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NS-repairer}
rules:
- {apiGroups: [""], resources: [namespaces], verbs: [get]}
- {apiGroups: [apps], resources: [deployments], verbs: [get]}
- {apiGroups: [apps], resources: [deployments/scale], verbs: [patch]}
- {apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, patch]}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [get, create, patch]}
- {apiGroups: [batch], resources: [cronjobs], verbs: [get]}
- {apiGroups: [batch], resources: [jobs], verbs: [get, create, patch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: NS-repairer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: NS-repairer}
subjects: [{kind: ServiceAccount, name: repairer, namespace: NS}]
"#;

/// A namespace of a test's own, and hands with exactly the rights above.
struct Place<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    admin: Client,
    repairer: Client,
    writer: Writer,
}

impl<'a> Place<'a> {
    async fn new(cluster: &'a Cluster, namespace: &'a str) -> Result<Self> {
        cluster.namespace(namespace, &[]).await?;
        cluster.apply(&RIGHTS.replace("NS", namespace)).await?;
        let repairer = cluster.client_as(namespace, "repairer").await?;
        Ok(Self {
            cluster,
            namespace,
            admin: cluster.admin()?,
            writer: Writer::new(repairer.clone()),
            repairer,
        })
    }

    fn manifest(&self, name: &str, image: &str, replicas: Option<i32>) -> String {
        let mut manifest = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "c", "image": image}]}}}});
        if let Some(replicas) = replicas {
            manifest["spec"]["replicas"] = replicas.into();
        }
        manifest.to_string()
    }

    async fn kubectl(&self, args: &str, input: &str) -> Result<()> {
        let args = args.split_whitespace().chain(["-n", self.namespace]);
        self.cluster
            .tool("kubectl")?
            .args(args)
            .stdin(input)
            .run()
            .await?;
        Ok(())
    }

    async fn live(&self, name: &str) -> Result<Deployment> {
        Ok(Api::namespaced(self.admin.clone(), self.namespace)
            .get(name)
            .await?)
    }

    async fn replicas(&self, name: &str) -> Result<i32> {
        let live = self.live(name).await?;
        live.spec.replicas.context("no replicas")
    }

    async fn image(&self, name: &str) -> Result<String> {
        let live = serde_json::to_value(self.live(name).await?)?;
        let image = live.pointer("/spec/template/spec/containers/0/image");
        Ok(image.and_then(Value::as_str).context("no image")?.to_owned())
    }

    fn object(&self, kind: Kind, name: &str) -> ObjRef {
        ObjRef::new(kind, self.namespace, name)
    }

    fn raise(&self, name: &str) -> Step {
        let target = self.object(Kind::Deployment, name);
        step(Change::Replicas {
            target,
            from: 1,
            to: 2,
        })
    }

    /// Everything the repairer changed, by the API server's audit log.
    async fn written(&self) -> Result<Vec<String>> {
        let audit = self.cluster.audit().await?;
        Ok(audit
            .by_account(self.namespace, "repairer")
            .effective_writes()
            .filter(|event| event.resource != "events")
            .lines())
    }
}

fn step(change: Change) -> Step {
    Step {
        control: CONTROL,
        change,
        baseline: "production".into(),
        max_changes_per_hour: 10,
    }
}

fn always() -> BoxFuture<'static, bool> {
    Box::pin(async { true })
}

/// How an owner deploys, and what becomes of a repair.
#[derive(Clone, Copy, Debug)]
struct Owner {
    name: &'static str,
    deploy: Deploy,
    replicas: Option<i32>,
    left_to: Option<How>,
    /// Replicas after the owner deployed again.
    after: i32,
}

#[derive(Clone, Copy, Debug)]
enum Deploy {
    Create,
    Kubectl(&'static str),
    ThenScale(&'static str),
    Helm(&'static str),
}

const SERVER_SIDE: &str = "apply --server-side -f -";
const CLIENT_SIDE: &str = "apply -f -";

/// A client-side apply that names `replicas` sets its own value again with each deploy (its three-way merge sees a
/// difference): the repair is made again, three times a day at most.
const OWNERS: &[Owner] = &[
    owner("create", Deploy::Create, Some(1), None, 2),
    owner("csa", Deploy::Kubectl(CLIENT_SIDE), Some(1), None, 1),
    owner("csa-without", Deploy::Kubectl(CLIENT_SIDE), None, None, 2),
    owner("ssa", Deploy::Kubectl(SERVER_SIDE), Some(1), Some(How::Apply), 1),
    owner("ssa-without", Deploy::Kubectl(SERVER_SIDE), None, None, 2),
    owner("csa-scaled", Deploy::ThenScale(CLIENT_SIDE), None, None, 2),
    owner("ssa-scaled", Deploy::ThenScale(SERVER_SIDE), None, None, 2),
    owner(
        "helm",
        Deploy::Helm("--server-side=true"),
        Some(1),
        Some(How::Helm),
        1,
    ),
    owner(
        "helm-csa",
        Deploy::Helm("--server-side=false"),
        Some(1),
        Some(How::Helm),
        1,
    ),
    owner(
        "helm-without",
        Deploy::Helm("--server-side=true"),
        None,
        Some(How::Helm),
        1,
    ),
    owner(
        "argocd-csa",
        Deploy::Kubectl("apply -f - --field-manager=argocd-controller"),
        Some(1),
        Some(How::ArgoCd),
        1,
    ),
    owner(
        "argocd-ssa",
        Deploy::Kubectl("apply --server-side -f - --field-manager=argocd-controller"),
        Some(1),
        Some(How::ArgoCd),
        1,
    ),
    owner(
        "flux-csa",
        Deploy::Kubectl("apply -f - --field-manager=kustomize-controller"),
        Some(1),
        Some(How::Flux),
        1,
    ),
    owner(
        "flux-ssa",
        Deploy::Kubectl("apply --server-side -f - --field-manager=kustomize-controller"),
        Some(1),
        Some(How::Flux),
        1,
    ),
    owner(
        "flux-ssa-without",
        Deploy::Kubectl("apply --server-side -f - --field-manager=kustomize-controller"),
        None,
        None,
        2,
    ),
];

const fn owner(
    name: &'static str,
    deploy: Deploy,
    replicas: Option<i32>,
    left_to: Option<How>,
    after: i32,
) -> Owner {
    Owner {
        name,
        deploy,
        replicas,
        left_to,
        after,
    }
}

impl Owner {
    /// Deploys as this owner does, for the first time or again. An error is a deploy that did not succeed.
    async fn deploy(&self, place: &Place<'_>, image: &str, first: bool) -> Result<()> {
        let manifest = place.manifest(self.name, image, self.replicas);
        match self.deploy {
            Deploy::Create if first => place.kubectl("create -f -", &manifest).await,
            Deploy::Create => {
                let args = format!("set image deployment/{} c={image}", self.name);
                place.kubectl(&args, "").await
            }
            Deploy::Kubectl(command) => place.kubectl(command, &manifest).await,
            Deploy::ThenScale(command) => {
                place.kubectl(command, &manifest).await?;
                if first {
                    let scale = |to| format!("scale deployment/{} --replicas={to}", self.name);
                    place.kubectl(&scale(3), "").await?;
                    place.kubectl(&scale(1), "").await?;
                }
                Ok(())
            }
            Deploy::Helm(mode) => {
                let chart = tempfile::tempdir()?;
                let templates = chart.path().join("templates");
                std::fs::create_dir(&templates)?;
                std::fs::write(
                    chart.path().join("Chart.yaml"),
                    "apiVersion: v2\nname: tiny\nversion: 0.1.0\n",
                )?;
                std::fs::write(templates.join("web.yaml"), manifest)?;
                let path = chart.path().to_string_lossy().into_owned();
                let args = [
                    "upgrade",
                    "--install",
                    mode,
                    "-n",
                    place.namespace,
                    self.name,
                    &path,
                ];
                place.cluster.helm(args).await?;
                Ok(())
            }
        }
    }

    async fn check(&self, place: &Place<'_>) -> Result<()> {
        self.deploy(place, OLD, true).await?;
        let step = place.raise(self.name);
        match self.left_to {
            None => {
                let Look::Write(intent) = place.writer.look(&step).await? else {
                    bail!("nothing to write")
                };
                ensure!(intent.fields[0].before == Some(json!(1)));
                place.writer.write(&intent, &always).await?;
                ensure!(place.replicas(self.name).await? == 2);
                let again = place.writer.look(&step).await?;
                ensure!(matches!(again, Look::AlreadyThere), "{again:?}");
            }
            Some(how) => {
                for _ in 0..3 {
                    let look = place.writer.look(&step).await?;
                    let Look::ManagedElsewhere { manager, .. } = look else {
                        bail!("not left alone: {look:?}")
                    };
                    ensure!(manager.how == how, "{manager:?}");
                }
                ensure!(place.live(self.name).await?.metadata.generation == Some(1));
            }
        }
        self.deploy(place, NEW, false)
            .await
            .context("the owner's next deploy")?;
        ensure!(
            place.image(self.name).await? == NEW,
            "the new image was not deployed"
        );
        let replicas = place.replicas(self.name).await?;
        ensure!(
            replicas == self.after,
            "{replicas} replicas after the owner's next deploy"
        );
        Ok(())
    }
}

#[tokio::test]
async fn each_owner_keeps_what_is_its_own_and_deploys_again() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "owners").await?;
    for owner in OWNERS {
        owner.check(&place).await.with_context(|| format!("{owner:?}"))?;
    }
    if cluster.is_external() {
        return Ok(());
    }
    let meant: Vec<String> = OWNERS
        .iter()
        .filter(|owner| owner.left_to.is_none())
        .map(|owner| format!("patch deployments/scale owners/{}", owner.name))
        .collect();
    assert_eq!(place.written().await?, meant);
    Ok(())
}

#[tokio::test]
async fn scaled_by_an_autoscaler_the_autoscaler_is_the_object() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "scaled").await?;
    place
        .kubectl(CLIENT_SIDE, &place.manifest("web", OLD, Some(3)))
        .await?;
    let hpa = |min: &str| {
        format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: web}}, spec: {{{min}maxReplicas: 5, \
             scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}}}"
        )
    };
    // What the autoscaler's controller does, without waiting for metrics that nobody serves here.
    let patch = r#"--patch={"spec":{"replicas":1}}"#;
    let scale = format!(
        "patch deployment/web --subresource=scale --field-manager=kube-controller-manager --type=merge {patch}"
    );
    place.kubectl(&scale, "").await?;
    let look = place.writer.look(&place.raise("web")).await?;
    assert!(
        matches!(&look, Look::ManagedElsewhere { manager, .. } if manager.name == "kube-controller-manager"),
        "{look:?}"
    );

    for (deploy, min) in [(CLIENT_SIDE, "minReplicas: 1, "), (SERVER_SIDE, "")] {
        place.kubectl("delete hpa web --ignore-not-found", "").await?;
        place.kubectl(deploy, &hpa(min)).await?;
        let target = place.object(Kind::HorizontalPodAutoscaler, "web");
        let raise = step(Change::MinReplicas {
            target,
            from: Some(1),
            to: 2,
        });
        let Look::Write(intent) = place.writer.look(&raise).await? else {
            panic!("nothing to write")
        };
        place.writer.write(&intent, &always).await?;
        assert!(matches!(place.writer.look(&raise).await?, Look::AlreadyThere));
        place
            .kubectl(deploy, &hpa(min).replace("maxReplicas: 5", "maxReplicas: 6"))
            .await
            .context("the owner's next deploy")?;
    }
    if !cluster.is_external() {
        // Never the Deployment: that is for the autoscaler's own controller, which may have raised it meanwhile.
        assert_eq!(
            place.written().await?,
            ["patch horizontalpodautoscalers scaled/web"; 2]
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_change_takes_effect_only_on_what_it_was_made_for() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "races").await?;
    let look = async |name: &str| -> Result<_> {
        place
            .kubectl("create -f -", &place.manifest(name, OLD, Some(1)))
            .await?;
        match place.writer.look(&place.raise(name)).await? {
            Look::Write(intent) => Ok(intent),
            other => bail!("{other:?}"),
        }
    };
    let changed = |result: Result<String, Error>| match result {
        Err(Error::Changed { .. }) => {}
        other => panic!("{other:?}"),
    };

    let intent = look("scaled").await?;
    place.kubectl("scale deployment/scaled --replicas=3", "").await?;
    changed(place.writer.write(&intent, &always).await);
    assert_eq!(place.replicas("scaled").await?, 3);

    let intent = look("recreated").await?;
    place.kubectl("delete deployment/recreated", "").await?;
    place
        .kubectl("create -f -", &place.manifest("recreated", OLD, Some(1)))
        .await?;
    changed(place.writer.write(&intent, &always).await);
    assert_eq!(place.replicas("recreated").await?, 1);

    let intent = look("gone").await?;
    place.kubectl("delete deployment/gone", "").await?;
    let gone = place.writer.write(&intent, &always).await;
    assert!(matches!(gone, Err(Error::Gone(_))), "{gone:?}");

    let intent = look("fenced").await?;
    let nobody = || -> BoxFuture<'static, bool> { Box::pin(async { false }) };
    let fenced = place.writer.write(&intent, &nobody).await;
    assert!(matches!(fenced, Err(Error::NotLeader)), "{fenced:?}");
    assert_eq!(place.replicas("fenced").await?, 1);

    // Scaled to zero since the plan was made: never raised.
    place.kubectl("scale deployment/fenced --replicas=0", "").await?;
    let zero = place.writer.look(&place.raise("fenced")).await;
    assert!(matches!(zero, Err(Error::Changed { .. })), "{zero:?}");
    if !cluster.is_external() {
        assert_eq!(place.written().await?, [""; 0], "nothing was written");
    }
    Ok(())
}

#[tokio::test]
async fn objects_are_created_once_and_only_ours_are_changed_by_force() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "created").await?;
    let budget = |name: &str| {
        step(Change::Create {
            target: place.object(Kind::PodDisruptionBudget, name),
            manifest: json!({"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}})
                .into(),
        })
    };
    let write = async |name: &str| -> Result<()> {
        match place.writer.look(&budget(name)).await? {
            Look::Write(intent) => place.writer.write(&intent, &always).await?,
            other => bail!("{other:?}"),
        };
        Ok(())
    };
    write("web").await?;
    assert!(matches!(
        place.writer.look(&budget("web")).await?,
        Look::AlreadyThere
    ));

    // Somebody edits ours: set right again, though they own the field now.
    let edit = r#"patch pdb/web --type=merge --patch={"spec":{"maxUnavailable":5}}"#;
    place.kubectl(edit, "").await?;
    write("web").await?;
    assert!(matches!(
        place.writer.look(&budget("web")).await?,
        Look::AlreadyThere
    ));

    place
        .kubectl("create pdb other --selector=app=web --max-unavailable=5", "")
        .await?;
    let taken = place.writer.look(&budget("other")).await;
    assert!(matches!(taken, Err(Error::Taken(_))), "{taken:?}");

    let nowhere = step(Change::Create {
        target: ObjRef::new(Kind::PodDisruptionBudget, "nowhere", "web"),
        manifest: json!({"spec": {}}).into(),
    });
    let gone = place.writer.look(&nowhere).await;
    assert!(matches!(gone, Err(Error::Gone(_))), "{gone:?}");
    let namespace = step(Change::Create {
        target: ObjRef::namespace_object("new"),
        manifest: json!({}).into(),
    });
    let refused = place.writer.look(&namespace).await;
    assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    // No right to these: told as such.
    let forbidden = step(Change::Create {
        target: place.object(Kind::NetworkPolicy, "deny"),
        manifest: json!({"spec": {"podSelector": {}}}).into(),
    });
    let forbidden = place.writer.look(&forbidden).await;
    assert!(matches!(forbidden, Err(Error::Forbidden(_))), "{forbidden:?}");
    if !cluster.is_external() {
        let meant = ["patch poddisruptionbudgets created/web"; 2];
        assert_eq!(place.written().await?, meant);
    }
    Ok(())
}

#[tokio::test]
async fn a_job_is_started_once_as_its_cron_job_is_then() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "started").await?;
    let cron_job = |name: &str, suspend: bool| {
        json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": name, "namespace": place.namespace},
            "spec": {
                "schedule": "0 2 1 1 *",
                "suspend": suspend,
                "jobTemplate": {
                    "metadata": {"labels": {"app": name}, "annotations": {"note": "kept"}},
                    "spec": {
                        "backoffLimit": 1,
                        "template": {"spec": {
                            "restartPolicy": "Never",
                            "containers": [{"name": "c", "image": OLD}],
                        }},
                    },
                },
            },
        })
        .to_string()
    };
    let start = |name: &str| {
        step(Change::Start {
            target: place.object(Kind::Job, &format!("{name}-p29000000")),
            from: place.object(Kind::CronJob, name),
        })
    };
    place.kubectl("create -f -", &cron_job("dump", false)).await?;
    let Look::Write(intent) = place.writer.look(&start("dump")).await? else {
        bail!("a Job to start");
    };
    place.writer.write(&intent, &always).await?;
    let jobs: Api<k8s_openapi::api::batch::v1::Job> = Api::namespaced(place.admin.clone(), place.namespace);
    let job = serde_json::to_value(jobs.get("dump-p29000000").await?)?;
    let owner = &job["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["name"], &owner["controller"]),
        (&json!("CronJob"), &json!("dump"), &json!(true))
    );
    let annotations = &job["metadata"]["annotations"];
    assert_eq!(
        (
            &annotations["note"],
            &annotations["cronjob.kubernetes.io/instantiate"]
        ),
        (&json!("kept"), &json!("manual"))
    );
    assert_eq!(job["spec"]["backoffLimit"], 1);

    // Another image since: what runs is left alone, and nothing is started a second time.
    place
        .kubectl(
            "apply --server-side --force-conflicts -f -",
            &cron_job("dump", false).replace(OLD, NEW),
        )
        .await?;
    assert!(matches!(
        place.writer.look(&start("dump")).await?,
        Look::AlreadyThere
    ));

    place.kubectl("create -f -", &cron_job("held", true)).await?;
    let held = place.writer.look(&start("held")).await;
    assert!(matches!(held, Err(Error::Changed { .. })), "{held:?}");
    let gone = place.writer.look(&start("gone")).await;
    assert!(matches!(gone, Err(Error::Gone(_))), "{gone:?}");
    if !cluster.is_external() {
        assert_eq!(place.written().await?, ["patch jobs started/dump-p29000000"]);
    }
    Ok(())
}

/// Remembers in memory what an `EvidenceRecord` would.
#[derive(Default)]
struct Remembered(Mutex<Vec<Record>>);

impl Remembered {
    fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }
}

impl Records for Remembered {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, String>> {
        Box::pin(async { Ok(self.all()) })
    }

    fn keep(&self, record: Record) -> BoxFuture<'_, Result<(), String>> {
        let mut records = self.0.lock().unwrap();
        records.retain(|known| known.time != record.time);
        records.push(record);
        Box::pin(async { Ok(()) })
    }
}

/// A report in which one baseline wants these changes, or finds nothing.
#[allow(
    clippy::default_trait_access,
    reason = "the maps' crate is no dependency of the tests"
)]
fn published(mode: Mode, changes: &[Change]) -> Arc<Published> {
    let mut report = BaselineReport {
        name: "production".into(),
        generation: 1,
        mode,
        problems: Arc::new([]),
        severities: Arc::default(),
        units: Default::default(),
        tallies: Default::default(),
        worst: Default::default(),
        repairable: Default::default(),
        tenants: Default::default(),
    };
    for change in changes {
        let unit = unit(mode, change);
        report.repairable.insert(unit.key.clone());
        report.units.insert(unit);
    }
    let mut all = Report::default();
    all.baselines.insert("production".into(), report);
    let compiled = compile(
        "production",
        1,
        &BaselineSpec::default(),
        &[],
        &Registry::default(),
        None,
    );
    Arc::new(Published {
        declared: Declared::default(),
        report: all,
        asides: Default::default(),
        baselines: Arc::new([compiled]),
        health: Arc::new(Health {
            ready: true,
            ..Health::default()
        }),
    })
}

fn unit(mode: Mode, change: &Change) -> UnitResult {
    let subject = change.target().clone();
    let finding = Finding::new(
        subject.clone(),
        Details {
            reason: "TooFewReplicas",
            field_path: None,
            message: "1 replica".into(),
            evidence: vec![],
            severity: None,
            detail: None,
            repair: Some(Box::new(Repair {
                class: RepairClass::Safe,
                why: "".into(),
                changes: vec![change.clone()],
            })),
        },
    );
    let judgement = Judgement {
        control: CONTROL,
        severity: Severity::High,
        basis: Basis::Automated,
        mode,
        environment: None,
        verdict: Verdict::Fail,
        findings: Box::new([Reported {
            finding,
            fingerprint: Fingerprint::of(&["x"]),
            severity: Severity::High,
            first_seen: jiff::Timestamp::UNIX_EPOCH,
            state: State::Failing,
        }]),
        notes: Box::default(),
        blind: false,
    };
    UnitResult {
        key: UnitKey {
            control: CONTROL,
            subject,
        },
        judgement: Arc::new(judgement),
    }
}

/// Remediation as a process runs it, on reports of the test's making.
struct Running {
    reports: watch::Sender<Arc<Published>>,
    leads: Arc<AtomicBool>,
    records: Arc<Remembered>,
    counters: Arc<Counters>,
    shutdown: CancellationToken,
    _leader: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(client: Client, records: Arc<Remembered>, leads: bool) -> Self {
        let (reports, published_rx) = watch::channel(published(Mode::Observe, &[]));
        let (leader, leader_rx) = watch::channel(true);
        let leads = Arc::new(AtomicBool::new(leads));
        let asked = leads.clone();
        let fence = move || -> BoxFuture<'static, bool> {
            let answer = asked.load(Ordering::SeqCst);
            Box::pin(async move { answer })
        };
        let fence: Arc<dyn Fence> = Arc::new(fence);
        let counters = Arc::new(Counters::default());
        let shutdown = CancellationToken::new();
        let remediation = Remediation {
            client,
            config: Arc::new(Config {
                remediation: true,
                ..Config::default()
            }),
            published: published_rx,
            leader: leader_rx,
            fence,
            records: records.clone(),
            counters: counters.clone(),
            shutdown: shutdown.clone(),
        };
        Self {
            reports,
            leads,
            records,
            counters,
            shutdown,
            _leader: leader,
            task: tokio::spawn(remediation.run()),
        }
    }

    fn publish(&self, mode: Mode, changes: &[Change]) {
        self.reports.send_replace(published(mode, changes));
    }

    fn counted(&self, outcome: Outcome) -> u64 {
        let counts = self.counters.snapshot();
        counts
            .iter()
            .filter(|(labels, _)| labels.outcome == outcome)
            .map(|(_, n)| n)
            .sum()
    }

    async fn until(&self, what: &str, is_so: impl Fn() -> bool) -> Result<()> {
        eventually(Duration::from_mins(1), what, async || {
            if is_so() {
                Ok(())
            } else {
                Err(not_yet(format!("{:?}", self.counters.snapshot())))
            }
        })
        .await?;
        Ok(())
    }

    async fn stop(self) -> Result<Arc<Remembered>> {
        self.shutdown.cancel();
        self.task.await?;
        Ok(self.records)
    }
}

async fn reasons(place: &Place<'_>, about: &str) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(place.admin.clone(), place.namespace);
    let events = events.list(&kube::api::ListParams::default()).await?;
    let ours = events
        .items
        .into_iter()
        .filter(|e| e.reporting_controller.as_deref() == Some("plimsoll.dev/remediation"))
        .filter(|e| e.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(about));
    let mut reasons: Vec<String> = ours.filter_map(|e| e.reason).collect();
    reasons.sort();
    Ok(reasons)
}

#[tokio::test]
async fn an_enforced_finding_is_repaired_once_and_only_by_the_leader() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "loop").await?;
    for name in ["web", "argo"] {
        let manager = if name == "argo" {
            " --field-manager=argocd-controller"
        } else {
            ""
        };
        let manifest = place.manifest(name, OLD, Some(1));
        place
            .kubectl(&format!("{CLIENT_SIDE}{manager}"), &manifest)
            .await?;
    }
    let changes = [place.raise("web").change, place.raise("argo").change];
    let running = Running::start(place.repairer.clone(), Arc::default(), false);
    for mode in [Mode::Observe, Mode::Propose] {
        running.publish(mode, &changes);
    }
    running.publish(Mode::Enforce, &changes);
    running
        .until("the owner is left alone", || {
            running.counted(Outcome::ManagedElsewhere) == 1
        })
        .await?;
    assert_eq!(place.replicas("web").await?, 1, "the fence is closed");
    running.leads.store(true, Ordering::SeqCst);
    running
        .until("it is repaired", || running.counted(Outcome::Applied) == 1)
        .await?;
    assert_eq!(place.replicas("web").await?, 2);
    // The report still says so; a second pass writes nothing.
    running.publish(Mode::Enforce, &changes);
    let records = running.stop().await?;

    let record = &records.all()[0];
    assert_eq!(records.all().len(), 1);
    assert_eq!(record.fields[0].before, Some(json!(1)));
    // Another process that finds the same report and the record writes nothing either.
    let next = Running::start(place.repairer.clone(), records, true);
    next.publish(Mode::Enforce, &changes);
    next.until("the next leader has looked", || {
        next.counted(Outcome::ManagedElsewhere) == 1
    })
    .await?;
    assert_eq!(next.counted(Outcome::Applied), 0);
    next.stop().await?;
    assert_eq!(reasons(&place, "web").await?, ["Remediated"]);
    assert!(
        reasons(&place, "argo")
            .await?
            .iter()
            .all(|r| r == "ManagedElsewhere")
    );
    if !cluster.is_external() {
        assert_eq!(place.written().await?, ["patch deployments/scale loop/web"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_repair_that_is_undone_three_times_is_given_up() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "undone").await?;
    place
        .kubectl("create -f -", &place.manifest("web", OLD, Some(1)))
        .await?;
    let change = [place.raise("web").change];
    // Each time by a process that knows of the others only what was remembered.
    let mut records = Arc::default();
    for _ in 1..=3 {
        let running = Running::start(place.repairer.clone(), records, true);
        running.publish(Mode::Enforce, &change);
        running
            .until("it is repaired", || running.counted(Outcome::Applied) == 1)
            .await?;
        records = running.stop().await?;
        place.kubectl("scale deployment/web --replicas=1", "").await?;
    }
    let running = Running::start(place.repairer.clone(), records, true);
    running.publish(Mode::Enforce, &change);
    running
        .until("it is given up", || running.counted(Outcome::Ineffective) == 1)
        .await?;
    assert_eq!(place.replicas("web").await?, 1);
    let records = running.stop().await?;
    assert!(records.all().iter().all(|record| record.undone.is_some()));
    assert!(
        reasons(&place, "web")
            .await?
            .contains(&"RemediationIneffective".to_owned())
    );
    if !cluster.is_external() {
        assert_eq!(place.written().await?, ["patch deployments/scale undone/web"; 3]);
    }
    Ok(())
}
