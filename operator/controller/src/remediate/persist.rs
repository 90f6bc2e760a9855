//! Between what remediation remembers and what an `EvidenceRecord` keeps of it.

use plimsoll_api::{FieldChange, ObjectReference, RepairRecord};
use plimsoll_engine::kind::Kind;
use serde_json::Value;

use super::record::{Operation, Record, Target, Touched};

impl Record {
    /// What is kept in the `EvidenceRecord` of the object's namespace.
    pub fn to_evidence(&self) -> RepairRecord {
        let target = &self.target;
        let kind = Kind::ALL.iter().find(|k| {
            let info = k.info();
            (info.group, info.kind) == (target.group.as_str(), target.kind.as_str())
        });
        let namespace = (!target.namespace.is_empty()).then(|| target.namespace.clone());
        RepairRecord {
            control: self.control.clone(),
            object: ObjectReference {
                api_version: kind.map(|k| k.api_version()).unwrap_or_default(),
                kind: target.kind.clone(),
                namespace,
                name: target.name.clone(),
            },
            uid: Some(self.uid.clone()),
            summary: self.summary(),
            fields: self.fields.iter().map(kept).collect(),
            time: self.time,
            undone: i64::from(self.undone.is_some()),
        }
    }

    /// Reads one back; `namespace_uid` is the `uid` of the `EvidenceRecord`. When it was undone is not kept: the time of
    /// the change stands for it, so a repair given up is tried again a little earlier after a restart.
    pub fn from_evidence(kept: &RepairRecord, namespace_uid: Option<&str>) -> Self {
        let created = kept.fields.iter().all(|field| field.pointer.is_empty());
        let group = kept
            .object
            .api_version
            .rsplit_once('/')
            .map_or("", |(group, _)| group);
        Self {
            time: kept.time,
            control: kept.control.clone(),
            baseline: String::new(),
            target: Target {
                group: group.into(),
                kind: kept.object.kind.clone(),
                namespace: kept.object.namespace.clone().unwrap_or_default(),
                name: kept.object.name.clone(),
            },
            uid: kept.uid.clone().unwrap_or_default(),
            namespace_uid: created.then(|| namespace_uid.map(Into::into)).flatten(),
            operation: if created {
                Operation::Create
            } else {
                Operation::Update
            },
            fields: kept.fields.iter().map(touched).collect(),
            undone: (kept.undone > 0).then_some(kept.time),
        }
    }

    fn summary(&self) -> String {
        let Target {
            kind,
            namespace,
            name,
            ..
        } = &self.target;
        let object = if namespace.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {namespace}/{name}")
        };
        let change = |f: &Touched| match &f.before {
            Some(before) => format!("set {} of {object} from {before} to {}", f.pointer, f.after),
            None => format!("set {} of {object} to {}", f.pointer, f.after),
        };
        match self.operation {
            Operation::Create => format!("create {object}"),
            Operation::Update => self.fields.iter().map(change).collect::<Vec<_>>().join("; "),
        }
    }
}

fn kept(field: &Touched) -> FieldChange {
    FieldChange {
        pointer: field.pointer.clone(),
        before: field.before.clone(),
        after: Some(field.after.clone()).filter(|after| !after.is_null()),
        ..FieldChange::default()
    }
}

fn touched(field: &FieldChange) -> Touched {
    Touched {
        pointer: field.pointer.clone(),
        before: field.before.clone(),
        after: field.after.clone().unwrap_or(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_survives_an_evidence_record() {
        let target = Target {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "web".into(),
        };
        let changed = Record {
            time: Timestamp::UNIX_EPOCH,
            control: "availability/replica-redundancy".into(),
            baseline: String::new(),
            target: target.clone(),
            uid: "u1".into(),
            namespace_uid: None,
            operation: Operation::Update,
            fields: vec![Touched {
                pointer: "/spec/replicas".into(),
                before: Some(json!(1)),
                after: json!(2),
            }],
            undone: Some(Timestamp::UNIX_EPOCH),
        };
        let created = Record {
            target: Target {
                group: "policy".into(),
                kind: "PodDisruptionBudget".into(),
                ..target
            },
            namespace_uid: Some("n1".into()),
            operation: Operation::Create,
            fields: vec![Touched {
                pointer: String::new(),
                before: None,
                after: Value::Null,
            }],
            undone: None,
            ..changed.clone()
        };
        assert_eq!(
            changed.to_evidence().summary,
            "set /spec/replicas of Deployment shop/web from 1 to 2"
        );
        assert_eq!(
            created.to_evidence().summary,
            "create PodDisruptionBudget shop/web"
        );
        for record in [changed, created] {
            assert_eq!(Record::from_evidence(&record.to_evidence(), Some("n1")), record);
        }
    }
}
