//! Room for the parser. The generated one takes about 160 KiB of stack for each bracket in a build without optimization
//! (measured with cel 0.15), so that the depth which we allow does not fit an ordinary thread.

use std::{cell::Cell, panic, thread};

/// What the deepest expression takes, and some.
const STACK: usize = 32 << 20;

thread_local! {
    static ROOMY: Cell<bool> = const { Cell::new(false) };
}

/// Does something where expressions can be compiled at no further cost: otherwise each of them begins a thread of its own.
pub fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if ROOMY.get() {
        return work();
    }
    let done = thread::scope(|threads| {
        let roomy = || {
            ROOMY.set(true);
            work()
        };
        let builder = thread::Builder::new().stack_size(STACK);
        builder.spawn_scoped(threads, roomy).expect("a process can have one more thread").join()
    });
    done.unwrap_or_else(|cause| panic::resume_unwind(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_is_enough_for_all_that_is_done_in_it() {
        let (outer, inner) = with_room(|| (thread::current().id(), with_room(|| thread::current().id())));
        assert_eq!(outer, inner);
        assert_ne!(outer, thread::current().id());
    }
}
