//! Reading the live object of a step, and writing it: a dry run first, then the Lease once more, then the change.

use std::{future::Future, time::Duration};

use json_patch::jsonptr::PointerBuf;
use kube::{
    Client,
    api::{Api, ApiResource, DynamicObject, Patch, PatchParams, Request},
};
use plimsoll_engine::{
    finding::Change,
    json::Json,
    kind::{Kind, KindInfo},
    name::ObjRef,
};
use serde_json::Value;

use super::{
    ask::{Answer, ask},
    error::Error,
    fence::Fence,
    owner::{Manager, Ownership, judge, manager_of},
    patch::{Names, applied, guarded, holds, is_labelled_ours, job_of},
    plan::Step,
    record::{Anchor, Operation, Touched},
};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a look at the live object of a step tells.
#[derive(Debug)]
pub enum Look {
    /// The object is already as wanted: the report lags behind, or somebody was faster.
    AlreadyThere,
    /// The field belongs to somebody else.
    ManagedElsewhere {
        /// Who.
        manager: Manager,
        /// The live object's uid.
        uid: String,
    },
    /// A change is to be written.
    Write(Box<Intent>),
}

/// A change ready to be written, made for one state of one object.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The step it carries out.
    pub step: Step,
    /// The live object's uid; nothing if it is to be created.
    pub uid: Option<String>,
    /// Of an object to be created, the uid of its namespace.
    pub namespace_uid: Option<String>,
    /// What it touches.
    pub fields: Vec<Touched>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// To the object's `/scale`.
    Scale(json_patch::Patch),
    /// To the object itself.
    Json(json_patch::Patch),
    /// Server-side apply; by force only on what we created.
    Apply { manifest: Value, force: bool },
}

impl Intent {
    /// Whether it creates or changes.
    pub fn operation(&self) -> Operation {
        match self.uid {
            None => Operation::Create,
            Some(_) => Operation::Update,
        }
    }

    /// The manifest that is applied, if it is one.
    pub(super) fn manifest(&self) -> Option<&Value> {
        match &self.body {
            Body::Apply { manifest, .. } => Some(manifest),
            Body::Scale(_) | Body::Json(_) => None,
        }
    }

    /// What earlier changes are counted against.
    pub fn anchor(&self) -> Anchor<'_> {
        Anchor {
            uid: self.uid.as_deref(),
            namespace_uid: self.namespace_uid.as_deref(),
        }
    }
}

/// The hands of remediation: everything it reads from and writes to objects goes through here.
#[derive(Clone)]
pub struct Writer {
    client: Client,
}

impl Writer {
    /// Writes with the rights of this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads the live object and tells what is to be done. Writes nothing.
    pub async fn look(&self, step: &Step) -> Result<Look, Error> {
        match &step.change {
            Change::Replicas { target, from, to } => {
                self.look_at_floor(step, target, "/spec/replicas", *from, *to)
                    .await
            }
            Change::MinReplicas { target, from, to } => {
                self.look_at_floor(step, target, "/spec/minReplicas", from.unwrap_or(1), *to)
                    .await
            }
            Change::Set {
                target,
                pointer,
                from,
                to,
            } => {
                let from = from.as_ref().map(Json::value);
                self.look_at_field(step, target, pointer, from.as_ref(), &to.value())
                    .await
            }
            Change::Create { target, manifest } => {
                self.look_at_manifest(step, target, &manifest.value()).await
            }
            Change::Start { target, from } => self.look_at_start(step, target, from).await,
            // No deletion is of a class that is applied without an approval.
            Change::Delete { target } => Err(Error::Unsupported(format!(
                "{target} is not deleted automatically"
            ))),
        }
    }

    /// A count that is to be at least so high. Absent counts as 1, the API's default for both fields.
    async fn look_at_floor(
        &self,
        step: &Step,
        target: &ObjRef,
        pointer: &str,
        from: i32,
        to: i32,
    ) -> Result<Look, Error> {
        let live = self
            .live(target)
            .await?
            .ok_or_else(|| Error::Gone(target.clone()))?;
        let before = live.value.pointer(pointer);
        let count = before.map_or(Some(1), Value::as_i64);
        match count {
            Some(count) if count >= i64::from(to) => return Ok(Look::AlreadyThere),
            Some(count) if count == i64::from(from) => {}
            _ => {
                let what = format!("{pointer} is {}, not {from}", shown(before));
                let target = target.clone();
                return Err(Error::Changed { target, what });
            }
        }
        let scale = matches!(step.change, Change::Replicas { .. });
        live.change(step, pointer, to.into(), scale)
    }

    /// A field that is to have a value.
    async fn look_at_field(
        &self,
        step: &Step,
        target: &ObjRef,
        pointer: &str,
        from: Option<&Value>,
        to: &Value,
    ) -> Result<Look, Error> {
        let live = self
            .live(target)
            .await?
            .ok_or_else(|| Error::Gone(target.clone()))?;
        let before = live.value.pointer(pointer);
        if before == Some(to) {
            return Ok(Look::AlreadyThere);
        }
        if before != from {
            let what = format!("{pointer} is {}, not {}", shown(before), shown(from));
            let target = target.clone();
            return Err(Error::Changed { target, what });
        }
        live.change(step, pointer, to.clone(), false)
    }

    /// An object that is to be there. One of that name that is not ours is left alone, whatever it says.
    async fn look_at_manifest(&self, step: &Step, target: &ObjRef, manifest: &Value) -> Result<Look, Error> {
        if target.kind() == Kind::Namespace {
            return Err(Error::Unsupported("namespaces are never created".into()));
        }
        let live = self.live(target).await?;
        let namespace_uid = match target.namespace() {
            Some(namespace) => Some(self.namespace_uid(namespace, target).await?),
            None => None,
        };
        let names = Names {
            kind: target.kind().info().kind,
            namespace: target.namespace(),
            name: target.name(),
        };
        let uid = live.as_ref().map(|live| live.uid.clone());
        let wanted = applied(manifest, &target.kind().api_version(), &names, uid.as_deref())
            .ok_or_else(|| Error::Unsupported(format!("the manifest of {target} is no object")))?;
        let force = live.is_some();
        if let Some(live) = live {
            if !live.is_ours() {
                return Err(Error::Taken(target.clone()));
            }
            if holds(&live.value, &wanted) {
                return Ok(Look::AlreadyThere);
            }
        }
        Ok(Look::Write(Box::new(Intent {
            step: step.clone(),
            uid,
            namespace_uid,
            fields: vec![Touched {
                pointer: String::new(),
                before: None,
                after: Value::Null,
            }],
            body: Body::Apply {
                manifest: wanted,
                force,
            },
        })))
    }

    /// A Job that is to be started from a CronJob as that is now. One that is there was started already.
    async fn look_at_start(&self, step: &Step, target: &ObjRef, from: &ObjRef) -> Result<Look, Error> {
        if self.live(target).await?.is_some_and(|live| live.is_ours()) {
            return Ok(Look::AlreadyThere);
        }
        let live = self.live(from).await?.ok_or_else(|| Error::Gone(from.clone()))?;
        let manifest = job_of(&live.value).map_err(|what| Error::Changed {
            target: from.clone(),
            what: what.into(),
        })?;
        self.look_at_manifest(step, target, &manifest).await
    }

    async fn live(&self, target: &ObjRef) -> Result<Option<Live>, Error> {
        let object = in_time(self.api(target).get_opt(target.name()))
            .await?
            .map_err(|e| Error::of(target, e))?;
        object.map(|object| Live::new(target, object)).transpose()
    }

    async fn namespace_uid(&self, namespace: &str, target: &ObjRef) -> Result<String, Error> {
        let name = ObjRef::namespace_object(namespace);
        let live = self.live(&name).await?;
        live.map(|live| live.uid)
            .ok_or_else(|| Error::Gone(target.clone()))
    }

    /// Writes a change: a dry run first, whose answer must have the value wanted and come without a warning, then, if this
    /// replica still leads, the change itself. Returns the uid of the object.
    pub async fn write(&self, intent: &Intent, fence: &dyn Fence) -> Result<String, Error> {
        let tried = self.send(intent, true).await?;
        if !tried.warnings.is_empty() {
            // Of a Pod Security label: the pods that would be rejected at their next start.
            return Err(Error::Warned {
                target: intent.step.change.target().clone(),
                warnings: tried.warnings,
            });
        }
        if !in_time(fence.still_leader()).await? {
            return Err(Error::NotLeader);
        }
        let written = self.send(intent, false).await?;
        Ok(text(&written.value, "/metadata/uid"))
    }

    async fn send(&self, intent: &Intent, dry_run: bool) -> Result<Answer, Error> {
        let target = intent.step.change.target();
        let params = PatchParams {
            dry_run,
            force: matches!(intent.body, Body::Apply { force: true, .. }),
            field_manager: Some(manager_of(intent.step.control)),
            ..PatchParams::default()
        };
        let name = target.name();
        let request = Request::new(self.api(target).resource_url());
        let request = match &intent.body {
            Body::Scale(patch) => {
                let patch = Patch::<()>::Json(patch.clone());
                request.patch_subresource("scale", name, &params, &patch)
            }
            Body::Json(patch) => request.patch(name, &params, &Patch::<()>::Json(patch.clone())),
            Body::Apply { manifest, .. } => request.patch(name, &params, &Patch::Apply(manifest)),
        };
        let request = request.map_err(|e| Error::Api(kube::Error::BuildRequest(e)))?;
        let answer = in_time(ask(&self.client, request))
            .await?
            .map_err(|e| Error::of(target, e))?;
        check(target, intent, &answer.value)?;
        Ok(answer)
    }

    fn api(&self, target: &ObjRef) -> Api<DynamicObject> {
        let resource = resource(target.kind().info());
        match target.namespace() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}

/// A live object: its metadata, and all of it.
struct Live {
    target: ObjRef,
    uid: String,
    value: Value,
    meta: kube::api::ObjectMeta,
}

impl Live {
    fn new(target: &ObjRef, object: DynamicObject) -> Result<Self, Error> {
        if object.metadata.deletion_timestamp.is_some() {
            return Err(Error::Gone(target.clone()));
        }
        let meta = object.metadata.clone();
        let value = serde_json::to_value(object).map_err(|e| Error::Api(kube::Error::SerdeError(e)))?;
        let uid = text(&value, "/metadata/uid");
        let target = target.clone();
        Ok(Self {
            target,
            uid,
            value,
            meta,
        })
    }

    /// The change of one field, if its owner allows.
    fn change(&self, step: &Step, pointer: &str, after: Value, scale: bool) -> Result<Look, Error> {
        if let Ownership::ManagedElsewhere(manager) = judge(&self.meta, &[pointer]) {
            let uid = self.uid.clone();
            return Ok(Look::ManagedElsewhere { manager, uid });
        }
        let field = PointerBuf::parse(pointer)
            .map_err(|_| Error::Unsupported(format!("{pointer} of {} is no JSON pointer", self.target)))?;
        let before = self.value.pointer(pointer).cloned();
        let version = text(&self.value, "/metadata/resourceVersion");
        let patch = guarded(&self.uid, &version, &field, before.as_ref(), after.clone());
        let fields = vec![Touched {
            pointer: pointer.into(),
            before,
            after,
        }];
        Ok(Look::Write(Box::new(Intent {
            step: step.clone(),
            uid: Some(self.uid.clone()),
            namespace_uid: None,
            fields,
            body: if scale {
                Body::Scale(patch)
            } else {
                Body::Json(patch)
            },
        })))
    }

    /// Created by us: it says so, and one of our managers applies it. Only then is force used.
    fn is_ours(&self) -> bool {
        let applied = self.meta.managed_fields.iter().flatten().any(|entry| {
            let manager = entry.manager.as_deref().unwrap_or_default();
            entry.operation.as_deref() == Some("Apply") && manager.starts_with(super::owner::MANAGER_PREFIX)
        });
        applied && is_labelled_ours(&self.value)
    }
}

/// Whether what the server stores (or would store) is what was wanted: a mutating webhook may have set it back.
fn check(target: &ObjRef, intent: &Intent, stored: &Value) -> Result<(), Error> {
    let (is_there, what) = match &intent.body {
        Body::Apply { manifest, .. } => (holds(stored, manifest), "other content than applied".to_owned()),
        Body::Scale(_) | Body::Json(_) => {
            let differs = intent
                .fields
                .iter()
                .find(|field| stored.pointer(&field.pointer) != Some(&field.after));
            let what = differs.map(|f| format!("{} {}", f.pointer, shown(stored.pointer(&f.pointer))));
            (differs.is_none(), what.unwrap_or_default())
        }
    };
    if is_there {
        return Ok(());
    }
    Err(Error::Refused {
        target: target.clone(),
        why: format!("it would store {what}"),
    })
}

async fn in_time<T>(request: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(PATIENCE, request)
        .await
        .map_err(|_| Error::Timeout(PATIENCE.as_secs()))
}

fn resource(info: &KindInfo) -> ApiResource {
    let version = info.versions.first().copied().unwrap_or("v1");
    let api_version = if info.group.is_empty() {
        version.to_owned()
    } else {
        format!("{}/{version}", info.group)
    };
    ApiResource {
        group: info.group.into(),
        version: version.into(),
        api_version,
        kind: info.kind.into(),
        plural: info.plural.into(),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// A value in a message.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not set".into(), ToString::to_string)
}
