use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;
use crate::model::time::{ManualClock, Timestamp};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH))
}

fn sliding(clock: &Arc<ManualClock>, calls: u64, length: Duration, counts: Counts) -> Arc<Sliding> {
    Sliding::new(Arc::clone(clock) as Arc<dyn Clock>, calls, length, counts, 0)
}

/// A place, if there is one at once.
fn now(limit: &Arc<Sliding>) -> Option<Place> {
    limit.place().now_or_never()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_place_is_free_a_window_after_the_request_s_end() {
    let clock = clock();
    let limit = sliding(&clock, 2, SECOND, Counts::FromItsEnd);
    let (mut one, mut two) = (now(&limit).expect("a place"), now(&limit).expect("a place"));
    one.sent();
    two.sent();
    drop(one);
    clock.advance(Duration::from_millis(500));
    drop(two);
    assert!(now(&limit).is_none());
    clock.advance(Duration::from_millis(500));
    let third = now(&limit).expect("a second after the first one's end");
    assert!(now(&limit).is_none());
    drop(third);
    assert!(now(&limit).is_some(), "what was not sent counts no more");
}

#[test]
fn a_pace_counts_from_the_sending() {
    let clock = clock();
    let pace = sliding(&clock, 1, Duration::from_millis(500), Counts::FromSending);
    let mut first = now(&pace).expect("a place");
    first.sent();
    assert!(now(&pace).is_none());
    clock.advance(Duration::from_millis(500));
    assert!(now(&pace).is_some(), "although the first is still under way");
}

#[tokio::test]
async fn who_waits_is_woken_in_the_order_in_which_they_came() {
    let clock = clock();
    let pace = sliding(&clock, 1, SECOND, Counts::FromSending);
    let order = Mutex::new(Vec::new());
    let request = async |name: &'static str| {
        let mut mine = pace.place().await;
        mine.sent();
        order.lock().expect("lock").push((name, clock.elapsed()));
    };
    let time = async {
        for _turn in 0..4 {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(500));
        }
    };
    tokio::join!(request("a"), request("b"), request("c"), time);
    let order = order.into_inner().expect("lock");
    assert_eq!(order, [("a", Duration::ZERO), ("b", SECOND), ("c", 2 * SECOND)]);
}

#[test]
fn a_successor_counts_what_its_predecessor_may_have_sent() {
    let clock = clock();
    let limit = |before| Sliding::new(Arc::clone(&clock) as Arc<dyn Clock>, 3, SECOND, Counts::FromItsEnd, before);
    let unknown = limit(u64::MAX);
    assert_eq!(unknown.taken(), 3);
    assert!(now(&unknown).is_none());
    let told = limit(2);
    let place = now(&told).expect("one is left");
    assert!(now(&told).is_none());
    drop(place);
    clock.advance(SECOND);
    assert_eq!((unknown.taken(), told.taken()), (0, 0));
}

#[derive(Clone, Debug)]
enum Step {
    /// A request wants to go; it takes so long, and the vendor hears of it after this part of it.
    Request {
        takes_ms: u64,
        heard_at: f64,
    },
    Pass {
        ms: u64,
    },
    /// Another process takes over: `told`: the predecessor said what it had taken.
    Restart {
        told: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u64..1500, 0.0..=1.0).prop_map(|(takes_ms, heard_at)| Step::Request { takes_ms, heard_at }),
        3 => (0_u64..900).prop_map(|ms| Step::Pass { ms }),
        1 => any::<bool>().prop_map(|told| Step::Restart { told }),
    ];
    prop::collection::vec(step, 0..120)
}

/// Requests under way: when they end.
struct UnderWay {
    ends: Duration,
    place: Place,
}

/// Lets time pass, and requests end in it.
fn pass(clock: &ManualClock, under_way: &mut Vec<UnderWay>, ms: u64) {
    for _millisecond in 0..ms {
        clock.advance(Duration::from_millis(1));
        let now = clock.elapsed();
        under_way.retain(|request| request.ends > now);
    }
}

proptest! {
    /// Whatever the pattern, whenever within its time the vendor counts a request, and whoever restarts in between.
    #[test]
    fn no_window_anywhere_holds_more_requests_than_the_limit(calls in 1_u64..5, steps in steps()) {
        let clock = clock();
        let mut limit = sliding(&clock, calls, SECOND, Counts::FromItsEnd);
        let mut under_way: Vec<UnderWay> = Vec::new();
        let mut heard: Vec<Duration> = Vec::new();
        for step in steps {
            match step {
                Step::Pass { ms } => pass(&clock, &mut under_way, ms),
                Step::Request { takes_ms, heard_at } => {
                    if let Some(mut place) = now(&limit) {
                        place.sent();
                        let takes = Duration::from_millis(takes_ms);
                        heard.push(clock.elapsed() + takes.mul_f64(heard_at));
                        under_way.push(UnderWay { ends: clock.elapsed() + takes, place });
                        under_way.retain(|request| request.ends > clock.elapsed());
                    }
                }
                Step::Restart { told } => {
                    // A lane is taken over when its predecessor's last request has ended.
                    while !under_way.is_empty() {
                        pass(&clock, &mut under_way, 1);
                    }
                    let before = if told { limit.taken() } else { u64::MAX };
                    limit = Sliding::new(Arc::clone(&clock) as Arc<dyn Clock>, calls, SECOND, Counts::FromItsEnd, before);
                }
            }
        }
        heard.sort();
        let most = usize::try_from(calls).expect("small");
        for window in heard.windows(most + 1) {
            let (first, last) = (window[0], window[most]);
            prop_assert!(last >= first + SECOND, "{most} and one more from {first:?} to {last:?}");
        }
        prop_assert!(under_way.iter().all(|request| request.place.sent));
    }
}
