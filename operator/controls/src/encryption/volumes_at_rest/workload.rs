//! Volumes that a workload brings along: inline ones, ephemeral claims and claim templates.

use plimsoll_engine::{
    control::Unit,
    facts::{Encryption, Parameters, by_class, class_of, encryption},
    finding::Findings,
    object::{ClaimSpec, HostPath, Volume, Workload},
    unknown::Unknown,
    view::View,
};

use super::{Judgement, Params, What};
use crate::shared::podspec::pod_spec;

/// Trees of a node that are no storage: kernel interfaces, and what is gone after a boot.
const NOT_STORAGE: [&str; 5] = ["/proc", "/sys", "/dev", "/run", "/var/run"];
/// `hostPath.type` of what is no storage.
const NO_FILES: [&str; 2] = ["Socket", "CharDevice"];

/// One volume to judge.
struct Brought {
    name: Box<str>,
    path: String,
    what: &'static str,
    class: Option<Box<str>>,
    driver: Box<str>,
    encryption: Encryption,
}

pub(super) fn check(
    unit: &Unit<'_>,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let (spec, prefix) = pod_spec(unit)?;
    let mut judged = false;
    for volume in spec.iter().flat_map(|spec| spec.volumes.iter().flatten()) {
        match inline(view, volume, prefix) {
            Ok(Some(brought)) => judged |= judge(&brought, params, out),
            Ok(None) => {}
            Err(unknown) => {
                judged = true;
                out.unknown(unknown);
            }
        }
    }
    for (i, template) in claim_templates(unit).iter().enumerate() {
        judged = true;
        let path = format!("spec.volumeClaimTemplates[{i}].spec");
        match by_claim(
            view,
            &template.spec,
            &template.metadata.name,
            &path,
            "claim template",
        ) {
            Ok(brought) => _ = judge(&brought, params, out),
            Err(unknown) => out.unknown(unknown),
        }
    }
    if !judged {
        out.not_applicable("brings no volumes along");
    }
    Ok(())
}

/// Whether there is anything to judge: a volume other than a claim by name, or a claim template.
pub(super) fn brings_volumes(unit: &Unit<'_>) -> Result<bool, Unknown> {
    let (spec, _) = pod_spec(unit)?;
    let plain = |volume: &Volume| {
        let named = Volume { name: volume.name.clone(), ..Volume::default() };
        let claim = Volume { persistent_volume_claim: volume.persistent_volume_claim.clone(), ..named.clone() };
        *volume == named || *volume == claim
    };
    let inline = spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).any(|volume| !plain(volume));
    Ok(inline || !claim_templates(unit).is_empty())
}

fn claim_templates<'a>(unit: &Unit<'a>) -> &'a [plimsoll_engine::object::ClaimTemplate] {
    unit.get::<Workload>()
        .ok()
        .and_then(|workload| workload.spec.volume_claim_templates.as_deref())
        .unwrap_or_default()
}

/// Whether it was judged at all; what keeps nothing is not.
fn judge(brought: &Brought, params: &Params, out: &mut Findings) -> bool {
    let what = What {
        driver: &brought.driver,
        class: brought.class.as_deref(),
        encryption: &brought.encryption,
        doubt: None,
    };
    match what.judge(params) {
        Judgement::Nothing => return false,
        Judgement::Fine => {}
        Judgement::Assumed(note) => out.note(note),
        Judgement::Unknown(unknown) => out.unknown(unknown),
        Judgement::Bad(reason) => {
            let (name, kind, why) = (&brought.name, brought.what, &brought.encryption.why);
            out.fail(
                reason,
                format!("{kind} {name} is not encrypted{}: {why}", What::key(reason)),
            )
            .at(brought.path.as_str())
            .detail(name.clone())
            .seen(what.evidence());
        }
    }
    true
}

/// An inline volume that keeps data. Claims named by a volume are judged themselves; an emptyDir goes with its pod.
fn inline(view: &View<'_>, volume: &Volume, prefix: &str) -> Result<Option<Brought>, Unknown> {
    let path = format!("{prefix}.volumes[{}]", volume.name);
    let direct = |what, driver: &str| Brought {
        name: volume.name.clone(),
        path: path.clone(),
        what,
        class: None,
        driver: driver.into(),
        encryption: encryption(driver, &Parameters::new()),
    };
    if let Some(ephemeral) = &volume.ephemeral {
        let none = ClaimSpec::default();
        let spec = ephemeral
            .volume_claim_template
            .as_ref()
            .map_or(&none, |template| &template.spec);
        let path = format!("{path}.ephemeral.volumeClaimTemplate.spec");
        return by_claim(view, spec, &volume.name, &path, "ephemeral volume").map(Some);
    }
    let unseen = |what: &str| {
        let message = format!("volume {}: the encryption of {what} cannot be seen", volume.name);
        Err(Unknown::new("NotVisible", message))
    };
    Ok(match volume {
        Volume {
            host_path: Some(host),
            ..
        } if keeps_nothing(host) => None,
        Volume {
            host_path: Some(_), ..
        } => Some(direct("hostPath volume", "kubernetes.io/host-path")),
        Volume { nfs: Some(_), .. } => Some(direct("NFS volume", "kubernetes.io/nfs")),
        Volume { csi: Some(csi), .. } => Some(direct("inline CSI volume", &csi.driver)),
        Volume {
            cloud_disk: Some(_), ..
        } => Some(direct("disk", "kubernetes.io/gce-pd")),
        Volume {
            network_disk: Some(_),
            ..
        } => return unseen("an in-tree disk mounted without a claim"),
        _ => None,
    })
}

/// Whether nothing of the workload's is left on the disk: the directory is no storage, or is only read.
fn keeps_nothing(host: &HostPath) -> bool {
    let path = host.path.trim_end_matches('/');
    let below = |tree: &str| {
        path.strip_prefix(tree)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let escapes = path.split('/').any(|part| part == "..");
    host.read_only
        || host.r#type.as_deref().is_some_and(|t| NO_FILES.contains(&t))
        || (!escapes && NOT_STORAGE.iter().any(|t| below(t)))
}

fn by_claim(
    view: &View<'_>,
    spec: &ClaimSpec,
    name: &str,
    path: &str,
    what: &'static str,
) -> Result<Brought, Unknown> {
    let class = class_of(view, spec.storage_class_name.as_deref())?.ok_or_else(|| {
        Unknown::new(
            "StaticVolume",
            format!("{what} {name} takes a static volume, whichever fits"),
        )
    })?;
    let value = by_class(view, &class)?;
    Ok(Brought {
        name: name.into(),
        path: format!("{path}.storageClassName"),
        what,
        class: Some((&*class).into()),
        driver: (&*value.provisioner).into(),
        encryption: value.encryption,
    })
}
