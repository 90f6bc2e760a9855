//! Changes, one by one.

use anyhow::{Result, bail};
use futures::future::BoxFuture;
use kube::api::Api;
use kube_test::Cluster;
use plimsoll_controller::remediate::{apply::Look, error::Error};
use plimsoll_engine::{finding::Change, kind::Kind, name::ObjRef};
use serde_json::json;

use crate::place::{NEW, OLD, Place, always, step};

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
