//! Loads any YAML document from the events of `saphyr-parser`.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::binary;
use super::builder::{Builder, Text};
use super::error::{ManifestError, Problem};
use super::scalar::{self, Scalar};
use super::tree::Kind;

pub(super) fn load(source: &str, line_offset: usize, builder: &mut Builder<'_>) -> Result<(), ManifestError> {
    let mut loader = Loader {
        source,
        ascii: source.is_ascii(),
        templated: memchr::memmem::find(source.as_bytes(), b"{{").is_some(),
        line_offset,
        builder,
        anchors: Vec::new(),
        open_anchors: Vec::new(),
        documents: 0,
    };
    let mut parser = Parser::new_from_str(source);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| loader.syntax(&error))?;
        loader
            .event(event, &span)
            .map_err(|what| loader.place(what, &span))?;
    }
    Ok(())
}

/// A node that aliases may name. Not there while it is still open: a node cannot hold itself.
#[derive(Clone, Copy)]
struct Anchor {
    slot: usize,
    cost: usize,
    height: usize,
}

struct Loader<'s, 'b, 'a> {
    source: &'s str,
    /// The parser counts characters; only in ASCII text are they byte offsets.
    ascii: bool,
    /// There is a `{{` somewhere.
    templated: bool,
    line_offset: usize,
    builder: &'b mut Builder<'a>,
    /// By the parser's anchor id.
    anchors: Vec<Option<Anchor>>,
    /// Anchor id, slot and expansion so far of each open collection.
    open_anchors: Vec<(usize, usize, usize)>,
    documents: usize,
}

impl Loader<'_, '_, '_> {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Problem> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.document(),
            Event::Alias(id) => self.alias(id, span),
            Event::Scalar(text, style, id, tag) => self.scalar(&text, style, id, tag.as_deref(), span),
            Event::SequenceStart(id, _) => self.open(false, id, span),
            Event::MappingStart(id, _) => self.open(true, id, span),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn document(&mut self) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents > 1 {
            Err(Problem::syntax("a second document begins without ---"))
        } else {
            Ok(())
        }
    }

    fn open(&mut self, map: bool, id: usize, span: &Span) -> Result<(), Problem> {
        self.open_anchors
            .push((id, self.builder.next_index(), self.builder.expanded()));
        self.builder.open(map, self.line(span)?)
    }

    fn close(&mut self) -> Result<(), Problem> {
        let height = self.builder.close()?;
        if let Some((id, slot, expanded)) = self.open_anchors.pop() {
            self.anchor(id, slot, expanded, height);
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: &Span) -> Result<(), Problem> {
        let Some(Some(anchor)) = self.anchors.get(id).copied() else {
            return Err(Problem::syntax("an alias inside of the node that it names"));
        };
        self.builder
            .alias(anchor.slot, anchor.cost, anchor.height, self.line(span)?)
    }

    fn anchor(&mut self, id: usize, slot: usize, expanded: usize, height: usize) {
        if id == 0 {
            return; // the parser's id for "no anchor"
        }
        if self.anchors.len() <= id {
            self.anchors.resize(id + 1, None);
        }
        self.anchors[id] = Some(Anchor {
            slot,
            cost: self.builder.cost_since(slot, expanded),
            height,
        });
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        id: usize,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<(), Problem> {
        let (kind, decoded) = meaning(text, style, tag)?;
        if self.templated && kind == Kind::Plain && super::template::is_action(text) {
            return Err(Problem::Templated);
        }
        let (slot, expanded, line) = (
            self.builder.next_index(),
            self.builder.expanded(),
            self.line(span)?,
        );
        let place = decoded
            .as_deref()
            .map_or_else(|| self.place_of(text, style, span), Text::Owned);
        self.builder.scalar(kind, &place, line)?;
        self.anchor(id, slot, expanded, 0);
        Ok(())
    }

    /// The text's place in the source if it stands there verbatim.
    fn place_of<'t>(&self, text: &'t str, style: ScalarStyle, span: &Span) -> Text<'t> {
        let quote = usize::from(matches!(
            style,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
        ));
        let start = span.start.index() + quote;
        let verbatim = || self.source.get(start..start + text.len()) == Some(text);
        if self.ascii && verbatim() {
            Text::Source(start, start + text.len())
        } else {
            Text::Owned(text)
        }
    }

    fn line(&self, span: &Span) -> Result<u32, Problem> {
        u32::try_from(span.start.line() + self.line_offset).map_err(|_| Problem::TooLarge)
    }

    fn place(&self, what: Problem, span: &Span) -> ManifestError {
        what.at(span.start.line() + self.line_offset, span.start.col() + 1)
    }

    fn syntax(&self, error: &ScanError) -> ManifestError {
        let mark = error.marker();
        Problem::syntax(error.info()).at(mark.line() + self.line_offset, mark.col() + 1)
    }
}

/// A scalar's kind by style and tag, and its text where the tag changes it (`!!binary`).
fn meaning<'t>(
    text: &'t str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<(Kind, Option<Cow<'t, str>>), Problem> {
    let Some(tag) = tag else {
        return Ok((
            if style == ScalarStyle::Plain {
                Kind::Plain
            } else {
                Kind::Text
            },
            None,
        ));
    };
    // The text is not quoted: what stands where a number belongs may be confidential.
    let mismatch = |what: &str| {
        Problem::syntax(format!(
            "!!{} is not on {what}",
            core_tag(tag).unwrap_or_default()
        ))
    };
    let resolved = scalar::resolve(text);
    let (fits, what) = match core_tag(tag) {
        Some("int") => (
            matches!(resolved, Scalar::Int(_) | Scalar::UInt(_)),
            "a whole number",
        ),
        Some("float") => (
            matches!(resolved, Scalar::Int(_) | Scalar::UInt(_) | Scalar::Float(_)),
            "a number",
        ),
        Some("bool") => (matches!(resolved, Scalar::Bool(_)), "a boolean"),
        Some("null") => (resolved == Scalar::Null, "null"),
        Some("binary") => {
            let decoded = binary::decode(text).ok_or_else(|| mismatch("base64 of UTF-8 text"))?;
            return Ok((Kind::Text, Some(Cow::Owned(decoded))));
        }
        _ => return Ok((Kind::Text, None)),
    };
    if fits {
        Ok((Kind::Plain, None))
    } else {
        Err(mismatch(what))
    }
}

/// `int` of `!!int` and of `!<tag:yaml.org,2002:int>`.
fn core_tag(tag: &Tag) -> Option<&str> {
    const CORE: &str = "tag:yaml.org,2002:";
    if tag.handle == CORE {
        Some(&tag.suffix)
    } else {
        tag.suffix.strip_prefix(CORE)
    }
}
