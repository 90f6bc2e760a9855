//! `v1` ConfigMap. Configuration may hold secrets: but for a few TLS settings no value ever enters the inventory, only what
//! the values showed while they were decoded.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::texts::{Collector, Data, Marks, Scalar};

/// The settings that are kept: those by which ingress controllers choose TLS protocols.
///
/// `ssl-protocols`: ingress-nginx and F5 NGINX; `ssl-options`: HAProxy Ingress.
pub const TLS_SETTINGS: &[&str] = &["ssl-protocols", "ssl-options"];

/// What is kept of a ConfigMap.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMap {
    #[serde(default)]
    data: TlsSettings,
    /// What the keys of `binaryData` showed.
    #[serde(default)]
    pub(crate) binary_data: Data,
}

impl ConfigMap {
    /// The TLS settings it states, with their values.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.data.settings.iter().map(|(key, value)| (*key, &**value))
    }

    /// What its data showed.
    pub(crate) fn texts(&self) -> &Marks {
        &self.data.marks
    }

    /// The value of one of [`TLS_SETTINGS`].
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings().find(|(k, _)| *k == key).map(|(_, value)| value)
    }
}

/// Usually empty: then nothing is allocated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct TlsSettings {
    settings: Vec<(&'static str, Box<str>)>,
    marks: Marks,
}

impl<'de> Deserialize<'de> for TlsSettings {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_option(Settings)
    }
}

struct Settings;

impl<'de> Visitor<'de> for Settings {
    type Value = TlsSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_none<E>(self) -> Result<TlsSettings, E> {
        Ok(TlsSettings::default())
    }

    fn visit_unit<E>(self) -> Result<TlsSettings, E> {
        Ok(TlsSettings::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<TlsSettings, D::Error> {
        d.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TlsSettings, A::Error> {
        let mut settings = Vec::new();
        let mut collector = Collector::new();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let setting = TLS_SETTINGS.iter().find(|setting| **setting == key);
            if setting.is_none() && collector.is_none() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<Scalar<'de>>()?.0;
            if let Some(collector) = &mut collector {
                collector.entry(&key, &value);
            }
            settings.extend(setting.map(|setting| (*setting, value.into())));
        }
        settings.sort_unstable();
        let marks = collector.map(Collector::finish).unwrap_or_default();
        Ok(TlsSettings { settings, marks })
    }
}

#[cfg(test)]
mod tests {
    use crate::{decode::decode_json, kind::Kind};

    #[test]
    fn no_value_of_another_key_is_kept() {
        let json = r#"{"metadata": {"name": "c", "namespace": "n"},
            "data": {"ssl-protocols": "TLSv1.2", "password": "hunter2-canary"}, "binaryData": {"x": "aHVudGVyMg=="}}"#;
        let object = decode_json(Kind::ConfigMap, json).unwrap();
        let text = format!("{object:?}");
        assert!(text.contains("TLSv1.2"));
        assert!(!text.contains("hunter2") && !text.contains("password") && !text.contains("aHVud"));
    }
}
