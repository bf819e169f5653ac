use proptest::prelude::*;

use super::*;

/// The bytes 1 to 32.
const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const ID: &str = "msg_demo0001";
const TIME: i64 = 1_760_000_000;
const BODY: &str = r#"{"type":"order.paid","timestamp":"2025-10-09T08:53:20Z","data":{"order_id":"A-1042"}}"#;
const RIGHT: &str = "v1,rFchHA396PUNDH/MNHhcAIY101Z07kKgbQ+TsIpyPr4=";
const WRONG: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn key(secret: &str) -> Result<Key, NoKey> {
    Key::read(&Secret::new(secret))
}

fn verifier(secrets: &[&str]) -> Verifier {
    let keys = secrets.iter().map(|secret| key(secret).expect("a key")).collect();
    Verifier::new(keys, PREFIX, TOLERANCE)
}

fn headers(id: &str, time: &str, signature: &str) -> Headers {
    Headers::new().with("Webhook-Id", id).with("Webhook-Timestamp", time).with("Webhook-Signature", signature)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

/// What the first vector comes to with another signature.
fn judged(signature: &str) -> Result<(), Doubt> {
    let headers = headers(ID, &TIME.to_string(), signature);
    verifier(&[SECRET]).verify(&headers, BODY.as_bytes(), at(TIME)).map(|_| ())
}

#[test]
fn worked_vectors_verify_and_are_what_we_sign() {
    let about_people = r#"{"type":"contact.updated","timestamp":"2025-10-09T08:54:20Z","data":{"name":"Šárka Őri"}}"#;
    for (id, time, body, signature) in [
        (ID, TIME, BODY, RIGHT),
        ("msg_demo0002", 1_760_000_060, about_people, "v1,HXau/CyXrXOowF5vvtFTTyF8BTYlTyREwLLgZ81ydVs="),
        ("msg_demo0003", 1_760_000_120, "", "v1,F8OzPA6ih6qMC/TOwNWtceWMFaD4doVovMXwGLGjtXg="),
    ] {
        let received = headers(id, &time.to_string(), signature);
        assert_eq!(verifier(&[SECRET]).verify(&received, body.as_bytes(), at(time)), Ok(id));
        let sent = sign(&[key(SECRET).expect("a key")], PREFIX, id, at(time), body.as_bytes());
        assert_eq!(sent.get("webhook-signature"), Some(signature));
    }
}

#[test]
fn one_fitting_signature_of_several_is_enough_and_none_is_not() {
    for list in [
        RIGHT.to_owned(),
        format!("{WRONG} {RIGHT}"),
        format!("v2,x {WRONG} v1a,abc {RIGHT} {WRONG}"),
        format!("  {RIGHT} "),
        format!("{} {RIGHT}", [WRONG; 15].join(" ")),
    ] {
        assert_eq!(judged(&list), Ok(()), "{list}");
    }
    let value = RIGHT.strip_prefix("v1,").expect("a version");
    let changed = RIGHT.replace("r4=", "r5=");
    for list in [
        "",
        "v1,",
        "v1",
        value,
        WRONG,
        &changed,
        &format!("v2,{value}"),
        &format!("v1a,{value}"),
        &format!("{WRONG} {WRONG}"),
        RIGHT.get(..RIGHT.len() - 4).expect("a shorter one"),
        RIGHT.trim_end_matches('='),
        "v1,not base64",
        &format!("v1, {value}"),
        // The seventeenth is not read.
        &format!("{} {RIGHT}", [WRONG; 16].join(" ")),
    ] {
        assert_eq!(judged(list), Err(Doubt::Mismatch), "{list}");
    }
}

#[test]
fn whatever_was_signed_is_covered() {
    let judge = |id: &str, time: &str, body: &str, secret: &str| {
        verifier(&[secret]).verify(&headers(id, time, RIGHT), body.as_bytes(), at(TIME)).map(|_| ())
    };
    assert_eq!(judge(ID, "1760000000", BODY, SECRET), Ok(()));
    assert_eq!(judge("msg_demo0002", "1760000000", BODY, SECRET), Err(Doubt::Mismatch));
    assert_eq!(judge(ID, "1760000001", BODY, SECRET), Err(Doubt::Mismatch));
    assert_eq!(judge(ID, "01760000000", BODY, SECRET), Err(Doubt::Mismatch), "the text is signed, not the number");
    assert_eq!(judge(ID, "1760000000", &format!("{BODY} "), SECRET), Err(Doubt::Mismatch));
    assert_eq!(judge(ID, "1760000000", BODY, "whsec_AAAA"), Err(Doubt::Mismatch));
}

#[test]
fn each_header_must_be_there_once() {
    let whole = headers(ID, &TIME.to_string(), RIGHT);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = whole.clone();
        without.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        assert_eq!(verifier(&[SECRET]).verify(&without, BODY.as_bytes(), at(TIME)), Err(Doubt::Missing), "{name}");
        let again = whole.get(name).expect("a header").to_owned();
        let twice = whole.clone().with(name, again);
        assert_eq!(verifier(&[SECRET]).verify(&twice, BODY.as_bytes(), at(TIME)), Err(Doubt::Mismatch), "{name}");
    }
    let foreign = Verifier::new(vec![key(SECRET).expect("a key")], "svix-", TOLERANCE);
    assert_eq!(foreign.verify(&whole, BODY.as_bytes(), at(TIME)), Err(Doubt::Missing));
    let renamed =
        Headers(whole.0.iter().map(|(name, value)| (name.replace("Webhook-", "svix-"), value.clone())).collect());
    assert_eq!(foreign.verify(&renamed, BODY.as_bytes(), at(TIME)), Ok(ID));
}

#[test]
fn the_time_is_a_number_within_the_tolerance() {
    let judge = |time: &str, now: i64| {
        verifier(&[SECRET]).verify(&headers(ID, time, RIGHT), BODY.as_bytes(), at(now)).map(|_| ())
    };
    for (now, expected) in
        [(TIME - 301, Err(Doubt::TooFar)), (TIME - 300, Ok(())), (TIME + 300, Ok(())), (TIME + 301, Err(Doubt::TooFar))]
    {
        assert_eq!(judge("1760000000", now), expected, "{now}");
    }
    for time in ["", "soon", "1760000000.0", "+1760000000", "-1", " 1760000000", "99999999999999999999"] {
        assert_eq!(judge(time, TIME), Err(Doubt::Malformed), "{time}");
    }
    assert_eq!(judge("9223372036854775807", TIME), Err(Doubt::TooFar));
    let nameless = headers("", "1760000000", RIGHT);
    assert_eq!(verifier(&[SECRET]).verify(&nameless, BODY.as_bytes(), at(TIME)), Err(Doubt::Malformed));
}

#[test]
fn a_secret_may_lack_its_prefix_and_its_padding_but_not_itself() {
    let bare = SECRET.strip_prefix("whsec_").expect("a prefix");
    for secret in [SECRET, bare, SECRET.trim_end_matches('='), bare.trim_end_matches('=')] {
        let headers = headers(ID, &TIME.to_string(), RIGHT);
        assert_eq!(verifier(&["AAAA", secret]).verify(&headers, BODY.as_bytes(), at(TIME)), Ok(ID), "{secret}");
    }
    for (secret, why) in [
        ("", NoKey::Empty),
        ("whsec_", NoKey::Empty),
        ("whsec_not base64", NoKey::NotBase64),
        ("whsk_AQID", NoKey::NotBase64),
        ("whsec_AQIDB", NoKey::NotBase64),
    ] {
        assert_eq!(key(secret).expect_err("no key"), why, "{secret}");
    }
    assert_eq!(format!("{:?}", key(SECRET)), "Ok([secret])");
}

#[test]
fn with_two_keys_a_request_carries_two_signatures() {
    let keys = [key("AAAA").expect("a key"), key(SECRET).expect("a key")];
    let sent = sign(&keys, PREFIX, ID, at(TIME), BODY.as_bytes());
    assert!(sent.get("webhook-signature").is_some_and(|list| list.ends_with(RIGHT) && list.len() > RIGHT.len()));
    for secret in ["AAAA", SECRET] {
        assert_eq!(verifier(&[secret]).verify(&sent, BODY.as_bytes(), at(TIME)), Ok(ID));
    }
}

proptest! {
    #[test]
    fn no_other_text_is_a_signature(list in "(v1,)?[A-Za-z0-9+/=, ]{0,80}|\\PC{0,60}") {
        prop_assume!(!list.contains(RIGHT));
        prop_assert_eq!(judged(&list), Err(Doubt::Mismatch));
    }

    #[test]
    fn what_is_signed_verifies(id in "[a-zA-Z0-9_-]{1,40}", body in proptest::collection::vec(any::<u8>(), 0..99)) {
        let sent = sign(&[key(SECRET).expect("a key")], PREFIX, &id, at(TIME), &body);
        let verifier = verifier(&[SECRET]);
        prop_assert_eq!(verifier.verify(&sent, &body, at(TIME)), Ok(id.as_str()));
        let longer = [&body[..], b"x"].concat();
        prop_assert_eq!(verifier.verify(&sent, &longer, at(TIME)), Err(Doubt::Mismatch));
    }
}
