//! Label sets, shared between the objects that carry equal ones (a thousand pods of a Deployment hold one set).

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, de};

use crate::selector::LabelLookup;

/// `metadata.labels`, sorted by key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(k, _)| (**k).cmp(key))
            .ok()
            .map(|i| &*self.0[i].1)
    }

    /// All labels, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many objects (and interners) share this set.
    pub(crate) fn shared_by(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl LabelLookup for Labels {
    fn get(&self, key: &str) -> Option<&str> {
        Labels::get(self, key)
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let sorted: BTreeMap<Box<str>, Box<str>> =
            pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Self(sorted.into_iter().collect())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // `labels: null` is what a template with no labels renders to; the API server accepts it.
        let map: Option<BTreeMap<Box<str>, Option<Box<str>>>> =
            Option::deserialize(d).map_err(de::Error::custom)?;
        Ok(map
            .into_iter()
            .flatten()
            .map(|(k, v)| (k, v.unwrap_or_default()))
            .collect())
    }
}
