use proptest::prelude::*;

use super::*;

fn limit(calls: u64, share: &str) -> LimitConfig {
    LimitConfig {
        name: "l".to_owned(),
        scope: Scope::Egress,
        class: None,
        calls,
        share: Some(read_share(share).expect("a share")),
        span: SpanConfig::Short(Duration::from_secs(1)),
    }
}

#[test]
fn a_share_of_less_than_a_call_is_one_call_in_a_longer_window() {
    let lane = limit(3, "20%").of_lane();
    assert_eq!((lane.calls, lane.span), (1, Span::Sliding(Duration::from_nanos(1_666_666_667))));
    let lane = limit(3, "0.5").of_lane();
    assert_eq!((lane.calls, lane.span), (1, Span::Sliding(Duration::from_secs(1))));
}

#[test]
fn a_share_is_a_part_of_the_whole() {
    for bad in ["0", "0%", "101%", "1.01", "-1", "half", "%", "", "1e-1"] {
        assert!(read_share(bad).is_err(), "{bad}");
    }
    assert_eq!(read_share("40%"), read_share("0.4"));
    assert_eq!(read_share("100%"), read_share("1"));
}

proptest! {
    #[test]
    fn the_parts_of_a_limit_come_to_no_more_than_the_limit(calls in 1_u64..1000, parts in 1_u32..20) {
        let share = Decimal::ONE / Decimal::from(parts);
        let lane = LimitConfig { share: Some(share), ..limit(calls, "1") }.of_lane();
        let Span::Sliding(length) = lane.span else { panic!("a short one") };
        // Calls a second of all together, counted without rounding.
        let together = u128::from(lane.calls) * u128::from(parts) * 1_000_000_000;
        prop_assert!(together <= u128::from(calls) * length.as_nanos());
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,20}|[0-9.%eE+-]{0,40}") {
        prop_assert!(read_share(&text).is_ok_and(|share| share <= Decimal::ONE) || read_share(&text).is_err());
    }
}
