//! The index keys each projection states beyond those of every object.

use super::Body;
use crate::{inventory::IndexKey, name::ObjRef};

impl Body {
    /// Adds the keys under which look-ups find this object.
    pub(crate) fn index_keys(&self, name: &ObjRef, keys: &mut Vec<IndexKey>) {
        if let Body::ConfigMap(map) = self {
            keys.extend(
                map.settings()
                    .map(|(setting, _)| IndexKey::States(name.kind(), setting.into())),
            );
        }
    }
}
