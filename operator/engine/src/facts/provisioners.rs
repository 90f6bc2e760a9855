//! What storage drivers encrypt: one table, one row per driver, each with where its facts come from.
//!
//! Driver names are `StorageClass.provisioner` and `PersistentVolume.spec.csi.driver`; in-tree names stand in the row of the
//! CSI driver they migrate to. Parameters are strings: most drivers compare with `"true"` exactly.

use std::collections::BTreeMap;

/// What is known of a volume's encryption at rest, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// Encrypted, with a key of the customer's.
    OwnKey,
    /// Encrypted by the provider, with a key of the provider's.
    Provider,
    /// It cannot be told from the cluster.
    Unknown,
    /// Not encrypted, as far as this layer goes.
    Not,
}

/// Parameters of a class, or attributes of a volume.
pub type Parameters = BTreeMap<Box<str>, Box<str>>;

/// How well a row is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// Read in the driver's source or documentation.
    Read,
    /// General knowledge: it may only say what cannot be told, or what every reader takes for granted.
    Known,
}

/// How a driver decides.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// By parameters.
    Asked(Asked),
    /// Always, by the provider; with a customer's key where one of these parameters is set.
    Always { own_key: &'static [&'static str] },
    /// Never.
    Never,
    /// On the disk of a node: as the node's disk is.
    NodeDisk,
    /// On an NFS server.
    Nfs,
    /// Not to be seen from the cluster.
    Invisible,
    /// Nothing is persisted.
    Transient,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Keys whose value `true` asks for encryption.
    switches: &'static [&'static str],
    /// Switches that use the provider's key, the others a customer's.
    provider_switches: &'static [&'static str],
    /// Keys whose presence asks for encryption with a customer's key.
    key_given: &'static [&'static str],
    /// `(key, word)`: the word among the key's value asks for encryption.
    words: &'static [(&'static str, &'static str)],
    /// Keys without which the switches do nothing.
    needs: &'static [&'static str],
    /// Keys compare without case, and may carry this prefix.
    ignore_case: bool,
    prefix: &'static str,
    /// `1`, `t`, `T`, `TRUE`, `True` mean `true` too (Go's `ParseBool`).
    parse_bool: bool,
}

const ASKED: Asked = Asked {
    switches: &[],
    provider_switches: &[],
    key_given: &[],
    words: &[],
    needs: &[],
    ignore_case: false,
    prefix: "",
    parse_bool: false,
};

const STAGE: &str = "csi.storage.k8s.io/node-stage-secret-name";
const PUBLISH: &str = "csi.storage.k8s.io/node-publish-secret-name";
const PROVISION: &str = "csi.storage.k8s.io/provisioner-secret-name";

struct Row {
    /// Exact names; one with a leading `*` is the end of a name (Rook prefixes its operator's namespace).
    names: &'static [&'static str],
    rule: Rule,
    evidence: Evidence,
    /// What it rests on, or what else may encrypt.
    basis: &'static str,
    /// Whether another layer, not to be seen from the class, may encrypt.
    elsewhere: bool,
    /// Whether the driver copies the parameters into the volume's attributes.
    recorded: bool,
}

const ROW: Row = Row {
    names: &[],
    rule: Rule::Invisible,
    evidence: Evidence::Read,
    basis: "",
    elsewhere: false,
    recorded: false,
};

#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row {
        names: &["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs"],
        rule: Rule::Asked(Asked { provider_switches: &["encrypted"], key_given: &["kmskeyid"], ignore_case: true, ..ASKED }),
        basis: "the default is \"false\"; encryption by default of the AWS account is not visible", elsewhere: true, ..ROW
    },
    Row { names: &["efs.csi.aws.com"], basis: "encryption is a property of the file system; encryptInTransit is TLS only", ..ROW },
    Row { names: &["fsx.csi.aws.com", "fsx.openzfs.csi.aws.com"], evidence: Evidence::Known, basis: "encryption is the service's", ..ROW },
    Row {
        names: &["disk.csi.azure.com", "kubernetes.io/azure-disk"],
        rule: Rule::Always { own_key: &["diskencryptionsetid"] }, basis: "Azure encrypts every managed disk", recorded: true, ..ROW
    },
    Row { names: &["file.csi.azure.com", "kubernetes.io/azure-file"], rule: Rule::Always { own_key: &[] }, basis: "Azure encrypts every share", ..ROW },
    Row {
        names: &["pd.csi.storage.gke.io", "kubernetes.io/gce-pd"],
        rule: Rule::Always { own_key: &["disk-encryption-kms-key"] }, basis: "Google encrypts every disk", ..ROW
    },
    Row {
        names: &["filestore.csi.storage.gke.io"],
        rule: Rule::Always { own_key: &["instance-encryption-kms-key"] }, basis: "Google encrypts every instance", ..ROW
    },
    Row {
        names: &["rbd.csi.ceph.com", "*.rbd.csi.ceph.com", "cephfs.csi.ceph.com", "*.cephfs.csi.ceph.com"],
        rule: Rule::Asked(Asked { switches: &["encrypted"], ..ASKED }),
        basis: "disabled by default; encrypted OSD devices are not visible in the class", elsewhere: true, recorded: true, ..ROW
    },
    Row {
        names: &["nfs.csi.ceph.com", "*.nfs.csi.ceph.com", "nvmeof.csi.ceph.com", "*.nvmeof.csi.ceph.com"],
        rule: Rule::Never, basis: "no parameter; encrypted OSD devices are not visible in the class", elsewhere: true, ..ROW
    },
    Row {
        names: &["driver.longhorn.io"],
        rule: Rule::Asked(Asked { switches: &["encrypted"], needs: &[PROVISION, PUBLISH, STAGE], ..ASKED }),
        basis: "not by default; needs the secrets of the CSI parameters", recorded: true, ..ROW
    },
    Row {
        names: &["pxd.portworx.com", "kubernetes.io/portworx-volume"],
        rule: Rule::Asked(Asked { switches: &["secure"], ..ASKED }), basis: "not by default; a cluster-wide secret alone encrypts nothing", ..ROW
    },
    Row { names: &["io.openebs.csi-mayastor"], rule: Rule::Never, basis: "encryption is a property of the DiskPool", elsewhere: true, ..ROW },
    Row { names: &["zfs.csi.openebs.io"], rule: Rule::Never, basis: "no parameter; encryption of the parent dataset is not visible", elsewhere: true, ..ROW },
    Row {
        names: &[
            "rancher.io/local-path", "kubernetes.io/no-provisioner", "kubernetes.io/host-path", "k8s.io/minikube-hostpath",
            "hostpath.csi.k8s.io", "local.csi.openebs.io", "openebs.io/local", "topolvm.io", "topolvm.cybozu.com",
        ],
        rule: Rule::NodeDisk, evidence: Evidence::Known, basis: "data lies on the node's disk", ..ROW
    },
    Row {
        names: &["linstor.csi.linbit.com"],
        rule: Rule::Asked(Asked {
            switches: &["encryption"], words: &[("layerlist", "luks")], ignore_case: true, prefix: "linstor.csi.linbit.com/", parse_bool: true, ..ASKED
        }),
        basis: "layers are drbd and storage by default", ..ROW
    },
    Row {
        names: &["csi.hetzner.cloud"],
        rule: Rule::Asked(Asked { key_given: &[PUBLISH], ..ASKED }), basis: "LUKS where a publish secret holds the passphrase", ..ROW
    },
    Row {
        names: &["linodebs.csi.linode.com"],
        rule: Rule::Asked(Asked {
            provider_switches: &["linodebs.csi.linode.com/encrypted"], switches: &["linodebs.csi.linode.com/luks-encrypted"], needs: &[STAGE], ..ASKED
        }),
        basis: "not by default", ..ROW
    },
    Row {
        names: &["csi.scaleway.com"],
        rule: Rule::Asked(Asked { switches: &["encrypted"], needs: &[STAGE], ..ASKED }), basis: "not by default; LUKS needs a stage secret", ..ROW
    },
    Row {
        names: &["vpc.block.csi.ibm.io", "vpc.file.csi.ibm.io"],
        rule: Rule::Always { own_key: &["encryptionkey"] }, basis: "\"false\" means a key of the provider's", ..ROW
    },
    Row { names: &["csi.trident.netapp.io"], basis: "decided by the backend's configuration", ..ROW },
    Row {
        names: &[
            "csi.cloudscale.ch", "dobs.csi.digitalocean.com", "diskplugin.csi.alibabacloud.com", "blockvolume.csi.oraclecloud.com",
            "cinder.csi.openstack.org", "kubernetes.io/cinder", "csi.vsphere.vmware.com", "kubernetes.io/vsphere-volume", "pure-csi",
        ],
        evidence: Evidence::Known, basis: "decided by the provider or the array, not by the class", ..ROW
    },
    Row {
        names: &["nfs.csi.k8s.io", "kubernetes.io/nfs", "cluster.local/nfs-subdir-external-provisioner", "k8s-sigs.io/nfs-subdir-external-provisioner"],
        rule: Rule::Nfs, evidence: Evidence::Known, basis: "the server's disk is never visible", ..ROW
    },
    Row { names: &["secrets-store.csi.k8s.io", "*/bucket"], rule: Rule::Transient, evidence: Evidence::Known, basis: "no volume", ..ROW },
];

/// What a driver does with given parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encryption {
    /// The level reached.
    pub level: Level,
    /// Where the data lies, as far as it changes what may be trusted.
    pub place: Place,
    /// Why, as a fact.
    pub why: Box<str>,
    /// Whether the driver alone decides, whatever the parameters: then the class proves nothing more.
    pub by_driver: bool,
}

/// Where data lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// With a storage system.
    Storage,
    /// On the disk of a node.
    NodeDisk,
    /// On an NFS server.
    Nfs,
    /// Nowhere for long.
    Transient,
}

impl Encryption {
    fn new(level: Level, why: impl Into<Box<str>>) -> Self {
        Self {
            level,
            place: Place::Storage,
            why: why.into(),
            by_driver: false,
        }
    }

    fn by_driver(mut self) -> Self {
        self.by_driver = true;
        self
    }

    fn at(mut self, place: Place) -> Self {
        self.place = place;
        self.by_driver()
    }
}

fn row(driver: &str) -> Option<&'static Row> {
    let named = |name: &str| match name.strip_prefix('*') {
        Some(end) => driver.ends_with(end),
        None => driver == name,
    };
    TABLE.iter().find(|row| row.names.iter().any(|name| named(name)))
}

/// Whether two names are of one driver: in-tree names migrated to CSI.
pub(super) fn same_driver(a: &str, b: &str) -> bool {
    a == b || matches!((row(a), row(b)), (Some(a), Some(b)) if std::ptr::eq(a, b))
}

/// What a driver does when told these parameters.
pub fn encryption(driver: &str, parameters: &Parameters) -> Encryption {
    let Some(row) = row(driver) else {
        return Encryption::new(Level::Unknown, format!("driver {driver} is not modelled")).by_driver();
    };
    match row.rule {
        Rule::Asked(asked) => asked.decide(parameters, row.basis),
        Rule::Always { own_key } => match own_key.iter().find(|key| given(parameters, key)) {
            Some(key) => Encryption::new(Level::OwnKey, format!("{driver} with {key}")),
            None => Encryption::new(Level::Provider, row.basis),
        },
        Rule::Never => Encryption::new(Level::Not, row.basis).by_driver(),
        Rule::NodeDisk => Encryption::new(Level::Not, row.basis).at(Place::NodeDisk),
        Rule::Nfs => Encryption::new(Level::Not, row.basis).at(Place::Nfs),
        Rule::Invisible => Encryption::new(Level::Unknown, row.basis).by_driver(),
        Rule::Transient => Encryption::new(Level::Provider, row.basis).at(Place::Transient),
    }
}

/// Whether another layer than the class may encrypt a driver's volumes.
pub fn may_encrypt_elsewhere(driver: &str) -> bool {
    row(driver).is_some_and(|row| row.elsewhere)
}

/// How well a driver is known; `None` where it is not.
pub fn evidence(driver: &str) -> Option<Evidence> {
    row(driver).map(|row| row.evidence)
}

/// What a volume itself says of its encryption: of drivers that record their parameters, and of those that decide alone.
pub(super) fn volume_encryption(driver: &str, attributes: &Parameters) -> Option<Encryption> {
    let found = encryption(driver, attributes);
    let row = row(driver);
    let says = match found.level {
        // What a driver always does needs no record; that no customer's key is recorded is no proof of there being none.
        Level::Provider => row.is_some_and(|row| matches!(row.rule, Rule::Always { .. } | Rule::Transient)),
        Level::OwnKey => row.is_some_and(|row| row.recorded),
        Level::Unknown | Level::Not => false,
    };
    (found.by_driver || says).then_some(found)
}

/// Whether a key is given, compared without case, with a value.
fn given(parameters: &Parameters, key: &str) -> bool {
    parameters
        .iter()
        .any(|(k, v)| k.eq_ignore_ascii_case(key) && !v.is_empty())
}

impl Asked {
    fn decide(&self, parameters: &Parameters, basis: &str) -> Encryption {
        if let Some(key) = self
            .key_given
            .iter()
            .find(|key| self.value(parameters, key).is_some_and(|v| !v.is_empty()))
        {
            return Encryption::new(Level::OwnKey, format!("{key} is given"));
        }
        let word = |(key, word): &&(&str, &str)| {
            let value = self.value(parameters, key).unwrap_or_default();
            value.split([' ', ',']).any(|w| w.eq_ignore_ascii_case(word))
        };
        if let Some((key, word)) = self.words.iter().find(word) {
            return Encryption::new(Level::OwnKey, format!("{key} contains {word}"));
        }
        for (switches, level, needs) in [
            (self.switches, Level::OwnKey, self.needs),
            (self.provider_switches, Level::Provider, &[][..]),
        ] {
            for key in switches {
                match self.value(parameters, key) {
                    Some(value) if self.is_true(value) => {
                        return self.switched(parameters, key, level, needs);
                    }
                    Some(value) if value.eq_ignore_ascii_case("true") => {
                        let why = format!(
                            "{key} is {value:?}: the driver compares the value with \"true\", case-sensitively"
                        );
                        return Encryption::new(Level::Not, why);
                    }
                    _ => {}
                }
            }
        }
        Encryption::new(Level::Not, basis)
    }

    fn switched(&self, parameters: &Parameters, key: &str, level: Level, needs: &[&str]) -> Encryption {
        match needs.iter().find(|need| self.value(parameters, need).is_none()) {
            Some(missing) => {
                Encryption::new(Level::Not, format!("{key} is \"true\", but {missing} is missing"))
            }
            None => Encryption::new(level, format!("{key} is \"true\"")),
        }
    }

    fn value<'p>(&self, parameters: &'p Parameters, key: &str) -> Option<&'p str> {
        let is = |name: &str| {
            if self.ignore_case {
                let name = name.to_ascii_lowercase();
                name.strip_prefix(self.prefix).unwrap_or(&name) == key
            } else {
                name == key
            }
        };
        parameters
            .iter()
            .find(|(name, _)| is(name))
            .map(|(_, value)| &**value)
    }

    fn is_true(&self, value: &str) -> bool {
        value == "true" || (self.parse_bool && matches!(value, "1" | "t" | "T" | "TRUE" | "True"))
    }
}
