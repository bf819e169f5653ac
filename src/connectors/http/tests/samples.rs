//! Samples are taken by the connection whose settings they are made by.

use super::*;

#[track_caller]
fn proves(given: &[(&str, &str)], name: &str) -> Vec<(&'static str, Value)> {
    let connector = connector(given);
    let base = url::Url::parse("http://localhost/webhooks/website").expect("a URL");
    let request = connector.sample(name, &base, now()).expect("a sample");
    let path: Vec<&str> = request.url.path_segments().expect("a path").skip(2).collect();
    let inbound = post(&path, request.headers.clone(), request.body.clone());
    let Accept::Store { .. } = connector.accept(&inbound) else { panic!("{name} is not taken with {given:?}") };
    let Normalized::Proves { facts, .. } = normalized(connector.as_ref(), request.body.clone()) else {
        panic!("{name} proves nothing with {given:?}")
    };
    facts.into_iter().map(|fact| (fact.event_type.name, fact.body.to_json())).collect()
}

#[test]
fn each_is_taken_in_every_scheme() {
    for given in [
        &[("secret", SECRET)][..],
        &[("secret", SECRET), ("header_prefix", "svix-"), ("url_token", "t0k")],
        &[("scheme", "hmac"), ("secret", "s"), ("signature_prefix", "sha256="), ("delivery_header", "X-Id")],
        &[("scheme", "token"), ("url_token", "t0k")],
        &[("secret", SECRET), ("content_path", ""), ("time_path", "sent")],
        &[
            ("secret", SECRET),
            ("content_path", "a.b"),
            ("type_path", "a.type"),
            ("types", "user.created: subscriber.subscribed"),
        ],
    ] {
        let subscribed = proves(given, "subscribed");
        assert_eq!(subscribed[0].0, "subscriber.subscribed");
        assert_eq!(subscribed[0].1["party"]["email"], "eva.mala@example.cz");
        let paid = proves(given, "paid");
        assert_eq!((paid[0].0, paid[0].1["items"][0]["code"].as_str()), ("order.paid", Some("COURSE-1")));
    }
}

#[test]
fn in_their_words_it_has_what_the_rows_tell() {
    let fields = ("fields", "subscriber/party.email: user.mail, subscriber/id: user.number");
    let told = proves(&[("secret", SECRET), fields], "subscribed");
    assert_eq!(told[0].1["party"], json!({"email": "eva.mala@example.cz"}));
    assert_eq!(proves(&[("secret", SECRET), fields], "paid")[0].1["customer"]["firstName"], "Eva");
}

#[test]
fn there_is_none_where_no_webhook_is_taken() {
    let base = url::Url::parse("http://localhost/webhooks/website").expect("a URL");
    assert!(connector(&[("base_url", URL)]).sample("subscribed", &base, now()).is_none());
    assert!(connector(&[("secret", SECRET)]).sample("other", &base, now()).is_none());
}
