//! What is wrong with an expression, and where in its text.

use crate::model::code::Code;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    /// In bytes, from the beginning of the text.
    pub offset: usize,
    /// In characters.
    pub length: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(code: Code, offset: usize, length: usize, message: impl Into<String>) -> Self {
        Self { code, offset, length, message: message.into(), hint: None }
    }

    #[must_use]
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
