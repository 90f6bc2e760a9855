//! Where in an object its texts stand.

use super::Marks;
use crate::{
    decode::Object,
    kind::Kind,
    object::{Body, Container, PodSpec},
};

/// A field that holds texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// `env` of a container.
    Env,
    /// `command` of a container.
    Command,
    /// `args` of a container.
    Args,
    /// `data` of a ConfigMap.
    Data,
    /// `binaryData` of a ConfigMap.
    BinaryData,
    /// `metadata.annotations` of the object.
    Annotations,
    /// `metadata.annotations` of its pods.
    PodAnnotations,
}

/// A field of an object that holds texts, with what they showed.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Which field.
    pub part: Part,
    /// The container, for fields of one.
    pub container: Option<&'a str>,
    /// What the texts showed.
    pub marks: &'a Marks,
    list: &'static str,
    pods: &'static str,
}

impl Place<'_> {
    /// The path of the field, or of the text under `key` in it.
    pub fn path(&self, key: &str) -> String {
        let container = || {
            format!(
                "{}.{}[{}]",
                self.pods,
                self.list,
                self.container.unwrap_or_default()
            )
        };
        let template = self.pods.strip_suffix(".spec").unwrap_or_default();
        match self.part {
            Part::Env => format!("{}.env[{key}]", container()),
            Part::Command => format!("{}.command", container()),
            Part::Args => format!("{}.args", container()),
            Part::Data => format!("data['{key}']"),
            Part::BinaryData => format!("binaryData['{key}']"),
            Part::Annotations => format!("metadata.annotations['{key}']"),
            Part::PodAnnotations => format!("{template}.metadata.annotations['{key}']"),
        }
    }
}

impl Object {
    /// The fields in which something was seen, in the order of the object. Nothing of a body that could not be read.
    pub(crate) fn texts(&self) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        let plain = |part, marks| Place {
            part,
            container: None,
            marks,
            list: "",
            pods: "",
        };
        places.push(plain(Part::Annotations, self.meta.annotations.marks()));
        if let Ok(Body::ConfigMap(map)) = &self.body {
            places.push(plain(Part::Data, map.texts()));
            places.push(plain(Part::BinaryData, &map.binary_data.marks));
        }
        let pods = match self.name.kind() {
            Kind::Pod => "spec",
            Kind::CronJob => "spec.jobTemplate.spec.template.spec",
            _ => "spec.template.spec",
        };
        if let Some(template) = self.body.as_ref().ok().and_then(Body::template) {
            places.extend(template.texts().map(|marks| Place {
                pods,
                ..plain(Part::PodAnnotations, marks)
            }));
        }
        if let Some(spec) = self.body.as_ref().ok().and_then(Body::pod_spec) {
            places.extend(of_pods(spec, pods));
        }
        places.retain(|place| !place.marks.is_empty());
        places
    }
}

fn of_pods<'a>(spec: &'a PodSpec, pods: &'static str) -> impl Iterator<Item = Place<'a>> {
    let lists = [
        ("initContainers", &spec.init_containers),
        ("containers", &spec.containers),
        ("ephemeralContainers", &spec.ephemeral_containers),
    ];
    lists.into_iter().flat_map(move |(list, containers)| {
        let containers: &'a Option<Box<[Container]>> = containers;
        containers.iter().flatten().flat_map(move |container| {
            [
                (Part::Env, &container.env.marks),
                (Part::Command, container.command.texts()),
                (Part::Args, container.args.texts()),
            ]
            .map(|(part, marks)| Place {
                part,
                container: Some(&container.name),
                marks,
                list,
                pods,
            })
        })
    })
}
