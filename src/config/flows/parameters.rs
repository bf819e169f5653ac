//! A step's parameters, checked against the operation's list, constants and types included.

use serde_json::Value as Json;

use super::{
    super::{
        fields::{list, text_of},
        report::Problems,
        source::{Place, Written},
        tree::{Entry, Key, Node, Scalar, Value},
    },
    expressions,
    layers::Layers,
    occasions, texts,
};
use crate::{
    connectors::contract::{FieldKind, Operation, Parameter},
    expr::{
        Scope, Template,
        schema::{self, MONEY, Type},
    },
    model::code,
    router::{Given, Source, coerce::coerce},
    topics::occasion::Occasions,
};

/// Reads what a step gives its operation: what stands under it, in its field sets and in the connection's defaults.
pub(super) fn read(
    call: &Key,
    layers: &Layers<'_>,
    operation: &'static Operation,
    scope: &Scope,
    problems: &mut Problems,
) -> Vec<Given> {
    for (layer, entry) in layers.unknown(operation) {
        match layer.set {
            Some(set) => not_for_this(call, set, &entry.key, operation, problems),
            None => no_such_parameter(call, &entry.key, operation, problems),
        }
    }
    let mut given = Vec::new();
    for parameter in operation.parameters {
        let entry = layers.find(parameter.name);
        match entry.filter(|entry| !matches!(entry.value.value, Value::Null)) {
            Some(entry) => given.extend(read_one(parameter, operation, &entry.value, scope, problems)),
            None if parameter.required && !misspelled(parameter, layers, operation) => {
                let place = entry.map_or(&call.place, |entry| &entry.key.place);
                let message = format!("`{}` needs the parameter `{}`", call.text, parameter.name);
                let hint = match entry.and_then(|entry| taken_for_comment(&entry.key)) {
                    Some(text) => format!("` #` begins a comment: write `{}: \"{text}\"`", parameter.name),
                    None => format!("add `{}: …`, {}", parameter.name, article(parameter.kind)),
                };
                problems.add(place, code::MISSING_PARAMETER, message).hint(hint);
            }
            None => {}
        }
    }
    given
}

/// What stands behind a key and a `#`.
fn taken_for_comment(key: &Key) -> Option<&str> {
    let line = key.place.file.line(key.place.line);
    let behind = line.split_once(&format!("{}:", key.text)).map(|(_, behind)| behind.trim())?;
    behind.starts_with('#').then_some(behind)
}

/// Reads one parameter's value.
pub(super) fn read_one(
    parameter: &'static Parameter,
    operation: &'static Operation,
    node: &Node,
    scope: &Scope,
    problems: &mut Problems,
) -> Option<Given> {
    let occasional = occasions::of_parameter(node, parameter, operation, problems)?;
    let mut only = Occasions::default();
    if let Some(on) = occasional.on {
        only.set(parameter.name, on);
    }
    let reader = Reader { parameter, operation, node: occasional.value, scope };
    let source = reader.read(&mut only, problems)?;
    Some(Given { parameter, source, only })
}

/// It is given under a name that is nearly its own: that has been told already.
fn misspelled(parameter: &Parameter, layers: &Layers<'_>, operation: &Operation) -> bool {
    let known = || operation.parameters.iter().map(|known| known.name);
    let near = |key: &str| crate::expr::suggest::nearest(key, known()) == Some(parameter.name);
    layers.unknown(operation).any(|(_, entry)| near(&entry.key.text))
}

/// A field set gives what the operation does not know.
fn not_for_this(call: &Key, set: &str, key: &Key, operation: &Operation, problems: &mut Problems) {
    let known = || operation.parameters.iter().map(|parameter| parameter.name);
    let hint = match crate::expr::suggest::nearest(&key.text, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it takes {}", list(known())),
    };
    let (name, step, line) = (&key.text, &call.text, call.place.line);
    let message = format!("the field set `{set}` gives `{name}`, which `{step}` in line {line} does not take");
    problems.add(&key.place, code::NO_SUCH_PARAMETER, message).hint(hint);
}

pub(in crate::config) fn no_such_parameter(call: &Key, key: &Key, operation: &Operation, problems: &mut Problems) {
    let known = || operation.parameters.iter().map(|parameter| parameter.name);
    let beside = ["name", "when", "hold", "preflight", "on_refusal", "optional", "use", "was"];
    let hint = match crate::expr::suggest::nearest(&key.text, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if beside.contains(&key.text.as_str()) => {
            format!("`{}` stands beside the operation, not under it: indent it as `{}:`", key.text, call.text)
        }
        None => format!("it takes {}", list(known())),
    };
    let message = format!("`{}` has no parameter `{}`", call.text, key.text);
    problems.add(&key.place, code::NO_SUCH_PARAMETER, message).hint(hint);
}

/// The steps that a parameter uses.
pub(super) fn steps(given: &Given) -> Vec<String> {
    steps_of(&given.source)
}

fn steps_of(source: &Source) -> Vec<String> {
    match source {
        Source::Constant(_) | Source::Message(_) => Vec::new(),
        Source::Template(template) => template.steps().into_iter().collect(),
        Source::List(items) => items.iter().flat_map(Template::steps).collect(),
        Source::Map(members) => members.iter().flat_map(|(_, source)| steps_of(source)).collect(),
    }
}

/// Reads one parameter's value.
struct Reader<'a> {
    parameter: &'static Parameter,
    operation: &'static Operation,
    node: &'a Node,
    scope: &'a Scope,
}

impl Reader<'_> {
    /// Notes in `only` which members are for creating or for updating only.
    fn read(&self, only: &mut Occasions, problems: &mut Problems) -> Option<Source> {
        match (self.parameter.kind, &self.node.value) {
            (FieldKind::Texts, Value::List(items)) => {
                let templates: Vec<_> = items.iter().map(|item| self.text(item, problems)).collect();
                templates.into_iter().collect::<Option<_>>().map(Source::List)
            }
            (FieldKind::Map, Value::Map(entries)) => {
                let members: Vec<_> = entries.iter().map(|entry| self.member(entry, only, problems)).collect();
                members.into_iter().collect::<Option<_>>().map(Source::Map)
            }
            (FieldKind::Message(name), Value::Scalar(text)) => self.message(name, text, problems),
            (_, Value::Scalar(text)) => self.scalar(text, problems),
            (_, other) => {
                self.refuse(&self.node.place, &format!("found {}", other.describe()), problems);
                None
            }
        }
    }

    fn refuse(&self, place: &Place, found: &str, problems: &mut Problems) {
        let Parameter { name, kind, .. } = self.parameter;
        problems.add(place, code::PARAMETER_KIND, format!("`{name}` takes {}, {found}", article(*kind)));
    }

    fn refuse_constant(&self, constant: &str, problems: &mut Problems) {
        let Parameter { name, kind, .. } = self.parameter;
        let added = problems.add(&self.node.place, code::PARAMETER_KIND, format!("`{name}` takes {}", article(*kind)));
        if let Some(advice) = texts::advice(*kind, constant) {
            added.hint(advice);
        }
    }

    /// A member of a list of texts.
    fn text(&self, node: &Node, problems: &mut Problems) -> Option<Template> {
        text_of(node, problems)?;
        let Value::Scalar(text) = &node.value else { return None };
        texts::check(text, &node.place, problems);
        let template = expressions::place(Template::compile(&text.text, self.scope), text, node, problems)?;
        self.check_type(FieldKind::Text, &template, node, problems).then_some(template)
    }

    /// A member of a mapping: what stands there without quotes and reads as true, false or a number, is one.
    fn member(&self, entry: &Entry, only: &mut Occasions, problems: &mut Problems) -> Option<(String, Source)> {
        let occasional = occasions::of_member(&entry.value, self.parameter, self.operation, problems)?;
        if let Some(on) = occasional.on {
            only.set_member(self.parameter.name, &entry.key.text, on);
        }
        let template = self.text(occasional.value, problems)?;
        let plain = matches!(&occasional.value.value, Value::Scalar(text) if text.written == Written::Plain);
        let source = match template.constant().filter(|_| plain).map(serde_json::from_str) {
            Some(Ok(value @ (Json::Bool(_) | Json::Number(_)))) => Source::Constant(value),
            _ => Source::Template(template),
        };
        Some((entry.key.text.clone(), source))
    }

    fn message(&self, name: &str, text: &Scalar, problems: &mut Problems) -> Option<Source> {
        let template = expressions::place(Template::compile(&text.text, self.scope), text, self.node, problems)?;
        let whole = template.whole().filter(|whole| whole.kind().is_message(name));
        let Some(path) = whole.and_then(|whole| schema::json_path(&whole.path()?)) else {
            let short = name.rsplit('.').next().unwrap_or(name);
            self.refuse(&self.node.place, &format!("found {}", template.kind().describe()), problems);
            if let Some(added) = problems.last() {
                added.hint(format!("write `${{…}}` around a field that is a whole `{short}`, and nothing else"));
            }
            return None;
        };
        Some(Source::Message(path))
    }

    fn scalar(&self, text: &Scalar, problems: &mut Problems) -> Option<Source> {
        let template = expressions::place(Template::compile(&text.text, self.scope), text, self.node, problems)?;
        texts::check(text, &self.node.place, problems);
        let Some(constant) = template.constant() else {
            let fits = self.check_type(self.parameter.kind, &template, self.node, problems);
            return fits.then_some(Source::Template(template));
        };
        match coerce(self.parameter.kind, Json::from(constant)) {
            Ok(Some(value)) => Some(Source::Constant(value)),
            Ok(None) if self.parameter.required => {
                let message = format!("`{}` is needed, and empty", self.parameter.name);
                problems
                    .add(&self.node.place, code::MISSING_PARAMETER, message)
                    .hint(format!("give it {}", article(self.parameter.kind)));
                None
            }
            // An empty text is as good as nothing.
            Ok(None) => None,
            Err(_) => {
                self.refuse_constant(constant, problems);
                None
            }
        }
    }

    fn check_type(&self, kind: FieldKind, template: &Template, node: &Node, problems: &mut Problems) -> bool {
        let given = template.kind();
        if fits(kind, &given) {
            return true;
        }
        self.refuse(&node.place, &format!("found {}", given.describe()), problems);
        if let (Some(added), Some(whole)) = (problems.last(), template.whole()) {
            match &given {
                given if given.is_message(MONEY) => added.hint(format!("write `${{{}.amount}}`", whole.text())),
                Type::Message(_) | Type::Record(_) => added.hint("name one of its fields"),
                _ => {}
            }
        }
        false
    }
}

/// Whether a parameter can take what an expression gives. Texts are looked at again when they are there.
fn fits(kind: FieldKind, given: &Type) -> bool {
    let text = given.is_text();
    match kind {
        _ if *given == Type::Unknown => true,
        FieldKind::Text => text || matches!(given, Type::Integer | Type::Boolean | Type::Time),
        FieldKind::Email | FieldKind::Choice(_) => text,
        FieldKind::Integer | FieldKind::Decimal => text || *given == Type::Integer,
        FieldKind::Boolean => text || *given == Type::Boolean,
        FieldKind::Date => text || *given == Type::Time,
        FieldKind::Texts => text || matches!(given, Type::List(of) if of.is_text() || **of == Type::Integer),
        FieldKind::Map => {
            matches!(given, Type::Map(of) if of.is_text() || matches!(**of, Type::Integer | Type::Boolean))
        }
        FieldKind::Message(name) => given.is_message(name),
    }
}

fn article(kind: FieldKind) -> String {
    let text = kind.describe();
    match kind {
        FieldKind::Message(name) => format!("a whole `{}`", name.rsplit('.').next().unwrap_or(name)),
        FieldKind::Choice(choices) => format!("one of {}", list(choices.iter().copied())),
        FieldKind::Boolean => text,
        _ if text.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {text}"),
        _ => format!("a {text}"),
    }
}
