//! YAML as typed: a tree in which everything knows its place.
//!
//! Scalars stay the text that was written: whoever reads one knows its kind, so `007` is no number by accident.

use std::{collections::BTreeMap, sync::Arc};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::{
    report::Problems,
    slips,
    source::{Place, SourceFile, Written},
};
use crate::model::code;

/// The deepest nesting.
const DEEPEST: usize = 32;
/// The most nodes of a file, aliases counted as what they stand for.
const MOST: usize = 100_000;
/// The longest file, in bytes.
const LONGEST: usize = 4 << 20;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub value: Value,
    pub place: Place,
}

/// What YAML holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing was written.
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub text: String,
    pub written: Written,
}

/// A member of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: Key,
    pub value: Node,
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub text: String,
    pub place: Place,
}

impl Value {
    /// What it is, for people.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one file. `None` when it is empty or no YAML; then a problem says so.
pub(crate) fn read(file: &Arc<SourceFile>, problems: &mut Problems) -> Option<Node> {
    if file.text.len() > LONGEST {
        problems.add(&Place::start(file), code::TOO_LARGE, "the file is longer than 4 MiB");
        return None;
    }
    let mut builder = Builder { file, problems, stack: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    let mut parser = Parser::new_from_str(&file.text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                builder.complain(&error);
                return None;
            }
        }
    }
    builder.root
}

/// Builds the tree from the parser's events, without recursion.
struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    problems: &'a mut Problems,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

/// A list or a mapping that is not yet at its end.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Key>,
    /// The value of a key that stands twice is read and dropped.
    dropped: bool,
    nodes_before: usize,
}

impl Builder<'_> {
    /// Takes one event. `None` when the rest of the file makes no sense or is too much.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.open(Value::List(Vec::new()), span, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.open(Value::Map(Vec::new()), span, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.stack.pop()?;
                let weight = self.nodes - open.nodes_before;
                self.put(open.node, open.anchor, weight)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                let node = self.scalar(&text, style, span);
                self.nodes += 1;
                self.put(node, anchor, 1)
            }
            Event::Alias(anchor) => {
                let (node, weight) = self.anchors.get(&anchor).cloned()?;
                self.nodes += weight;
                self.put(Node { place: self.place(span), ..node }, 0, weight)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                let place = self.place(span);
                self.problems
                    .add(&place, code::YAML_SYNTAX, "the file holds a second document")
                    .hint("leave the `---` out: one file is one mapping");
                None
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Some(())
            }
        }
    }

    fn open(&mut self, value: Value, span: Span, anchor: usize) -> Option<()> {
        let node = Node { value, place: self.place(Span::empty(span.start)) };
        if self.stack.len() >= DEEPEST {
            self.problems.add(&node.place, code::TOO_LARGE, format!("the nesting is deeper than {DEEPEST}"));
            return None;
        }
        self.stack.push(Open { node, anchor, key: None, dropped: false, nodes_before: self.nodes });
        self.nodes += 1;
        Some(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, span: Span) -> Node {
        let written = match style {
            ScalarStyle::Plain => Written::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Written::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Written::Block,
        };
        let value = match (written, text) {
            (Written::Plain, "" | "~" | "null") => Value::Null,
            _ => Value::Scalar(Scalar { text: text.to_owned(), written }),
        };
        Node { value, place: self.place(span) }
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node, anchor: usize, weight: usize) -> Option<()> {
        if self.nodes > MOST {
            self.problems.add(&node.place, code::TOO_LARGE, format!("the file has more than {MOST} values"));
            return None;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                None => {
                    let key = read_key(node, self.problems)?;
                    let first = entries.iter().find(|entry| entry.key.text == key.text);
                    open.dropped = first.is_some_and(|first| complain_twice(&key, &first.key, self.problems));
                    open.key = Some(key);
                }
                Some(_) if open.dropped => {}
                Some(key) => entries.push(Entry { key, value: node }),
            },
            Value::Null | Value::Scalar(_) => {}
        }
        Some(())
    }

    fn place(&self, span: Span) -> Place {
        let one_line = span.start.line() == span.end.line();
        let length = if one_line { span.end.col().saturating_sub(span.start.col()) } else { usize::MAX };
        self.at(span.start).taking(length)
    }

    fn at(&self, marker: Marker) -> Place {
        Place { file: Arc::clone(self.file), line: marker.line().max(1), column: marker.col() + 1, length: 1 }
    }

    fn refuse_tag(&mut self, tagged: bool, span: Span) {
        if tagged {
            let place = self.place(span);
            self.problems.add(&place, code::YAML_SYNTAX, "tags mean nothing here").hint("write the value without `!`");
        }
    }

    fn complain(&mut self, error: &ScanError) {
        let slip = slips::find(&self.at(*error.marker()), error.info());
        self.problems.add(&slip.place, code::YAML_SYNTAX, slip.message).hint(slip.hint);
    }
}

fn read_key(node: Node, problems: &mut Problems) -> Option<Key> {
    match node.value {
        Value::Scalar(scalar) => Some(Key { text: scalar.text, place: node.place }),
        other => {
            problems
                .add(&node.place, code::YAML_SYNTAX, format!("expected a text as key, found {}", other.describe()))
                .hint("`{…}` and `[…]` at the beginning of a text are YAML: put quotes around it");
            None
        }
    }
}

fn complain_twice(key: &Key, first: &Key, problems: &mut Problems) -> bool {
    problems
        .add(&key.place, code::DUPLICATE_KEY, format!("`{}` stands twice", key.text))
        .hint(format!("first given in line {}: leave one of them out", first.place.line));
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(text: &str) -> (Option<Node>, Vec<String>) {
        let mut problems = Problems::default();
        let node = read(&SourceFile::new("a.yaml", text), &mut problems);
        let problems = problems.into_report().map_or_else(Vec::new, |report| report.problems);
        (node, problems.into_iter().map(|problem| problem.message).collect())
    }

    fn entries(node: &Node) -> &[Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("expected a mapping, found {}", other.describe()),
        }
    }

    #[test]
    fn scalars_keep_what_was_written() {
        let (node, problems) = tree("a: 007\nb: 'null'\nc: null\nd:\n");
        let node = node.expect("a tree");
        assert!(problems.is_empty());
        let text = |index: usize| match &entries(&node)[index].value.value {
            Value::Scalar(scalar) => Some(scalar.text.as_str()),
            _ => None,
        };
        assert_eq!([text(0), text(1), text(2), text(3)], [Some("007"), Some("null"), None, None]);
    }

    #[test]
    fn every_duplicate_is_reported_and_the_first_one_counts() {
        let (node, problems) = tree("a: 1\nb: {x: 1, x: 2}\na: {y: 1, y: 2}\n");
        let node = node.expect("a tree");
        assert_eq!(entries(&node).len(), 2);
        assert_eq!(problems, ["`x` stands twice", "`a` stands twice", "`y` stands twice"]);
    }

    #[test]
    fn anchors_stand_for_their_values_at_the_place_of_the_alias() {
        let (node, _) = tree("a: &x {k: v}\nb: *x\n");
        let node = node.expect("a tree");
        let alias = &entries(&node)[1].value;
        assert_eq!((alias.place.line, alias.place.column), (2, 4));
        assert_eq!(entries(alias)[0].key.text, "k");
    }

    #[test]
    fn aliases_cannot_blow_up() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let list = vec![format!("*a{}", n - 1); 10].join(", ");
            text.extend([format!("a{n}: &a{n} [{list}]\n")]);
        }
        assert_eq!(tree(&text).1, ["the file has more than 100000 values"]);
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(tree(&"[".repeat(50)).1, ["the nesting is deeper than 32"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-a-c:{}\\[\\]&*!|>'\"#%@`,?\\n \\t~$0-9é]{0,200}") {
            let (node, problems) = tree(&text);
            let lines = text.lines().count() + 1;
            prop_assert!(node.is_none_or(|node| node.place.line <= lines));
            prop_assert!(problems.iter().all(|problem| !problem.is_empty()));
        }
    }
}
