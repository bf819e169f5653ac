//! A company's own website: it tells of a subscription, makes the user in its own system, and the newsletter comes after. The
//! flows are those of the example.

use bytes::Bytes;
use serde_json::{Value, json};
use spojka::{
    connectors::{
        self,
        contract::settings::settings_of,
        kit::standard_webhooks::{Key, PREFIX, sign},
    },
    model::{
        http::{Method, Request},
        secret::Secret,
    },
    runtime::operator::dead::DeadFilter,
    sandbox::{Fault, FaultKind, SandboxServer},
};

use super::{Play, scenarios};
use crate::support::{
    stage::{Stage, text, values},
    vendor::Vendor,
};

scenarios! {
    who_subscribes_on_the_website_has_an_account_and_then_the_newsletter
    without_the_account_a_member_is_not_subscribed_until_the_refusal_is_lifted
    a_newsletter_that_does_not_depend_on_the_account_goes_on_without_it
    a_lost_answer_makes_no_second_account
}

const EMAIL: &str = "eva@example.cz";
const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// The example's flows; the simulated newsletter list has no `website_user`.
fn flows() -> String {
    include_str!("../../../deploy/examples/website-subscription/flows.yaml").replace("website_user:", "city:")
}

/// The stage with a website on it.
struct Site {
    play: Play,
    website: Vendor,
}

impl Site {
    async fn begin(stage: Stage) -> Self {
        let vendor = connectors::find("http").expect("a vendor");
        let settings = settings_of(vendor.settings, &[("authentication", "bearer"), ("token", "website-token")]);
        let sandbox = (vendor.sandbox)(&settings, stage.clock.now());
        let website = SandboxServer::start(sandbox, std::sync::Arc::clone(&stage.clock)).expect("a sandbox");
        let website = Vendor::Here(website);
        let connection = format!(
            "connections:\n\
             \x20 website: {{ http: {{ secret: env:SITE_SECRET, types: {{ user.subscribed: subscriber.subscribed }}, \
             fields: {{ party.email: user.mail, party.first_name: user.given_name, list_name: list }}, base_url: {}, \
             authentication: bearer, token: env:SITE_TOKEN, idempotency_header: Idempotency-Key }}, \
             delivery: {{ allow_private_addresses: true, per_second: unlimited, timeout: 900ms, \
             retry: {{ first: 20ms, cap: 200ms }} }} }}\n",
            website.base_url()
        );
        let stage = stage.knowing("SITE_SECRET", SECRET).knowing("SITE_TOKEN", "website-token");
        let play = Play::begin(stage.saying("connections:\n", &connection), &flows()).await;
        Self { play, website }
    }

    /// The website tells that somebody subscribed to a list.
    async fn tell(&self, id: &str, list: &str) {
        let now = self.play.stage.clock.now();
        let data = json!({ "user": { "mail": EMAIL, "given_name": "Eva" }, "list": list });
        let body = json!({ "type": "user.subscribed", "timestamp": now.to_string(), "data": data }).to_string();
        let key = Key::read(&Secret::new(SECRET)).expect("a key");
        let mut request = Request::new(Method::Post, "http://gateway/webhooks/website".parse().unwrap());
        request.headers = sign(&[key], PREFIX, id, now, body.as_bytes());
        request.body = Bytes::from(body);
        assert_eq!(self.play.ask(request).await.status, 204);
    }

    fn users(&self) -> Vec<Value> {
        values(&self.website.state()["users"])
    }

    /// Which user the newsletter list says that the subscriber is; nothing where nobody is subscribed.
    fn subscribed_as(&self) -> Option<String> {
        let subscribers = self.play.subscribers(EMAIL);
        assert!(subscribers.len() <= 1, "{subscribers:?}");
        subscribers.first().map(|subscriber| text(&subscriber["city"]))
    }

    fn refuse(&self, domain: &Value) {
        self.website.command(&json!({ "refuse_users": domain })).expect("a command");
    }
}

async fn who_subscribes_on_the_website_has_an_account_and_then_the_newsletter(stage: Stage) {
    let site = Site::begin(stage).await;
    for _ in 0..2 {
        site.tell("msg_1", "Members").await;
    }
    site.play.quiet().await;
    let users = site.users();
    assert_eq!((users.len(), text(&users[0]["email"]).as_str()), (1, EMAIL));
    assert_eq!(site.subscribed_as(), Some(text(&users[0]["id"])));
    assert_eq!((site.website.effects().len(), site.play.dead().await.len()), (1, 0));
    let event = &site.play.events("subscriber.subscribed").await[0];
    assert!(!event.subject.contains('@'), "an e-mail is no subject");
    site.play.end().await;
}

async fn without_the_account_a_member_is_not_subscribed_until_the_refusal_is_lifted(stage: Stage) {
    let site = Site::begin(stage).await;
    site.refuse(&json!("example.cz"));
    site.tell("msg_1", "Members").await;
    site.play.quiet().await;
    assert_eq!((site.users().len(), site.subscribed_as()), (0, None));
    let dead = site.play.dead().await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!((dead[0].code.as_str(), dead[0].connection.as_str()), ("refused", "website"));
    let letter = site.play.operator.dead_show(&dead[0].id).await.unwrap();
    assert_eq!(letter.message, "it answered with status 422");
    let told = format!("{:?} {:?}", letter.request, letter.answer);
    assert!(!told.contains(EMAIL) && !told.contains("do not want"), "{told}");

    site.refuse(&Value::Null);
    assert_eq!(site.play.operator.dead_retry(&DeadFilter::default()).await.unwrap().moved, 1);
    site.play.quiet().await;
    assert_eq!(site.users().len(), 1);
    assert_eq!(site.subscribed_as(), Some(text(&site.users()[0]["id"])));
    assert!(site.play.dead().await.is_empty());
    site.play.end().await;
}

async fn a_newsletter_that_does_not_depend_on_the_account_goes_on_without_it(stage: Stage) {
    let site = Site::begin(stage).await;
    site.refuse(&json!("example.cz"));
    site.tell("msg_1", "Newsletter").await;
    site.play.quiet().await;
    assert_eq!((site.users().len(), site.subscribed_as()), (0, Some(String::new())));
    assert_eq!(site.play.dead().await.len(), 1);
    site.play.end().await;
}

async fn a_lost_answer_makes_no_second_account(stage: Stage) {
    let site = Site::begin(stage).await;
    site.website.fault(Fault::new(FaultKind::LostAnswer).method(Method::Post).times(1));
    site.tell("msg_1", "Members").await;
    site.play.quiet().await;
    assert_eq!(site.website.struck().get("lost_answer"), Some(&1));
    assert_eq!((site.users().len(), site.website.effects().len()), (1, 1));
    assert_eq!(site.subscribed_as(), Some(text(&site.users()[0]["id"])));
    assert!(site.play.dead().await.is_empty());
    site.play.end().await;
}
