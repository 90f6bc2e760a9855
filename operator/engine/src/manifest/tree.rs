//! The arena: one flat run of 16-byte slots per document, in the order of the text. A mapping or sequence knows
//! the number of slots it covers, so skipping a value of any size is one addition.

use super::error::Warning;
use super::scalar::{self, Scalar};

/// What a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Map,
    Seq,
    /// Unquoted YAML: its meaning follows from the text.
    Plain,
    /// Quoted, block or tagged as a string.
    Text,
    /// A JSON number, boolean or null.
    Json,
    /// Stands for the slot it points at.
    Alias,
    /// A key given again later in the same mapping; it and its value no longer count.
    Dropped,
    /// A merge key `<<`, whose entries stand at the end of the mapping.
    Merge,
}

/// `start`/`len`: for scalars the bytes of the text; for Map and Seq the number of entries and of covered slots;
/// for Alias the target and 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub kind: Kind,
    /// The text lies in `Tree::side`, not in the source.
    pub aside: bool,
    pub line: u32,
    pub start: u32,
    pub len: u32,
}

impl Slot {
    pub(super) fn covers(&self) -> usize {
        match self.kind {
            Kind::Map | Kind::Seq => self.len as usize,
            _ => 1,
        }
    }
}

/// One parsed document. Text is borrowed from the input wherever the input has it verbatim.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub source: &'a str,
    /// Texts that the source does not have verbatim: unescaped, folded, canonical keys.
    pub side: String,
    pub slots: Vec<Slot>,
    pub warnings: Vec<Warning>,
}

impl Tree<'_> {
    pub(super) fn text(&self, slot: &Slot) -> &str {
        let from = if slot.aside {
            self.side.as_str()
        } else {
            self.source
        };
        &from[slot.start as usize..slot.start as usize + slot.len as usize]
    }

    pub(super) fn scalar(&self, slot: &Slot) -> Scalar<'_> {
        match slot.kind {
            Kind::Plain => scalar::resolve(self.text(slot)),
            Kind::Json => scalar::resolve_json(self.text(slot)),
            _ => Scalar::Str(self.text(slot)),
        }
    }

    /// Bytes on the heap, the input not counted.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.side.capacity()
    }

    pub(super) fn follow(&self, index: usize) -> usize {
        match self.slots[index] {
            Slot {
                kind: Kind::Alias,
                start,
                ..
            } => start as usize,
            _ => index,
        }
    }
}

/// Key and value slots of a mapping; what no longer counts is left out.
#[derive(Clone)]
pub(super) struct Entries<'t> {
    slots: &'t [Slot],
    at: usize,
    end: usize,
}

impl<'t> Entries<'t> {
    pub(super) fn new(slots: &'t [Slot], map: usize) -> Self {
        Self {
            slots,
            at: map + 1,
            end: map + slots[map].covers(),
        }
    }

    pub(super) fn none() -> Self {
        Self {
            slots: &[],
            at: 0,
            end: 0,
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.end {
            let key = self.at;
            self.at = key + 1 + self.slots[key + 1].covers();
            if !matches!(self.slots[key].kind, Kind::Dropped | Kind::Merge) {
                return Some((key, key + 1));
            }
        }
        None
    }
}

/// Item slots of a sequence.
pub(super) fn items(slots: &[Slot], seq: usize) -> impl Iterator<Item = usize> + '_ {
    let end = seq + slots[seq].covers();
    let mut at = seq + 1;
    std::iter::from_fn(move || {
        let item = (at < end).then_some(at)?;
        at += slots[item].covers();
        Some(item)
    })
}
