//! Texts as they are written: each is looked at and let go.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Collector, Marks};

/// A scalar as text. Whatever else is there is an error that does not quote it.
#[derive(Default)]
pub(crate) struct Scalar<'de>(pub(crate) Cow<'de, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar<'de>, E> {
        Ok(Scalar(Cow::Owned(text)))
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::default())
    }

    fn visit_none<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Scalar<'de>, D::Error> {
        d.deserialize_any(self)
    }
}

/// `env` of a container: what its literal values showed, and the ConfigMaps that others come from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Env {
    /// What the literal values showed.
    pub marks: Marks,
    /// The ConfigMaps that values come from.
    pub configs: Configs,
}

impl<'de> Deserialize<'de> for Env {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Collector::new() {
            Some(collector) => d.deserialize_option(EnvVisitor(collector)),
            None => IgnoredAny::deserialize(d).map(|_| Self::default()),
        }
    }
}

struct EnvVisitor(Collector);

impl<'de> Visitor<'de> for EnvVisitor {
    type Value = Env;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of environment variables")
    }

    fn visit_none<E>(self) -> Result<Env, E> {
        Ok(Env::default())
    }

    fn visit_unit<E>(self) -> Result<Env, E> {
        Ok(Env::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Env, D::Error> {
        d.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Env, A::Error> {
        let mut configs = Vec::new();
        while let Some(variable) = seq.next_element::<Variable<'de>>()? {
            self.0.variable(&variable.name.0, &variable.value.0);
            configs.extend(variable.value_from.and_then(|from| from.config_map_key_ref?.name));
        }
        Ok(Env {
            configs: Configs::of(self.0.wants_hosts(), configs),
            marks: self.0.finish(),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable<'a> {
    #[serde(default, borrow)]
    name: Scalar<'a>,
    #[serde(default, borrow)]
    value: Scalar<'a>,
    #[serde(default)]
    value_from: Option<ValueFrom>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValueFrom {
    #[serde(default)]
    config_map_key_ref: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    name: Option<Box<str>>,
}

/// Names of the ConfigMaps that a field refers to. Kept only where their texts are looked through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(clippy::box_collection, reason = "8 bytes instead of 24 in every volume")]
pub struct Configs(Option<Box<Vec<Box<str>>>>);

impl Configs {
    fn of(wanted: bool, mut names: Vec<Box<str>>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self((wanted && !names.is_empty()).then(|| Box::new(names)))
    }

    fn wanted(names: impl IntoIterator<Item = Reference>) -> Self {
        let wanted = Collector::new().is_some_and(|collector| collector.wants_hosts());
        Self::of(
            wanted,
            names.into_iter().filter_map(|reference| reference.name).collect(),
        )
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|names| names.iter().map(|name| &**name))
    }
}

/// `configMap` of a volume.
pub(crate) fn of_volume<'de, D: Deserializer<'de>>(d: D) -> Result<Configs, D::Error> {
    Option::deserialize(d).map(Configs::wanted)
}

/// `projected` of a volume.
pub(crate) fn of_projection<'de, D: Deserializer<'de>>(d: D) -> Result<Configs, D::Error> {
    #[derive(Deserialize)]
    struct Projected {
        #[serde(default)]
        sources: Option<Vec<Source>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Source {
        #[serde(default)]
        config_map: Option<Reference>,
    }
    let projected: Option<Projected> = Option::deserialize(d)?;
    let sources = projected.and_then(|projected| projected.sources);
    Ok(Configs::wanted(
        sources
            .into_iter()
            .flatten()
            .filter_map(|source| source.config_map),
    ))
}

/// `envFrom` of a container.
pub(crate) fn of_env_from<'de, D: Deserializer<'de>>(d: D) -> Result<Configs, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Source {
        #[serde(default)]
        config_map_ref: Option<Reference>,
    }
    let sources: Option<Vec<Source>> = Option::deserialize(d)?;
    Ok(Configs::wanted(
        sources
            .into_iter()
            .flatten()
            .filter_map(|source| source.config_map_ref),
    ))
}

/// What the words of a command line are, none of which may be an error that quotes them.
pub(crate) fn words_of<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    let words: Option<Vec<Scalar<'de>>> = Option::deserialize(d)?;
    Ok(words.into_iter().flatten().map(|word| word.0).collect())
}

/// A map of texts: what `look` makes of each entry.
fn collect_map<'de, A: MapAccess<'de>>(mut map: A, mut look: impl FnMut(&str, &str)) -> Result<(), A::Error> {
    while let Some(key) = map.next_key::<Scalar<'de>>()? {
        look(&key.0, &map.next_value::<Scalar<'de>>()?.0);
    }
    Ok(())
}

/// `binaryData` of a ConfigMap: what its keys showed. The values are no text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Data {
    /// What the keys showed.
    pub marks: Marks,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Collector::new() {
            Some(collector) => d.deserialize_option(DataVisitor(collector)),
            None => IgnoredAny::deserialize(d).map(|_| Self::default()),
        }
    }
}

struct DataVisitor(Collector);

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::default())
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Data, D::Error> {
        d.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Data, A::Error> {
        collect_map(map, |key, value| self.0.binary(key, value.is_empty()))?;
        Ok(Data {
            marks: self.0.finish(),
        })
    }
}
