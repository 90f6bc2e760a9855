//! `encryption/volumes-at-rest`: data on volumes is encrypted.

mod workload;

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration,
    facts::{
        DefaultClass, Encryption, Level, Place, by_class, is_default_class, may_encrypt_elsewhere, volume_of_claim,
    },
    finding::{Basis, Finding, Findings, Repair, RepairClass, Severity},
    kind::{Kind, KindSet},
    unknown::Unknown,
    view::View,
    workload::{WORKLOADS, workloads_and},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control.
pub struct VolumesAtRest;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(deny_unknown_fields)]
pub struct Params {
    /// Environments whose claims and workloads are judged. Default: `[production, staging]`.
    pub environments: Vec<String>,
    /// Drivers (`ebs.csi.aws.com`) and StorageClasses whose volumes something outside the cluster encrypts, such as
    /// encryption by default of an AWS account or an encrypted datastore. Default: none.
    pub assume_encrypted: Vec<String>,
    /// The disks of all nodes are known to be encrypted: what lies on a node's disk passes. Default: false.
    pub trusted_node_encryption: bool,
    /// Encryption with a key of the provider's fails. Default: false.
    pub require_customer_managed_key: bool,
    /// A default StorageClass that would create unencrypted volumes fails, as an object of its own. Default: true.
    pub include_classes: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            environments: ["production", "staging"].map(String::from).to_vec(),
            assume_encrypted: Vec::new(),
            trusted_node_encryption: false,
            require_customer_managed_key: false,
            include_classes: true,
        }
    }
}

impl Control for VolumesAtRest {
    const META: Meta = Meta {
        id: "encryption/volumes-at-rest",
        title: "Data on volumes is encrypted",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(&workloads_and::<10>(&[Kind::PersistentVolumeClaim, Kind::StorageClass])),
        reads: KindSet::of(WORKLOADS).union(KindSet::of(&[
            Kind::PersistentVolumeClaim,
            Kind::PersistentVolume,
            Kind::StorageClass,
        ])),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC6.1"), ("ISO 27001", "A.8.24"), ("GDPR", "32(1)(a)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if unit.name().kind() == Kind::StorageClass {
            return default_class(unit, view, params, out);
        }
        let claims = unit.name().kind() == Kind::PersistentVolumeClaim;
        // What keeps nothing has nothing to encrypt, whatever its environment.
        if !claims && !workload::brings_volumes(unit)? {
            out.not_applicable("brings no volumes along");
            return Ok(());
        }
        if !view.is_in(&params.environments)? {
            out.not_applicable("its environment is not among those judged");
            return Ok(());
        }
        if claims {
            return claim(unit, view, params, out);
        }
        workload::check(unit, view, params, out)
    }

    fn repair(_: &Unit<'_>, _: &View<'_>, _: &Params, finding: &Finding) -> Result<Option<Repair>, Unknown> {
        Ok(Some(Repair {
            class: RepairClass::NeverAutomatic,
            why: runbook(finding).into(),
            changes: Vec::new(),
        }))
    }
}

fn runbook(finding: &Finding) -> &'static str {
    match (finding.object.kind(), finding.reason) {
        (Kind::StorageClass, _) => {
            "create a StorageClass that encrypts, mark it as the default one, then take the mark off this one; \
             volumes that exist are not changed by it"
        }
        (_, "NodeDisk") => {
            "data on a node's disk is as safe as that disk: move it to a claim of a class that encrypts, or encrypt the \
             disks of all nodes and set trustedNodeEncryption"
        }
        _ => {
            "a volume that exists cannot be encrypted in place: take a snapshot or a backup, restore it into a claim of a \
             class that encrypts, stop the workload, switch it to the new claim, check, and delete the old volume"
        }
    }
}

fn claim(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
    let value = volume_of_claim(view, unit.name())?;
    let what = What {
        driver: &value.driver,
        class: value.class.as_deref(),
        encryption: &value.encryption,
        doubt: value.doubt.as_ref(),
    };
    let path = if value.class.is_some() {
        "spec.storageClassName"
    } else {
        "spec.volumeName"
    };
    match what.judge(params) {
        Judgement::Fine => {}
        Judgement::Assumed(note) => out.note(note),
        Judgement::Nothing => out.not_applicable("keeps nothing"),
        Judgement::Unknown(unknown) => out.unknown(unknown),
        Judgement::Bad(reason) => {
            let subject = value
                .volume
                .as_ref()
                .map_or("the volume to come".into(), |name| format!("volume {name}"));
            let finding = out.fail(
                reason,
                format!(
                    "{subject} is not encrypted{}: {}",
                    What::key(reason),
                    what.encryption.why
                ),
            );
            let finding = finding.at(path).seen(what.evidence());
            if may_encrypt_elsewhere(&value.driver) {
                finding.seen(
                    "another layer may encrypt it; if it does, name the driver or class in assumeEncrypted",
                );
            }
        }
    }
    Ok(())
}

fn default_class(
    unit: &Unit<'_>,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let name = unit.name().name();
    if !params.include_classes {
        out.not_applicable("classes are not judged");
    } else if !is_default_class(unit.object()?) {
        out.not_applicable("is not the default class");
    } else if view.fact(&DefaultClass)?.as_deref() != Some(name) {
        out.not_applicable("a newer class is the default one");
    } else {
        let class = by_class(view, &name.into())?;
        let what = What {
            driver: &class.provisioner,
            class: Some(name),
            encryption: &class.encryption,
            doubt: None,
        };
        match what.judge(params) {
            Judgement::Fine => {}
            Judgement::Assumed(note) => out.note(note),
            Judgement::Nothing => out.not_applicable("makes no volumes"),
            Judgement::Unknown(unknown) => out.unknown(unknown),
            Judgement::Bad(reason) => {
                let why = &class.encryption.why;
                out.fail(
                    reason,
                    format!(
                        "the default class makes volumes that are not encrypted{}: {why}",
                        What::key(reason)
                    ),
                )
                .at("provisioner")
                .seen(what.evidence());
            }
        }
    }
    Ok(())
}

/// What is known of some volume.
struct What<'a> {
    driver: &'a str,
    class: Option<&'a str>,
    encryption: &'a Encryption,
    doubt: Option<&'a Unknown>,
}

/// What a baseline makes of it.
enum Judgement {
    Fine,
    /// It passes on the administrator's word.
    Assumed(String),
    /// It keeps no data.
    Nothing,
    Unknown(Unknown),
    Bad(&'static str),
}

impl What<'_> {
    fn judge(&self, params: &Params) -> Judgement {
        let encryption = self.encryption;
        if encryption.place == Place::Transient {
            return Judgement::Nothing;
        }
        match encryption.level {
            Level::OwnKey => Judgement::Fine,
            Level::Provider if !params.require_customer_managed_key => Judgement::Fine,
            Level::Provider => self.doubt.map_or(Judgement::Bad("ProviderKey"), |doubt| {
                Judgement::Unknown(doubt.clone())
            }),
            Level::Unknown | Level::Not if self.is_assumed(params) => self.assumed(params, "assumeEncrypted"),
            Level::Unknown => Judgement::Unknown(self.unknown()),
            Level::Not => match encryption.place {
                Place::NodeDisk if params.trusted_node_encryption => {
                    self.assumed(params, "trustedNodeEncryption")
                }
                Place::NodeDisk => Judgement::Bad("NodeDisk"),
                Place::Nfs if params.trusted_node_encryption => Judgement::Unknown(Unknown::new(
                    "NfsServer",
                    "the disk of an NFS server is never visible",
                )),
                Place::Nfs => Judgement::Bad("NfsVolume"),
                Place::Storage | Place::Transient => Judgement::Bad("NotEncrypted"),
            },
        }
    }

    /// An assumption names no key.
    fn assumed(&self, params: &Params, by: &str) -> Judgement {
        if params.require_customer_managed_key {
            let message = format!("{by} says that {} is encrypted, not with whose key", self.driver);
            return Judgement::Unknown(Unknown::new("KeyUnknown", message));
        }
        Judgement::Assumed(format!("encryption is assumed ({by}), not seen"))
    }

    fn is_assumed(&self, params: &Params) -> bool {
        let listed = |name: &str| params.assume_encrypted.iter().any(|assumed| assumed == name);
        listed(self.driver) || self.class.is_some_and(listed)
    }

    fn unknown(&self) -> Unknown {
        self.doubt.cloned().unwrap_or_else(|| {
            let reason = if plimsoll_engine::facts::evidence(self.driver).is_some() {
                "NotVisible"
            } else {
                "NotModelled"
            };
            Unknown::new(reason, format!("driver {}: {}", self.driver, self.encryption.why))
        })
    }

    fn key(reason: &str) -> &'static str {
        if reason == "ProviderKey" {
            " with a key of the customer's"
        } else {
            ""
        }
    }

    fn evidence(&self) -> String {
        match self.class {
            Some(class) => format!("StorageClass {class}, driver {}", self.driver),
            None => format!("no StorageClass, driver {}", self.driver),
        }
    }
}
