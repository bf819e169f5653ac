//! What holds a step's actions for a person: `always`, `first N`, or a condition.

use super::{
    super::{
        report::Problems,
        tree::{Node, Value},
    },
    condition,
};
use crate::{expr::Scope, model::code, router::flow::Hold, topics::hold::MOST_FIRST};

const HINT: &str = "`hold` is `always`, `first 10` or a condition such as `decimal_cmp(order.total, \"50000\") > 0`";

/// Reads what stands under `hold`.
pub(super) fn read(node: &Node, scope: &Scope, problems: &mut Problems) -> Option<Hold> {
    let Value::Scalar(scalar) = &node.value else {
        let message = format!("`hold` is a text, found {}", node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, message).hint(HINT);
        return None;
    };
    let text = scalar.text.trim();
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["always"] => Some(Hold::Always),
        ["first", rest @ ..] => {
            let first = read_first(rest);
            if first.is_none() {
                let message = format!("expected `first` and a number from 1 to {MOST_FIRST}");
                problems.add(&node.place, code::WRONG_KIND, message).hint(HINT);
            }
            first
        }
        // As YAML has them, or as one might guess: a condition that is no condition.
        [word @ ("true" | "yes" | "on" | "all" | "false" | "no" | "off" | "never" | "none")] => {
            let hint = match *word {
                "true" | "yes" | "on" | "all" => "write `hold: always`",
                _ => "leave `hold` out: then nothing is held",
            };
            problems.add(&node.place, code::WRONG_KIND, format!("`{word}` holds nothing in particular")).hint(hint);
            None
        }
        [] => {
            problems.add(&node.place, code::WRONG_KIND, "`hold` is empty").hint(HINT);
            None
        }
        _ => condition(node, scope, problems).map(Hold::When),
    }
}

fn read_first(words: &[&str]) -> Option<Hold> {
    let [number] = words else { return None };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|number| plain && (1..=MOST_FIRST).contains(number))?;
    Some(Hold::First(number))
}
