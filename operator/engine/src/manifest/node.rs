//! A document's nodes: lookup, lines, JSON, identity.

use serde_json::{Map, Number, Value};

use super::path::PathSegment;
use super::scalar::Scalar;
use super::tree::{Entries, Kind, Slot, Tree, items};

/// A value in a document, aliases followed. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    tree: &'d Tree<'d>,
    index: usize,
    line: u32,
}

impl<'d> Node<'d> {
    pub(super) fn new(tree: &'d Tree<'d>, index: usize) -> Self {
        Self {
            tree,
            index: tree.follow(index),
            line: tree.slots[index].line,
        }
    }

    /// Line in the stream, from 1; for a mapping the line of its first key.
    pub fn line(&self) -> usize {
        self.line as usize
    }

    /// Whether this is a mapping.
    pub fn is_map(&self) -> bool {
        self.slot().kind == Kind::Map
    }

    /// Whether this is a sequence.
    pub fn is_seq(&self) -> bool {
        self.slot().kind == Kind::Seq
    }

    /// The scalar's value; None for a mapping or sequence.
    pub fn scalar(&self) -> Option<Scalar<'d>> {
        (!self.is_map() && !self.is_seq()).then(|| self.tree.scalar(self.slot()))
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&'d str> {
        match self.scalar()? {
            Scalar::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key; None too if this is no mapping.
    pub fn get(&self, key: &str) -> Option<Node<'d>> {
        self.entries()
            .find(|entry| entry.key == key)
            .map(|entry| entry.value)
    }

    /// The entries of a mapping, merged ones included; nothing for other nodes.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'d>> + use<'d> {
        let tree = self.tree;
        self.raw_entries().map(move |(key, value)| {
            let slot = &tree.slots[key];
            Entry {
                key: tree.text(slot),
                line: slot.line as usize,
                value: Node::new(tree, value),
            }
        })
    }

    /// The items of a sequence; nothing for other nodes.
    pub fn items(&self) -> impl Iterator<Item = Node<'d>> + use<'d> {
        let tree = self.tree;
        let seq = self.is_seq().then_some(self.index);
        seq.into_iter()
            .flat_map(|index| items(&tree.slots, index))
            .map(|item| Node::new(tree, item))
    }

    /// Entries of a mapping or items of a sequence.
    pub fn len(&self) -> usize {
        if self.is_map() {
            self.raw_entries().count()
        } else {
            self.items().count()
        }
    }

    /// Whether there is no entry and no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The node at a path.
    pub fn at(&self, path: &[PathSegment<'_>]) -> Option<Node<'d>> {
        path.iter()
            .try_fold(*self, |node, segment| node.step(segment).map(|(_, node)| node))
    }

    /// Line of the field at a path (the line of its key); None if there is no such field.
    pub fn line_of(&self, path: &[PathSegment<'_>]) -> Option<usize> {
        let found = path
            .iter()
            .try_fold((self.line(), *self), |(_, node), segment| node.step(segment));
        found.map(|(line, _)| line)
    }

    /// Line of the deepest existing field on a path: where an absent field would have to be added.
    pub fn nearest_line(&self, path: &[PathSegment<'_>]) -> usize {
        (0..=path.len())
            .rev()
            .find_map(|length| self.line_of(&path[..length]))
            .unwrap_or(self.line())
    }

    /// The value as JSON. Numbers that JSON does not have (`.inf`, `.nan`) become strings: kubectl refuses them.
    pub fn to_json(&self) -> Value {
        let Some(scalar) = self.scalar() else {
            return if self.is_map() {
                Value::Object(
                    self.entries()
                        .map(|entry| (entry.key.to_owned(), entry.value.to_json()))
                        .collect::<Map<_, _>>(),
                )
            } else {
                Value::Array(self.items().map(|item| item.to_json()).collect())
            };
        };
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => value.into(),
            Scalar::Int(value) => value.into(),
            Scalar::UInt(value) => value.into(),
            Scalar::Float(value) => {
                Number::from_f64(value).map_or_else(|| self.tree.text(self.slot()).into(), Value::Number)
            }
            Scalar::Str(text) => text.into(),
        }
    }

    pub(super) fn slot(&self) -> &'d Slot {
        &self.tree.slots[self.index]
    }

    pub(super) fn tree(&self) -> &'d Tree<'d> {
        self.tree
    }

    /// Slots of keys and values, without the work of following and naming them.
    pub(super) fn raw_entries(&self) -> Entries<'d> {
        if self.is_map() {
            Entries::new(&self.tree.slots, self.index)
        } else {
            Entries::none()
        }
    }

    fn step(&self, segment: &PathSegment<'_>) -> Option<(usize, Node<'d>)> {
        match *segment {
            PathSegment::Key(key) => self
                .entries()
                .find(|entry| entry.key == key)
                .map(|entry| (entry.line, entry.value)),
            PathSegment::Index(index) => self.items().nth(index).map(|item| (item.line(), item)),
            PathSegment::Named(name) => self
                .items()
                .find(|item| item.get("name").and_then(|node| node.as_str()) == Some(name))
                .map(|item| (item.line(), item)),
        }
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.to_json())
    }
}

/// One entry of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'d> {
    /// The key as JSON has it.
    pub key: &'d str,
    /// Line of the key.
    pub line: usize,
    /// The value.
    pub value: Node<'d>,
}

/// What an object is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity<'d> {
    /// `apiVersion`
    pub api_version: &'d str,
    /// `kind`
    pub kind: &'d str,
    /// `metadata.namespace`, if the manifest says.
    pub namespace: Option<&'d str>,
    /// `metadata.name`; absent with `generateName`.
    pub name: Option<&'d str>,
}

/// The identity of an object; None if it has no `apiVersion` or `kind` (a values file, a patch).
pub fn identify<'d>(node: &Node<'d>) -> Option<Identity<'d>> {
    Object {
        node: *node,
        list_item: None,
    }
    .identify()
}

/// An object of a document: the document itself, or an item of a `List`.
#[derive(Debug, Clone, Copy)]
pub struct Object<'d> {
    /// The object, with its own line.
    pub node: Node<'d>,
    /// `apiVersion` and `kind` that a typed list (`DeploymentList`) implies: its items leave them out.
    list_item: Option<(&'d str, &'d str)>,
}

impl<'d> Object<'d> {
    /// The object's identity, `apiVersion` and `kind` taken from a typed list where the item has none.
    pub fn identify(&self) -> Option<Identity<'d>> {
        let text = |node: &Node<'d>, key| node.get(key)?.as_str().filter(|text| !text.is_empty());
        let metadata = self.node.get("metadata");
        let of_metadata = |key| metadata.as_ref().and_then(|metadata| text(metadata, key));
        Some(Identity {
            api_version: text(&self.node, "apiVersion").or(self.list_item.map(|(version, _)| version))?,
            kind: text(&self.node, "kind").or(self.list_item.map(|(_, kind)| kind))?,
            namespace: of_metadata("namespace"),
            name: of_metadata("name"),
        })
    }
}

/// The objects of a document: the items of a `List` (any kind that ends so and has `items`), lists in lists too,
/// else the document itself.
pub fn documents(root: Node<'_>) -> Vec<Object<'_>> {
    let mut found = Vec::new();
    flatten(
        Object {
            node: root,
            list_item: None,
        },
        &mut found,
    );
    found
}

fn flatten<'d>(object: Object<'d>, found: &mut Vec<Object<'d>>) {
    let items = object.node.get("items").filter(Node::is_seq);
    let (Some(items), Some(identity)) = (items, object.identify()) else {
        return found.push(object);
    };
    let Some(of) = identity.kind.strip_suffix("List") else {
        return found.push(object);
    };
    let list_item = (!of.is_empty()).then_some((identity.api_version, of));
    for node in items.items() {
        flatten(Object { node, list_item }, found);
    }
}
