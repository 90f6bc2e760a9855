//! For each kind of owner, what is written or left alone, and that the owner's next deploy succeeds.

use anyhow::{Context, Result, bail, ensure};
use kube_test::Cluster;
use plimsoll_controller::remediate::{apply::Look, owner::How};
use plimsoll_engine::{finding::Change, kind::Kind};
use serde_json::json;

use crate::place::{CLIENT_SIDE, NEW, OLD, Place, SERVER_SIDE, always, step};

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
