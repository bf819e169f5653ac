//! What steps are said to have returned: `results: { find: { contact_id: 7 } }`, or `find: refused`.

use std::collections::BTreeMap;

use super::super::{
    fields::{list, text_of},
    report::Problems,
    tree::{Entry, Key, Node, Value},
};
use crate::{
    expr::suggest,
    model::code::{self, Code},
    router::{Ending, Flow, Step},
};

/// Reads what stands under `results`.
pub(super) fn read(
    node: &Node,
    flows: &[Flow],
    of: Option<&str>,
    all_flows_known: bool,
    problems: &mut Problems,
) -> BTreeMap<String, Ending> {
    let Value::Map(entries) = &node.value else {
        let text = format!("`results` is a mapping from a step to what it returns, found {}", node.value.describe());
        problems
            .add(&node.place, code::WRONG_KIND, text)
            .hint("write `results: { crm.upsert_contact: { contact_id: 7 } }`");
        return BTreeMap::new();
    };
    let concerned = || flows.iter().filter(|flow| of.is_none_or(|of| flow.name == of));
    let mut ends = BTreeMap::new();
    for Entry { key, value } in entries {
        let steps: Vec<&Step> = concerned().flat_map(|flow| &flow.steps).filter(|step| step.name == key.text).collect();
        if steps.is_empty() && all_flows_known {
            no_such_step(key, concerned().flat_map(|flow| &flow.steps), problems);
        }
        ends.extend(ending(value, &steps, problems).map(|ending| (key.text.clone(), ending)));
    }
    ends
}

/// Complains about a step that no flow has.
pub(super) fn no_such_step<'a>(key: &Key, steps: impl Iterator<Item = &'a Step>, problems: &mut Problems) {
    let steps: Vec<&str> = steps.map(|step| step.name.as_str()).collect();
    let known = || steps.iter().copied();
    let added = problems.add(&key.place, code::NO_SUCH_STEP, format!("there is no step `{}`", key.text));
    match suggest::nearest(&key.text, known()) {
        Some(near) => added.hint(format!("did you mean `{near}`?")),
        None => added.hint(format!("steps are {}", list(known()))),
    }
}

fn ending(node: &Node, steps: &[&Step], problems: &mut Problems) -> Option<Ending> {
    let Value::Map(entries) = &node.value else {
        let text = text_of(node, problems)?;
        let Some(code) = Code::find(text) else {
            problems
                .add(&node.place, code::WRONG_KIND, "expected what the step returns, or the code that it dies of")
                .hint("such as `{ contact_id: 7 }`, or `refused`");
            return None;
        };
        return Some(Ending::Failed(code));
    };
    let mut results = BTreeMap::new();
    for Entry { key, value } in entries {
        let known = || steps.iter().flat_map(|step| step.operation.results).map(|field| field.name);
        if !steps.is_empty() && !known().any(|name| name == key.text) {
            let added = problems.add(&key.place, code::NO_SUCH_RESULT, format!("the step returns no `{}`", key.text));
            match suggest::nearest(&key.text, known()) {
                Some(near) => added.hint(format!("did you mean `{near}`?")),
                None => added.hint(format!("it returns {}", list(known().collect::<Vec<_>>().into_iter()))),
            }
        }
        results.extend(text_of(value, problems).map(|text| (key.text.clone(), text.to_owned())));
    }
    Some(Ending::Done(results))
}
