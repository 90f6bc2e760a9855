//! Label sets, shared between the objects that carry equal ones (a thousand pods of a Deployment hold one set).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::pieces::Pieces;

/// Labels that can be asked for one key.
pub trait LabelLookup {
    /// The value of the label `key`.
    fn get(&self, key: &str) -> Option<&str>;
}

impl LabelLookup for BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<&str> {
        BTreeMap::get(self, key).map(String::as_str)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> LabelLookup for [(K, V)] {
    fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find(|(name, _)| name.as_ref() == key)
            .map(|(_, value)| value.as_ref())
    }
}

/// `metadata.labels`, sorted by key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels(Option<Pieces>);

impl Labels {
    fn sorted<K: AsRef<str>, V: AsRef<str>>(pairs: &BTreeMap<K, V>) -> Self {
        let pieces = || {
            pairs
                .iter()
                .flat_map(|(key, value)| [key.as_ref(), value.as_ref()])
        };
        Self((!pairs.is_empty()).then(|| Pieces::of(pieces())))
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        // There are few, and a search by halves would have to know where each begins.
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// All labels, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|pieces| {
            let mut pieces = pieces.iter();
            std::iter::from_fn(move || Some((pieces.next()?, pieces.next()?)))
        })
    }

    /// Those whose keys are kept: the same set where all are.
    pub(crate) fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.iter().all(|(key, _)| keep(key)) {
            return self.clone();
        }
        self.iter().filter(|(key, _)| keep(key)).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many objects (and interners) share this set.
    pub(crate) fn shared_by(&self) -> usize {
        self.0.as_ref().map_or(0, Pieces::shared_by)
    }
}

impl LabelLookup for Labels {
    fn get(&self, key: &str) -> Option<&str> {
        Labels::get(self, key)
    }
}

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(k, v)| (k.into(), v.into()));
        Self::sorted(&pairs.collect::<BTreeMap<Box<str>, Box<str>>>())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // `labels: null` is what a template with no labels renders to; the API server accepts it.
        let map: Option<BTreeMap<Box<str>, Value>> = Option::deserialize(d).map_err(de::Error::custom)?;
        Ok(Self::sorted(&map.unwrap_or_default()))
    }
}

/// `null` is an empty value.
#[derive(Deserialize)]
#[serde(transparent)]
struct Value(Option<Box<str>>);

impl AsRef<str> for Value {
    fn as_ref(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}
