//! The names of records: whose namespace, and which of its processes remembers.

use super::EvidenceRecord;

/// Name of the record of what belongs to no namespace. No namespace can be called so: their names have no dots.
pub const CLUSTER_SHARD: &str = "cluster.plimsoll.dev";

/// Which record of a namespace: where several processes remember, each has its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Part {
    /// That of whoever reads, and of whoever does everything.
    #[default]
    Main,
    /// That of a process that only repairs.
    Repairs,
    /// That of a process that only probes.
    Probes,
}

impl Part {
    /// No namespace ends so: their names have no dots.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Repairs => ".repairs",
            Self::Probes => ".probes",
        }
    }

    /// The name of this record of a namespace; of the cluster's for the empty name.
    pub fn name(self, namespace: &str) -> String {
        format!("{}{}", EvidenceRecord::name_for(namespace), self.suffix())
    }

    /// The namespace that a record's name tells, and which of its records it is.
    pub fn of(name: &str) -> (&str, Self) {
        let ends = [Self::Repairs, Self::Probes];
        let (name, part) = ends
            .into_iter()
            .find_map(|part| Some((name.strip_suffix(part.suffix())?, part)))
            .unwrap_or((name, Self::Main));
        (if name == CLUSTER_SHARD { "" } else { name }, part)
    }
}

impl EvidenceRecord {
    /// The name of a namespace's main record; of the cluster's for the empty name.
    pub fn name_for(namespace: &str) -> &str {
        if namespace.is_empty() {
            CLUSTER_SHARD
        } else {
            namespace
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_the_cluster_has_a_name_no_namespace_can_have() {
        assert_eq!(EvidenceRecord::name_for(""), CLUSTER_SHARD);
        assert_eq!(EvidenceRecord::name_for("shop"), "shop");
        for namespace in ["", "shop", "repairs"] {
            for part in [Part::Main, Part::Repairs, Part::Probes] {
                assert_eq!(Part::of(&part.name(namespace)), (namespace, part));
            }
        }
    }
}
