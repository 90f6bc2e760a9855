//! Fills the arena from a loader's events.

use std::collections::HashSet;

use super::error::{Problem, Warning};
use super::scalar;
use super::tree::{Entries, Kind, Slot, Tree, items};

/// Where a scalar's text is.
pub(super) enum Text<'t> {
    /// Byte range of the source.
    Source(usize, usize),
    /// Not in the source verbatim.
    Owned(&'t str),
}

struct Frame {
    slot: usize,
    /// Start of this mapping's keys in `Builder::keys`; unused for sequences.
    keys: usize,
    map: bool,
    key_next: bool,
    merges: bool,
    /// Levels of nesting below this one, aliases followed.
    height: usize,
}

/// Builds a [`Tree`] from events. Every loader goes through it, so limits and mapping rules exist once.
pub(super) struct Builder<'a> {
    tree: Tree<'a>,
    open: Vec<Frame>,
    keys: Vec<u32>,
    /// Cost of what aliases expand to, see [`Builder::alias`].
    expanded: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let slots = Vec::with_capacity(source.len() / 24 + 8);
        let tree = Tree {
            source,
            side: String::new(),
            slots,
            warnings: Vec::new(),
        };
        Self {
            tree,
            open: Vec::new(),
            keys: Vec::new(),
            expanded: 0,
        }
    }

    pub(super) fn finish(self) -> Tree<'a> {
        self.tree
    }

    pub(super) fn next_index(&self) -> usize {
        self.tree.slots.len()
    }

    /// Whether the next node is a key of the innermost mapping.
    pub(super) fn at_key(&self) -> bool {
        self.open.last().is_some_and(|frame| frame.map && frame.key_next)
    }

    pub(super) fn open(&mut self, map: bool, line: u32) -> Result<(), Problem> {
        if self.at_key() {
            return Err(Problem::syntax("a mapping or sequence cannot be a key"));
        }
        if self.open.len() >= super::MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        self.advance();
        let kind = if map { Kind::Map } else { Kind::Seq };
        self.open.push(Frame {
            slot: self.next_index(),
            keys: self.keys.len(),
            map,
            key_next: true,
            merges: false,
            height: 0,
        });
        self.tree.slots.push(Slot {
            kind,
            aside: false,
            line,
            start: 0,
            len: 0,
        });
        Ok(())
    }

    /// Ends the innermost collection and returns how many levels deep it is.
    pub(super) fn close(&mut self) -> Result<usize, Problem> {
        let Some(frame) = self.open.pop() else {
            return Err(Problem::syntax("unbalanced end"));
        };
        if frame.map {
            self.drop_overridden(frame.keys);
            if frame.merges {
                self.merge(&frame)?;
            }
            self.keys.truncate(frame.keys);
        }
        let covered = narrow(self.next_index() - frame.slot)?;
        self.tree.slots[frame.slot].len = covered;
        self.raise(frame.height + 1);
        Ok(frame.height + 1)
    }

    pub(super) fn scalar(&mut self, kind: Kind, text: &Text<'_>, line: u32) -> Result<(), Problem> {
        let slot = self.store(kind, text, line)?;
        if self.at_key() {
            self.key(slot)?;
        } else {
            self.tree.slots.push(slot);
        }
        self.advance();
        Ok(())
    }

    /// Adds a reference to an earlier node. Its whole expansion counts against the budget, as whoever decodes the
    /// document walks all of it.
    pub(super) fn alias(
        &mut self,
        target: usize,
        cost: usize,
        height: usize,
        line: u32,
    ) -> Result<(), Problem> {
        if self.open.len() + height > super::MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        self.raise(height);
        self.expanded += cost;
        if self.expanded > super::ALIAS_BUDGET {
            return Err(Problem::AliasBudget);
        }
        if self.at_key() {
            let slot = Slot {
                line,
                ..self.tree.slots[target]
            };
            if matches!(slot.kind, Kind::Map | Kind::Seq) {
                return Err(Problem::syntax("a mapping or sequence cannot be a key"));
            }
            self.key(slot)?;
        } else {
            self.tree.slots.push(Slot {
                kind: Kind::Alias,
                aside: false,
                line,
                start: narrow(target)?,
                len: 1,
            });
        }
        self.advance();
        Ok(())
    }

    /// What walking everything from slot `from` on costs: its nodes, long texts by length, and the aliases in it.
    pub(super) fn cost_since(&self, from: usize, expanded_before: usize) -> usize {
        let own = self.tree.slots[from..].iter().map(|slot| match slot.kind {
            Kind::Map | Kind::Seq => 1,
            _ => 1 + slot.len as usize / 64,
        });
        own.sum::<usize>() + self.expanded - expanded_before
    }

    pub(super) fn expanded(&self) -> usize {
        self.expanded
    }

    fn store(&mut self, kind: Kind, text: &Text<'_>, line: u32) -> Result<Slot, Problem> {
        Ok(match *text {
            Text::Source(start, end) => Slot {
                kind,
                aside: false,
                line,
                start: narrow(start)?,
                len: narrow(end - start)?,
            },
            Text::Owned(text) => {
                let start = narrow(self.tree.side.len())?;
                self.tree.side.push_str(text);
                Slot {
                    kind,
                    aside: true,
                    line,
                    start,
                    len: narrow(text.len())?,
                }
            }
        })
    }

    /// Keys are strings in JSON: `on:` is the key "true", `0644:` the key "420".
    fn key(&mut self, mut slot: Slot) -> Result<(), Problem> {
        if slot.kind == Kind::Plain {
            if self.tree.text(&slot) == "<<" {
                if let Some(frame) = self.open.last_mut() {
                    frame.merges = true;
                }
                slot.kind = Kind::Merge;
                self.tree.slots.push(slot);
                return Ok(());
            }
            let text = self.tree.text(&slot);
            let Some(key) = scalar::key(text) else {
                return Err(Problem::syntax(
                    "null, or a number beyond 64 bits, cannot be a key",
                ));
            };
            if key != text {
                let key = key.into_owned();
                slot = self.store(Kind::Text, &Text::Owned(&key), slot.line)?;
            }
            slot.kind = Kind::Text;
        }
        self.keys.push(narrow(self.next_index())?);
        self.tree.slots.push(slot);
        Ok(())
    }

    /// One node of the innermost collection is complete, or begins.
    fn advance(&mut self) {
        if let Some(frame) = self.open.last_mut() {
            if frame.map {
                frame.key_next = !frame.key_next;
            }
            if !frame.map || frame.key_next {
                self.tree.slots[frame.slot].start += 1;
            }
        }
    }

    fn raise(&mut self, height: usize) {
        if let Some(frame) = self.open.last_mut() {
            frame.height = frame.height.max(height);
        }
    }

    fn drop_overridden(&mut self, from: usize) {
        if self.keys.len() - from > 24 {
            return self.drop_overridden_of_many(from);
        }
        for later in from + 1..self.keys.len() {
            for earlier in from..later {
                let (first, second) = (self.keys[earlier], self.keys[later]);
                if self.same_key(first, second) {
                    self.drop_key(first, second);
                }
            }
        }
    }

    fn drop_overridden_of_many(&mut self, from: usize) {
        let mut order = self.keys[from..].to_vec();
        order.sort_by(|&a, &b| self.key_text(a).cmp(self.key_text(b)).then(a.cmp(&b)));
        for pair in order.windows(2) {
            if self.same_key(pair[0], pair[1]) {
                self.drop_key(pair[0], pair[1]);
            }
        }
    }

    fn key_text(&self, key: u32) -> &str {
        self.tree.text(&self.tree.slots[key as usize])
    }

    fn same_key(&self, a: u32, b: u32) -> bool {
        let (x, y) = (&self.tree.slots[a as usize], &self.tree.slots[b as usize]);
        x.len == y.len && x.kind != Kind::Dropped && self.tree.text(x) == self.tree.text(y)
    }

    fn drop_key(&mut self, lost: u32, kept: u32) {
        let (lost, kept) = (lost as usize, kept as usize);
        let key = self.tree.text(&self.tree.slots[lost]).to_owned();
        let (lost_line, line) = (
            self.tree.slots[lost].line as usize,
            self.tree.slots[kept].line as usize,
        );
        self.tree
            .warnings
            .push(Warning::DuplicateKey { key, lost_line, line });
        self.tree.slots[lost].kind = Kind::Dropped;
    }

    /// Resolves `<<`: entries of the merged mappings that the mapping does not have itself are appended as
    /// aliases; of several merged mappings the earlier wins.
    fn merge(&mut self, frame: &Frame) -> Result<(), Problem> {
        for (key, value) in self.inherited(frame)? {
            let (key, line) = (self.tree.slots[key], self.tree.slots[value].line);
            let start = narrow(self.tree.follow(value))?;
            self.tree.slots.push(key);
            self.tree.slots.push(Slot {
                kind: Kind::Alias,
                aside: false,
                line,
                start,
                len: 1,
            });
            self.tree.slots[frame.slot].start += 1;
        }
        Ok(())
    }

    /// Key and value slots that a mapping gets from its `<<` entries.
    fn inherited(&self, frame: &Frame) -> Result<Vec<(usize, usize)>, Problem> {
        let mut have: HashSet<&str> = self.keys[frame.keys..]
            .iter()
            .map(|&key| self.key_text(key))
            .collect();
        let mut found = Vec::new();
        for source in self.merged(frame)? {
            let entries = Entries::new(&self.tree.slots, source);
            found.extend(entries.filter(|&(key, _)| have.insert(self.tree.text(&self.tree.slots[key]))));
        }
        Ok(found)
    }

    /// The mappings named by the `<<` entries of a mapping that is the last thing in the arena.
    fn merged(&self, frame: &Frame) -> Result<Vec<usize>, Problem> {
        let mut found = Vec::new();
        let mut at = frame.slot + 1;
        while at < self.next_index() {
            let (key, value) = (self.tree.slots[at], at + 1);
            if key.kind == Kind::Merge {
                let value = self.tree.follow(value);
                match self.tree.slots[value].kind {
                    Kind::Map => found.push(value),
                    Kind::Seq => {
                        found.extend(items(&self.tree.slots, value).map(|item| self.tree.follow(item)));
                    }
                    _ => return Err(Problem::syntax("<< needs a mapping or a sequence of mappings")),
                }
            }
            at = value + self.tree.slots[value].covers();
        }
        if found
            .iter()
            .any(|&index| self.tree.slots[index].kind != Kind::Map)
        {
            return Err(Problem::syntax("<< needs a mapping or a sequence of mappings"));
        }
        Ok(found)
    }
}

fn narrow(value: usize) -> Result<u32, Problem> {
    u32::try_from(value).map_err(|_| Problem::TooLarge)
}
