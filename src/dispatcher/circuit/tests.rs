use proptest::prelude::*;

use super::*;

const FIRST: u64 = 5;
const SETTINGS: CircuitSettings = CircuitSettings {
    failures: 3,
    backoff: Backoff { first: Duration::from_secs(FIRST), cap: Duration::from_secs(20) },
};
const FAILS: Sign = Sign::Fails { code: code::VENDOR_ERROR, unreached: false };
const UNREACHED: Sign = Sign::Fails { code: code::NOT_CONNECTED, unreached: true };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("time")
}

fn bans(seconds: Option<u64>) -> Sign {
    Sign::Bans { code: code::RATE_LIMITED, wish: seconds.map(Duration::from_secs) }
}

fn circuit() -> Circuit {
    Circuit::new(SETTINGS, at(0))
}

/// Something begins and is heard of at the same moment; the jitter is at its longest.
fn hear(circuit: &mut Circuit, key: &str, sign: Sign, second: i64) {
    let ticket = circuit.begin();
    circuit.heard(ticket, key, sign, 1.0, at(second));
    circuit.over(ticket);
}

fn open() -> Circuit {
    let mut circuit = circuit();
    for key in ["a", "b", "a"] {
        hear(&mut circuit, key, FAILS, 0);
    }
    circuit
}

#[test]
fn failures_in_a_row_from_several_keys_open_it() {
    let mut circuit = circuit();
    hear(&mut circuit, "a", FAILS, 1);
    hear(&mut circuit, "b", FAILS, 2);
    assert_eq!(circuit.admits(at(2)), Admission::All);
    hear(&mut circuit, "a", FAILS, 3);
    let (since, until) = (at(3), at(8));
    assert_eq!(circuit.state(), CircuitState::Open { since, until, code: code::VENDOR_ERROR });
    assert_eq!(circuit.admits(at(7)), Admission::After(until));
    assert_eq!(circuit.admits(until), Admission::One);
}

#[test]
fn one_bad_action_opens_nothing_unless_it_never_came_to_the_target() {
    for (sign, closed) in [(FAILS, true), (UNREACHED, false)] {
        let mut circuit = circuit();
        for second in 0..10 {
            hear(&mut circuit, "a", sign, second);
        }
        assert_eq!(circuit.is_closed(), closed, "{sign:?}");
    }
}

#[test]
fn a_sign_of_life_ends_the_row_and_silence_does_not() {
    for (sign, closed) in [(Sign::Lives, true), (Sign::Nothing, false)] {
        let mut circuit = circuit();
        hear(&mut circuit, "a", FAILS, 0);
        hear(&mut circuit, "b", FAILS, 0);
        hear(&mut circuit, "c", sign, 0);
        hear(&mut circuit, "a", FAILS, 0);
        assert_eq!(circuit.is_closed(), closed, "{sign:?}");
    }
}

#[test]
fn a_ban_opens_it_at_once_for_as_long_as_it_says() {
    for (wish, until) in [(Some(3600), at(3600)), (Some(1), at(1)), (None, at(5)), (Some(0), at(5))] {
        let mut circuit = circuit();
        hear(&mut circuit, "a", bans(wish), 0);
        assert_eq!(circuit.state(), CircuitState::Open { since: at(0), until, code: code::RATE_LIMITED });
    }
}

#[test]
fn what_was_under_way_cannot_shorten_a_ban_but_lengthen_it() {
    let mut circuit = circuit();
    let under_way = circuit.begin();
    hear(&mut circuit, "a", bans(Some(100)), 0);
    circuit.heard(under_way, "b", Sign::Lives, 1.0, at(10));
    assert_eq!(circuit.admits(at(99)), Admission::After(at(100)));
    circuit.heard(under_way, "b", bans(Some(5)), 1.0, at(10));
    assert_eq!(circuit.admits(at(99)), Admission::After(at(100)));
    circuit.heard(under_way, "b", bans(Some(200)), 1.0, at(10));
    assert_eq!(circuit.admits(at(209)), Admission::After(at(210)));
}

#[test]
fn what_was_under_way_when_it_opened_may_close_it_and_prolongs_nothing() {
    let mut circuit = circuit();
    let under_way = [circuit.begin(), circuit.begin()];
    for key in ["a", "b", "a"] {
        hear(&mut circuit, key, FAILS, 0);
    }
    circuit.heard(under_way[0], "c", FAILS, 1.0, at(4));
    assert_eq!(circuit.admits(at(4)), Admission::After(at(5)));
    circuit.heard(under_way[1], "d", Sign::Lives, 1.0, at(4));
    assert!(circuit.is_closed());
}

#[test]
fn what_began_before_an_outage_says_nothing_after_it() {
    let mut circuit = circuit();
    let under_way: Vec<_> = (0..5).map(|_| circuit.begin()).collect();
    hear(&mut circuit, "a", bans(Some(5)), 0);
    hear(&mut circuit, "a", Sign::Lives, 5);
    assert!(circuit.is_closed());
    for (index, ticket) in under_way.into_iter().enumerate() {
        circuit.heard(ticket, &index.to_string(), UNREACHED, 1.0, at(6));
    }
    assert!(circuit.is_closed());
}

#[test]
fn probes_go_one_at_a_time_and_seldomer_until_one_comes_through() {
    let mut circuit = open();
    let mut now = 5;
    for wait in [10, 20, 20, 20] {
        assert_eq!(circuit.admits(at(now)), Admission::One);
        let probe = circuit.begin();
        assert_eq!(circuit.admits(at(now)), Admission::Nothing, "one probe at a time");
        circuit.heard(probe, "a", FAILS, 1.0, at(now));
        circuit.over(probe);
        assert_eq!(circuit.admits(at(now)), Admission::After(at(now + wait)));
        now += wait;
    }
    hear(&mut circuit, "b", Sign::Lives, now);
    assert!(circuit.is_closed());
    for key in ["a", "b", "a"] {
        hear(&mut circuit, key, FAILS, now);
    }
    assert_eq!(circuit.admits(at(now)), Admission::After(at(now + 5)), "the next outage begins anew");
}

#[test]
fn a_probe_that_proves_nothing_has_failed_and_one_that_sent_nothing_is_replaced_at_once() {
    let mut circuit = open();
    hear(&mut circuit, "a", Sign::Nothing, 5);
    assert_eq!(circuit.admits(at(5)), Admission::After(at(15)));
    let probe = circuit.begin();
    assert!(circuit.is_probe(probe));
    circuit.over(probe);
    assert_eq!(circuit.admits(at(15)), Admission::One);
}

#[test]
fn a_ban_beside_a_probe_outlasts_its_success() {
    let mut circuit = circuit();
    let under_way = circuit.begin();
    for key in ["a", "b", "a"] {
        hear(&mut circuit, key, FAILS, 0);
    }
    let probe = circuit.begin();
    circuit.heard(under_way, "c", bans(Some(50)), 1.0, at(6));
    circuit.heard(probe, "a", Sign::Lives, 1.0, at(7));
    circuit.over(probe);
    assert_eq!(circuit.admits(at(7)), Admission::After(at(56)));
}

#[test]
fn what_stands_still_for_a_person_hears_nothing() {
    type Stop = fn(&mut Circuit);
    let stops: [(Stop, CircuitState); 2] = [
        (
            |circuit| assert!(circuit.halt(code::UNAUTHORIZED, at(1))),
            CircuitState::Halted { since: at(1), code: code::UNAUTHORIZED },
        ),
        (|circuit| circuit.pause(at(1)), CircuitState::Paused { since: at(1) }),
    ];
    for (stop, state) in stops {
        for mut circuit in [circuit(), open()] {
            let under_way = circuit.begin();
            stop(&mut circuit);
            for sign in [Sign::Lives, FAILS, bans(Some(3)), Sign::Nothing] {
                circuit.heard(under_way, "a", sign, 1.0, at(2));
            }
            circuit.over(under_way);
            assert!(!circuit.halt(code::UNAUTHORIZED, at(3)), "it stands still already");
            assert_eq!((circuit.state(), circuit.admits(at(1_000_000))), (state, Admission::Nothing));
            assert!(circuit.forbids().is_some(), "not even what is under way goes on");
            circuit.close(at(4));
            assert_eq!((circuit.state(), circuit.forbids()), (CircuitState::Closed, None));
        }
    }
}

#[test]
fn a_pause_is_stronger_than_a_halt() {
    let mut circuit = circuit();
    circuit.halt(code::UNAUTHORIZED, at(1));
    circuit.pause(at(2));
    assert_eq!(circuit.state(), CircuitState::Paused { since: at(2) });
    circuit.pause(at(3));
    assert_eq!(circuit.state(), CircuitState::Paused { since: at(2) });
}

#[test]
fn a_ban_without_a_wish_takes_nothing_from_an_announced_wait() {
    let mut circuit = circuit();
    let under_way = circuit.begin();
    hear(&mut circuit, "a", bans(Some(5)), 0);
    circuit.heard(under_way, "b", bans(None), 1.0, at(0));
    circuit.heard(under_way, "b", Sign::Lives, 1.0, at(4));
    assert!(!circuit.is_closed(), "the vendor said five seconds");
}

#[test]
fn what_has_begun_but_sent_nothing_is_barred_and_the_probe_is_not() {
    let mut circuit = circuit();
    let begun = circuit.begin();
    assert_eq!(circuit.bars(begun), None);
    hear(&mut circuit, "a", bans(Some(5)), 0);
    assert_eq!(circuit.bars(begun), Some(code::RATE_LIMITED));
    let probe = circuit.begin();
    assert_eq!((circuit.bars(begun), circuit.bars(probe)), (Some(code::RATE_LIMITED), None));
    circuit.heard(probe, "a", Sign::Lives, 1.0, at(5));
    assert_eq!(circuit.bars(begun), None);
}

#[test]
fn its_clock_stands_still_while_the_lane_does() {
    let mut circuit = circuit();
    hear(&mut circuit, "a", bans(Some(100)), 10);
    assert_eq!(circuit.worked(at(90)), Duration::from_secs(10));
    hear(&mut circuit, "a", Sign::Lives, 110);
    assert_eq!(circuit.worked(at(115)), Duration::from_secs(15));
    circuit.pause(at(120));
    circuit.close(at(1000));
    assert_eq!(circuit.worked(at(1001)), Duration::from_secs(21));
}

#[derive(Clone, Debug)]
enum Move {
    Begin,
    Hear(usize, u8, Sign),
    Over(usize),
    Pass(u8),
    Halt,
    Pause,
    Close,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let sign = prop_oneof![
        Just(Sign::Lives),
        Just(Sign::Nothing),
        Just(FAILS),
        Just(UNREACHED),
        (0..50_u64).prop_map(|seconds| bans(Some(seconds))),
        Just(bans(None)),
    ];
    let one = prop_oneof![
        4 => Just(Move::Begin),
        6 => (0..5_usize, 0..3_u8, sign).prop_map(|(which, key, sign)| Move::Hear(which, key, sign)),
        3 => (0..5_usize).prop_map(Move::Over),
        3 => (0..30_u8).prop_map(Move::Pass),
        1 => Just(Move::Halt),
        1 => Just(Move::Pause),
        1 => Just(Move::Close),
    ];
    prop::collection::vec(one, 0..200)
}

proptest! {
    /// Whatever happens: while it is open one thing is under way that began since, halts and pauses end by a person alone,
    /// an announced wait is never cut short, and the lane's clock runs exactly while the lane works.
    #[test]
    fn it_keeps_its_word(moves in moves()) {
        let mut circuit = circuit();
        let mut now = 0;
        let mut worked = 0;
        let mut out: Vec<Ticket> = Vec::new();
        let mut banned_until = 0;
        for step in moves {
            let before = circuit.state();
            match step {
                Move::Begin => match circuit.admits(at(now)) {
                    Admission::All => out.push(circuit.begin()),
                    Admission::One => {
                        prop_assert!(now >= banned_until, "a probe within an announced wait");
                        prop_assert!(out.iter().all(|ticket| !circuit.is_probe(*ticket)), "a second probe");
                        let probe = circuit.begin();
                        prop_assert!(circuit.is_probe(probe));
                        prop_assert_eq!(circuit.admits(at(now)), Admission::Nothing);
                        out.push(probe);
                    }
                    Admission::After(until) => prop_assert!(until > at(now)),
                    Admission::Nothing => {}
                },
                Move::Hear(which, key, sign) => if let Some(ticket) = out.get(which).copied() {
                    circuit.heard(ticket, &key.to_string(), sign, 1.0, at(now));
                    if let (Sign::Bans { wish: Some(wish), .. }, CircuitState::Open { until, .. }) = (sign, circuit.state()) {
                        banned_until = banned_until.max(now + i64::try_from(wish.as_secs()).expect("small"));
                        prop_assert!(until >= at(banned_until));
                    }
                },
                Move::Over(which) => if which < out.len() {
                    circuit.over(out.remove(which));
                },
                Move::Pass(seconds) => {
                    now += i64::from(seconds);
                    worked += if circuit.is_closed() { u64::from(seconds) } else { 0 };
                }
                Move::Halt => { circuit.halt(code::UNAUTHORIZED, at(now)); }
                Move::Pause => circuit.pause(at(now)),
                Move::Close => {
                    circuit.close(at(now));
                    banned_until = 0;
                }
            }
            let by_person = matches!(step, Move::Pause | Move::Close);
            if matches!(before, CircuitState::Halted { .. } | CircuitState::Paused { .. }) && !by_person {
                prop_assert_eq!(circuit.state(), before);
            }
            if circuit.is_closed() && matches!(before, CircuitState::Open { .. }) && !by_person {
                prop_assert!(now >= banned_until, "closed within an announced wait");
            }
            prop_assert_eq!(circuit.is_closed(), circuit.admits(at(now)) == Admission::All);
            prop_assert_eq!(circuit.worked(at(now)), Duration::from_secs(worked));
        }
    }
}
