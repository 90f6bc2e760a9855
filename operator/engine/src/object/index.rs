//! The index keys each projection states beyond those of every object.

use super::Body;
use crate::{inventory::IndexKey, name::ObjRef};

impl Body {
    /// Adds the keys under which look-ups find this object.
    pub(crate) fn index_keys(&self, _name: &ObjRef, _keys: &mut Vec<IndexKey>) {
        match self {
            Body::Namespace(_)
            | Body::Node(_)
            | Body::Pod(_)
            | Body::Workload(_)
            | Body::NetworkPolicy(_)
            | Body::ForeignPolicy(_) => {}
        }
    }
}
