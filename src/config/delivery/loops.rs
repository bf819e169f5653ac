//! From when on a burst of actions on one object is taken for a loop.

use std::time::Duration;

use crate::config::{
    fields::Fields,
    report::Problems,
    tree::{Node, Value},
};

/// So many actions on one object are in order within so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loops {
    pub actions: u32,
    pub within: Duration,
}

impl Default for Loops {
    fn default() -> Self {
        Self { actions: 30, within: Duration::from_mins(10) }
    }
}

impl Loops {
    /// `off`, or the two numbers.
    pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Self> {
        let default = Self::default();
        let Some(node) = fields.node("loops") else { return Some(default) };
        if is_off(node) {
            return None;
        }
        let Some(mut fields) = Fields::open(node, "`loops`, if it is not `off`,", problems) else {
            return Some(default);
        };
        let loops = Self {
            actions: fields.count("actions", default.actions, 100_000, problems),
            within: fields.duration("within", default.within, problems),
        };
        fields.finish(problems);
        Some(loops)
    }
}

fn is_off(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.text == "off")
}
