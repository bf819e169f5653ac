//! What a flow's expressions may take together: each of them may be bearable, and all of them hold up the router all the same.

use crate::{
    config::{report::Problems, source::Place},
    expr::{MOST_STEPS, thousands},
    model::code,
    router::Flow,
};

/// Complains about a flow that could take too long on a large event.
pub(super) fn check(flow: &Flow, place: &Place, problems: &mut Problems) {
    let expressions = flow.expressions();
    let steps = expressions.iter().map(|expression| expression.cost()).fold(0, u64::saturating_add);
    if steps <= MOST_STEPS {
        return;
    }
    let message = format!(
        "the flow's {} expressions can take {} steps together on a large event, and a flow has {}",
        expressions.len(),
        thousands(steps),
        thousands(MOST_STEPS)
    );
    let problem = problems.add(place, code::TOO_COSTLY, message);
    if let Some(worst) = expressions.iter().max_by_key(|expression| expression.cost()) {
        let text: String = worst.text().chars().take(60).collect();
        problem.hint(format!("most of all `{text}`, {} steps; or write two flows", thousands(worst.cost())));
    }
}
