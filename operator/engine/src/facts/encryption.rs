//! Encryption of volumes: what a class gives, which class is the default, and what a claim ends up with.

use std::sync::Arc;

use jiff::Timestamp;

use super::provisioners::{Encryption, Level, Parameters, encryption, same_driver, volume_encryption};
use crate::{
    control::project,
    decode::Object,
    fact::{Fact, Kept},
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{PersistentVolume, PersistentVolumeClaim, StorageClass},
    unknown::Unknown,
    view::View,
};

/// Marks the class of claims that name none. The older annotation still counts.
const DEFAULT_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];
/// The class of a claim, before there was a field.
const LEGACY_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// Set by provisioners on the volumes they make.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// An attribute the CSI provisioner adds to the volumes it makes.
const CSI_IDENTITY: &str = "storage.kubernetes.io/csiProvisionerIdentity";

/// What volumes of a StorageClass are encrypted with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClassEncryption {
    /// Name of the class.
    pub class: Arc<str>,
}

/// What a class gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassValue {
    /// Its driver.
    pub provisioner: Arc<str>,
    /// What volumes made by it get.
    pub encryption: Encryption,
    /// When the object was created: it proves nothing about older volumes.
    pub created: Option<Timestamp>,
}

impl Fact for ClassEncryption {
    const READS: KindSet = KindSet::of(&[Kind::StorageClass]);
    /// `None` where there is no such class.
    type Value = Option<ClassValue>;

    fn compute(&self, view: &View<'_>) -> Result<Option<ClassValue>, Unknown> {
        let Some(object) = view.object(&ObjRef::cluster(Kind::StorageClass, &*self.class))? else {
            return Ok(None);
        };
        let class: &StorageClass = project(object)?;
        let none = Parameters::new();
        Ok(Some(ClassValue {
            provisioner: (&*class.provisioner).into(),
            encryption: encryption(&class.provisioner, class.parameters.as_ref().unwrap_or(&none)),
            created: object.meta.creation_timestamp(),
        }))
    }
}

/// The class of claims that name none: of several that are marked, the newest (then the first by name) wins.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DefaultClass;

impl Fact for DefaultClass {
    const READS: KindSet = KindSet::of(&[Kind::StorageClass]);
    type Value = Option<Arc<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Option<Arc<str>>, Unknown> {
        let classes = view.all(Kind::StorageClass)?;
        Ok(newest(
            classes.into_iter().filter(|object| is_default_class(object)),
        ))
    }
}

/// Whether a StorageClass is marked as the default one.
pub fn is_default_class(object: &Object) -> bool {
    DEFAULT_CLASS
        .iter()
        .any(|key| object.meta.annotations.get(key) == Some("true"))
}

/// The newest of some objects, the first by name among equals.
pub(super) fn newest<'a>(objects: impl Iterator<Item = &'a Object>) -> Option<Arc<str>> {
    objects
        .min_by_key(|object| {
            (
                std::cmp::Reverse(object.meta.creation_timestamp()),
                object.name.clone(),
            )
        })
        .map(|object| object.name.name().into())
}

/// The class of a claim or claim template: the one it names, or the default one. `None` for `""`, a static volume.
pub fn class_of(view: &View<'_>, named: Option<&str>) -> Result<Option<Arc<str>>, Unknown> {
    match named {
        Some("") => Ok(None),
        Some(class) => Ok(Some(class.into())),
        None => match &*view.fact(&DefaultClass)? {
            Some(class) => Ok(Some(class.clone())),
            None => Err(Unknown::new(
                "NoDefaultClass",
                "no class is named and no StorageClass is the default",
            )),
        },
    }
}

/// What volumes of a class get. A class that does not exist gives nothing.
pub fn by_class(view: &View<'_>, class: &Arc<str>) -> Result<ClassValue, Unknown> {
    let value = view.fact(&ClassEncryption { class: class.clone() })?;
    Option::clone(&value)
        .ok_or_else(|| Unknown::new("ClassNotFound", format!("StorageClass {class} does not exist")))
}

/// What the volume of a claim is encrypted with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VolumeEncryption {
    /// The claim.
    pub claim: ObjRef,
}

/// What a claim ends up with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeValue {
    /// The driver.
    pub driver: Arc<str>,
    /// The class that made the volume, or will.
    pub class: Option<Arc<str>>,
    /// The bound volume.
    pub volume: Option<Arc<str>>,
    /// What it gets.
    pub encryption: Encryption,
    /// Why the level, or whose key it is, stays open, where another reason applies than the driver's.
    pub doubt: Option<Unknown>,
}

impl Fact for VolumeEncryption {
    const READS: KindSet = KindSet::of(&[
        Kind::PersistentVolumeClaim,
        Kind::PersistentVolume,
        Kind::StorageClass,
    ]);
    const KEPT: Kept = Kept::IfLarge;
    type Value = VolumeValue;

    fn compute(&self, view: &View<'_>) -> Result<VolumeValue, Unknown> {
        volume_of_claim(view, &self.claim)
    }
}

/// What the volume of a claim is encrypted with, for whoever judges that claim alone: a fact costs as much again where nobody
/// else asks for it.
pub fn volume_of_claim(view: &View<'_>, claim: &ObjRef) -> Result<VolumeValue, Unknown> {
    let object = view
        .object(claim)?
        .ok_or_else(|| Unknown::new("ClaimNotFound", format!("{claim} does not exist")))?;
    let claim: &PersistentVolumeClaim = project(object)?;
    let named = object
        .meta
        .annotations
        .get(LEGACY_CLASS)
        .or(claim.spec.storage_class_name.as_deref());
    let mut value = match claim.spec.volume_name.as_deref().filter(|name| !name.is_empty()) {
        Some(volume) => bound(view, volume, named)?,
        None => pending(view, named)?,
    };
    if object.meta.annotations.get("px/secure") == Some("true") && is_portworx(&value.driver) {
        value.encryption.level = Level::OwnKey;
        value.encryption.why = "annotation px/secure is \"true\"".into();
        value.doubt = None;
    }
    Ok(value)
}

fn is_portworx(driver: &str) -> bool {
    matches!(driver, "pxd.portworx.com" | "kubernetes.io/portworx-volume")
}

fn pending(view: &View<'_>, named: Option<&str>) -> Result<VolumeValue, Unknown> {
    let class = class_of(view, named)?
        .ok_or_else(|| Unknown::new("Unbound", "the claim asks for a static volume and has none yet"))?;
    let value = by_class(view, &class)?;
    Ok(VolumeValue {
        driver: value.provisioner,
        class: Some(class),
        volume: None,
        encryption: value.encryption,
        doubt: None,
    })
}

/// A bound volume: what it says itself, then the class that made it, if it did and is still the same object.
fn bound(view: &View<'_>, name: &str, named: Option<&str>) -> Result<VolumeValue, Unknown> {
    let object = view
        .object(&ObjRef::cluster(Kind::PersistentVolume, name))?
        .ok_or_else(|| {
            Unknown::new(
                "VolumeNotFound",
                format!("PersistentVolume {name} does not exist"),
            )
        })?;
    let volume: &PersistentVolume = project(object)?;
    let driver = volume.spec.driver().unwrap_or("of an unknown kind");
    let none = Parameters::new();
    let attributes = volume
        .spec
        .csi
        .as_ref()
        .and_then(|csi| csi.volume_attributes.as_ref())
        .unwrap_or(&none);
    let class = volume
        .spec
        .storage_class_name
        .clone()
        .or_else(|| named.map(Arc::from))
        .filter(|c| !c.is_empty());
    let value = |encryption, doubt| VolumeValue {
        driver: driver.into(),
        class: class.clone(),
        volume: Some(name.into()),
        encryption,
        doubt,
    };
    let itself = volume_encryption(driver, attributes);
    // Only the class can tell of a customer's key where the provider encrypts anyway.
    if let Some(known) = itself
        .clone()
        .filter(|known| known.by_driver || known.level == Level::OwnKey)
    {
        return Ok(value(known, None));
    }
    let proof = match &class {
        Some(class) => class_proof(view, object, class, attributes),
        None => Err(Unknown::new(
            "StaticVolume",
            format!("nothing tells whether the static volume {name} is encrypted"),
        )),
    };
    Ok(match (proof, itself) {
        (Ok(encryption), _) => value(encryption, None),
        // The provider encrypts; whose key it uses stays open.
        (Err(doubt), Some(known)) => value(known, Some(doubt)),
        (Err(doubt), None) => {
            let mut encryption = encryption(driver, attributes);
            encryption.level = Level::Unknown;
            encryption.why = doubt.message().into();
            value(encryption, Some(doubt))
        }
    })
}

fn class_proof(
    view: &View<'_>,
    volume: &Object,
    class: &Arc<str>,
    attributes: &Parameters,
) -> Result<Encryption, Unknown> {
    let name = volume.name.name();
    let value = view.fact(&ClassEncryption { class: class.clone() })?;
    let value = Option::as_ref(&value).ok_or_else(|| {
        Unknown::new(
            "ClassNotFound",
            format!("StorageClass {class} of volume {name} does not exist any more"),
        )
    })?;
    if let (Some(volume_created), Some(class_created)) = (volume.meta.creation_timestamp(), value.created)
        && volume_created < class_created
    {
        let message =
            format!("StorageClass {class} is younger than volume {name} and proves nothing about it");
        return Err(Unknown::new("ClassRecreated", message));
    }
    let served_by = project::<PersistentVolume>(volume)?
        .spec
        .driver()
        .unwrap_or_default();
    if !same_driver(served_by, &value.provisioner) {
        let message = format!(
            "volume {name} is served by {served_by}, StorageClass {class} by {}",
            value.provisioner
        );
        return Err(Unknown::new("StaticVolume", message));
    }
    if volume.meta.annotations.get(PROVISIONED_BY).is_none() && !attributes.contains_key(CSI_IDENTITY) {
        let message = format!("volume {name} was made by hand: StorageClass {class} proves nothing about it");
        return Err(Unknown::new("StaticVolume", message));
    }
    Ok(value.encryption.clone())
}
