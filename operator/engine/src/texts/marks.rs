//! What texts showed.

use std::{cell::RefCell, collections::BTreeSet, fmt, sync::Arc};

use super::{
    assignments::{assignments, flags, holds_settings, is_document, is_plain},
    hosts::hosts,
    literal::{self, Value},
    patterns::{Matcher, Named},
};
use crate::decode::DecodePlan;

/// Most marks kept of one text field: a ConfigMap of a mebibyte must not become a mebibyte of marks.
const MOST: usize = 512;

/// Where `kubectl apply` keeps what was applied, values included.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What the texts of one field of an object showed. Nearly always nothing: then nothing is allocated.
#[derive(Clone, PartialEq, Eq, Default)]
#[allow(
    clippy::box_collection,
    reason = "8 bytes instead of 24 where there is nothing, which is nearly everywhere"
)]
pub struct Marks(Option<Box<Vec<Mark>>>);

/// One thing seen in a text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark {
    /// The key of the text: the name of a variable, the key of a ConfigMap or annotation; empty for arguments.
    pub key: Box<str>,
    /// What was seen.
    pub sign: Sign,
    /// Which name inside of the text it was seen under (a property, a flag), where it was.
    pub inner: Option<Box<str>>,
}

/// What was seen in a text. Never the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sign {
    /// A value that is written out under the name of a credential.
    Named {
        /// Whose patterns, by index in the plan.
        matcher: u16,
    },
    /// A value of a known shape.
    Shaped {
        /// Whose patterns, by index in the plan.
        matcher: u16,
        /// The shape, by index in those patterns.
        shape: u16,
    },
    /// A Service that is named: `<service>.<namespace>`.
    Host(Arc<str>),
    /// There is more than is kept.
    More,
}

impl Marks {
    /// Nothing was seen.
    pub(crate) const NONE: Self = Self(None);

    /// All marks.
    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.0.iter().flat_map(|marks| marks.iter())
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

thread_local! {
    static PLAN: RefCell<Option<Arc<DecodePlan>>> = const { RefCell::new(None) };
}

/// Decodes something while texts are matched under a plan. Projections implement `Deserialize`, which has no room for an
/// argument: the plan of the decoding under way is the thread's.
pub(crate) fn matching<R>(plan: Option<&Arc<DecodePlan>>, decode: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<DecodePlan>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            PLAN.replace(self.0.take());
        }
    }
    let _restore = Restore(PLAN.replace(plan.cloned()));
    decode()
}

/// Collects the marks of one field under the plan of the decoding under way.
pub(crate) struct Collector {
    plan: Arc<DecodePlan>,
    marks: BTreeSet<Mark>,
    more: bool,
}

impl Collector {
    /// Nothing where no plan asks for texts: they are then to be passed over unread.
    pub(crate) fn new() -> Option<Self> {
        PLAN.with_borrow(Clone::clone).map(|plan| Self {
            plan,
            marks: BTreeSet::new(),
            more: false,
        })
    }

    /// Whether Services that are named are looked for.
    pub(crate) fn wants_hosts(&self) -> bool {
        self.plan.wants_hosts()
    }

    pub(crate) fn finish(mut self) -> Marks {
        if self.more {
            self.add("", None, Sign::More);
        }
        Marks((!self.marks.is_empty()).then(|| Box::new(self.marks.into_iter().collect())))
    }

    /// An environment variable.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.each(|this, i, matcher| {
            this.judge(i, matcher, name, value, Named::Somewhere);
        });
        self.hosts(name, value);
    }

    /// An entry of a ConfigMap. A file of settings is judged by the settings in it.
    pub(crate) fn entry(&mut self, key: &str, value: &str) {
        let is_document = is_document(key, value);
        self.each(|this, i, matcher| {
            if !is_document {
                this.judge(i, matcher, key, value, Named::Somewhere);
            } else if let Some(shape) = matcher.shaped(value) {
                this.add(
                    key,
                    None,
                    Sign::Shaped {
                        matcher: i,
                        shape: small(shape),
                    },
                );
            }
            if holds_settings(key) {
                this.settings(i, matcher, key, assignments(value));
            }
        });
        self.hosts(key, value);
    }

    /// A key of a ConfigMap whose value is not text.
    pub(crate) fn binary(&mut self, key: &str, is_empty: bool) {
        self.each(|this, i, matcher| {
            if !is_empty && matcher.named(key) != Named::Not {
                this.add(key, None, Sign::Named { matcher: i });
            }
        });
    }

    /// An annotation. Names that end with `secret` refer to Secrets, checksums are no credentials, and what was last applied
    /// repeats the object.
    pub(crate) fn annotation(&mut self, key: &str, value: &str) {
        let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
        let lower = name.to_ascii_lowercase();
        let refers = key.starts_with("checksum/") || lower.ends_with("secret") || lower.ends_with("secrets");
        self.each(|this, i, matcher| {
            if refers {
                this.shape(i, matcher, key, value);
            } else {
                this.judge_as(i, matcher, (key, name), value, Named::AtTheEnd);
            }
        });
        if key != LAST_APPLIED {
            self.hosts(key, value);
        }
    }

    /// The words of a command line.
    pub(crate) fn words(&mut self, words: &[std::borrow::Cow<'_, str>]) {
        self.each(|this, i, matcher| {
            for word in words {
                this.shape(i, matcher, "", word);
                this.settings(i, matcher, "", assignments(word));
                this.settings(i, matcher, "", flags(word));
            }
            for pair in words.windows(2) {
                let flag = pair[0].trim_start_matches('-');
                let is_flag =
                    flag.len() < pair[0].len() && !flag.is_empty() && !flag.contains([' ', '=', '\n']);
                if is_flag && !pair[1].starts_with('-') {
                    this.settings(i, matcher, "", std::iter::once((flag, &*pair[1])));
                }
            }
        });
        for word in words {
            self.hosts("", word);
        }
    }

    fn each(&mut self, mut judge: impl FnMut(&mut Self, u16, &Matcher)) {
        let plan = self.plan.clone();
        for (i, matcher) in plan.matchers().enumerate() {
            judge(self, small(i), matcher);
        }
    }

    fn settings<'t>(
        &mut self,
        i: u16,
        matcher: &Matcher,
        key: &str,
        pairs: impl Iterator<Item = (&'t str, &'t str)>,
    ) {
        for (name, value) in pairs {
            let plain = is_plain(value) && literal::value(value) != Value::Harmless;
            if plain && matcher.named(name) == Named::AtTheEnd {
                self.add(key, Some(name), Sign::Named { matcher: i });
            }
        }
    }

    fn judge(&mut self, i: u16, matcher: &Matcher, key: &str, value: &str, least: Named) {
        self.judge_as(i, matcher, (key, key), value, least);
    }

    /// Judges a value under a key by the name in it.
    fn judge_as(&mut self, i: u16, matcher: &Matcher, (key, name): (&str, &str), value: &str, least: Named) {
        let least = match literal::value(value) {
            Value::Harmless => Named::Not,
            Value::Number => Named::AtTheEnd,
            Value::Literal => least,
        };
        let named = match (least, matcher.named(name)) {
            (Named::Not, _) | (_, Named::Not) => false,
            (Named::AtTheEnd, named) => named == Named::AtTheEnd,
            (Named::Somewhere, _) => true,
        };
        if named {
            self.add(key, None, Sign::Named { matcher: i });
        }
        self.shape(i, matcher, key, value);
    }

    fn shape(&mut self, i: u16, matcher: &Matcher, key: &str, value: &str) {
        if let Some(shape) = matcher.shaped(value) {
            self.add(
                key,
                None,
                Sign::Shaped {
                    matcher: i,
                    shape: small(shape),
                },
            );
        }
    }

    fn hosts(&mut self, key: &str, text: &str) {
        if !self.plan.wants_hosts() {
            return;
        }
        for host in hosts(text) {
            self.add(
                key,
                None,
                Sign::Host(format!("{}.{}", host.service, host.namespace).into()),
            );
        }
    }

    fn add(&mut self, key: &str, inner: Option<&str>, sign: Sign) {
        if self.marks.len() >= MOST && sign != Sign::More {
            self.more = true;
            return;
        }
        self.marks.insert(Mark {
            key: key.into(),
            sign,
            inner: inner.map(Into::into),
        });
    }
}

/// Lists of patterns are bounded far below.
fn small(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
