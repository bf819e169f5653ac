//! Puts what is wrong inside an expression where it stands in its file.

use super::super::{
    report::Problems,
    source,
    tree::{Node, Scalar},
};
use crate::expr::{Problem, habits};

/// What was compiled; or its problems, each at its place.
pub(super) fn place<T>(
    compiled: Result<T, Vec<Problem>>,
    text: &Scalar,
    node: &Node,
    problems: &mut Problems,
) -> Option<T> {
    match compiled {
        Ok(compiled) => Some(compiled),
        Err(found) => {
            for problem in found.into_iter().map(|problem| habits::advise(problem, &text.text)) {
                let place = source::find(&node.place, text.written, &text.text, problem.offset, problem.length);
                let added = problems.add(&place, problem.code, problem.message);
                if let Some(hint) = problem.hint {
                    added.hint(hint);
                }
            }
            None
        }
    }
}
