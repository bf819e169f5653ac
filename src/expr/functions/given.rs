//! The arguments of a call and what it gives, between CEL's values and Rust's.

use cel::{
    ExecutionError,
    common::{
        types::{CelBool, CelInt, CelList, CelString},
        value::{CowVal, Val},
    },
};

/// Why a function gave nothing. Constant texts: they may be shown.
pub(super) type Outcome<T> = Result<T, &'static str>;

/// What is said when something is longer than expressions may look at.
pub(in crate::expr) const TOO_LARGE: &str = "a text or a list is longer than expressions may use";

/// Something is longer than expressions may look at.
pub(in crate::expr) fn too_large(what: &str) -> ExecutionError {
    ExecutionError::function_error(what, TOO_LARGE)
}

/// The arguments of a call; what it is called on is the first.
pub(super) struct Given<'a, 'b, 'v>(pub &'a [CowVal<'b, 'v>]);

impl<'a, 'v> Given<'a, '_, 'v> {
    pub(super) fn value(&self, index: usize) -> Outcome<&'a (dyn Val + 'v)> {
        self.0.get(index).map(|value| &**value).ok_or("expected another argument")
    }

    pub(super) fn text(&self, index: usize) -> Outcome<&'a str> {
        self.text_if_given(index)?.ok_or("expected a text")
    }

    /// `None` where the call has no such argument.
    pub(super) fn text_if_given(&self, index: usize) -> Outcome<Option<&'a str>> {
        let Some(value) = self.0.get(index) else { return Ok(None) };
        value.downcast_ref::<CelString<'_>>().map(|text| Some(text.inner())).ok_or("expected a text")
    }

    pub(super) fn integer(&self, index: usize) -> Outcome<i64> {
        let number = self.0.get(index).and_then(|value| value.downcast_ref::<CelInt>());
        number.map(|number| *number.inner()).ok_or("expected a whole number")
    }

    pub(super) fn position(&self, index: usize) -> Outcome<usize> {
        usize::try_from(self.integer(index)?).map_err(|_| "a position is outside of the text")
    }

    pub(super) fn list(&self, index: usize) -> Outcome<&'a [Box<dyn Val + 'v>]> {
        let list = self.0.get(index).and_then(|value| value.downcast_ref::<CelList<'_>>());
        list.map(CelList::inner).ok_or("expected a list")
    }
}

/// A text member of a message or a mapping; empty when it is not there.
pub(super) fn member(value: &dyn Val, name: &str) -> String {
    let found = value.as_indexer().and_then(|of| of.get(&CelString::from(name)).ok());
    found
        .and_then(|found| found.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned()))
        .unwrap_or_default()
}

/// What a function gives.
pub(super) trait Gift {
    fn into_val<'b, 'v>(self) -> CowVal<'b, 'v>;
}

impl Gift for String {
    fn into_val<'b, 'v>(self) -> CowVal<'b, 'v> {
        CowVal::owned(CelString::from(self))
    }
}

impl Gift for bool {
    fn into_val<'b, 'v>(self) -> CowVal<'b, 'v> {
        CowVal::owned(CelBool::from(self))
    }
}

impl Gift for i64 {
    fn into_val<'b, 'v>(self) -> CowVal<'b, 'v> {
        CowVal::owned(CelInt::from(self))
    }
}

impl Gift for Vec<String> {
    fn into_val<'b, 'v>(self) -> CowVal<'b, 'v> {
        let texts = self.into_iter().map(|text| Box::new(CelString::from(text)) as Box<dyn Val>);
        CowVal::owned(CelList::from(texts.collect::<Vec<_>>()))
    }
}

/// Calls one of our functions. What is too large is known by its text, whatever the function.
pub(super) fn call<'b, 'v, T: Gift>(
    name: &str,
    given: &[CowVal<'b, 'v>],
    function: impl Fn(&Given<'_, 'b, 'v>) -> Outcome<T>,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    function(&Given(given)).map(Gift::into_val).map_err(|why| ExecutionError::function_error(name, why))
}

/// A function as CEL calls it. (CEL takes plain function pointers, which nothing can be captured in.)
macro_rules! run {
    ($name:literal, $function:path) => {{
        fn run<'b, 'v>(
            given: Vec<::cel::common::value::CowVal<'b, 'v>>,
        ) -> Result<::cel::common::value::CowVal<'b, 'v>, ::cel::ExecutionError> {
            $crate::expr::functions::given::call($name, &given, $function)
        }
        Some(run as ::cel::common::functions::Function)
    }};
}
pub(super) use run;

/// One entry of a list: `text.method(arguments) -> what it gives`, or a function by itself.
macro_rules! functions {
    ($($(on $on:ident)? $name:literal ($($takes:ident),*) -> $gives:ident, $grows:expr, $run:expr,
        $doc:literal, $example:literal => $result:literal;)*) => {
        pub(super) const FUNCTIONS: &[$crate::expr::functions::Function] = &[$(
            $crate::expr::functions::Function {
                name: $name,
                on: $crate::expr::functions::given::functions!(@on $($on)?),
                takes: &[$($crate::expr::functions::Takes::$takes),*],
                gives: $crate::expr::functions::Gives::$gives,
                grows: $grows,
                doc: $doc,
                example: $crate::expr::functions::Example($example, $result),
                run: $run,
            }
        ),*];
    };
    (@on) => { None };
    (@on $on:ident) => { Some($crate::expr::functions::Takes::$on) };
}
pub(super) use functions;
