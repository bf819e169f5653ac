//! A record on its way again, under another origin: it and all that it gives rise to travel on the bulk topics.

use super::{
    Unreadable,
    action::{Action, Continuation, Purpose, StoredEvent},
    body::Body,
    event::{Event, Origin},
};

/// An action under another origin, and with it the steps that wait for it.
///
/// # Errors
/// [`Unreadable`] when the event that it carries cannot be read.
pub fn action(mut action: Action, origin: &Origin) -> Result<Action, Unreadable> {
    action.origin = origin.clone();
    if let Purpose::Step { continuation: Some(continuation), .. } = &mut action.purpose {
        carry(continuation, origin)?;
    }
    Ok(action)
}

/// An event under another origin. That of a finished step carries its flow's first event, which goes along.
///
/// # Errors
/// [`Unreadable`] when the event that it carries cannot be read.
pub fn event(mut event: Event, origin: &Origin) -> Result<Event, Unreadable> {
    event.origin = origin.clone();
    if let Body::Step(step) = &mut event.body
        && !step.continuation.is_empty()
    {
        let mut continuation = Continuation::from_text(&step.continuation)?;
        carry(&mut continuation, origin)?;
        step.continuation = continuation.to_text();
    }
    Ok(event)
}

fn carry(continuation: &mut Continuation, origin: &Origin) -> Result<(), Unreadable> {
    let first = continuation.event.event()?;
    continuation.event = StoredEvent::of(&Event { origin: origin.clone(), ..first });
    Ok(())
}
