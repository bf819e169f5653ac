//! Every key of a config, as data: what editors' schema and the reference page are made from. The readers stay the judges; a
//! test asks each of them which keys it takes, so that this list cannot fall behind.

use super::volume;
use crate::connectors::contract::SettingKind;

/// A mapping of a config.
#[derive(Debug)]
pub struct Mapping {
    /// What it is called in the reference: its way from the top.
    pub name: &'static str,
    pub doc: &'static str,
    pub keys: &'static [Key],
}

/// A key of a mapping.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub takes: Takes,
    pub required: bool,
    /// What is taken when it is not given; empty where that is nothing.
    pub default: &'static str,
    pub doc: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// What a vendor's setting of the kind takes.
    Kind(SettingKind),
    /// One of some words.
    Word(&'static [&'static str]),
    /// A text of a form: the form for people, and as a regular expression.
    Form(&'static str, &'static str),
    /// A condition in CEL.
    Condition,
    /// One name or a list of them.
    Names,
    /// One type of event or a list of them.
    EventTypes,
    Map(&'static Mapping),
    /// A mapping, or one word instead.
    MapOr(&'static Mapping, &'static str),
    /// Mappings by names that the owner chooses.
    Named(&'static Mapping),
    /// The same, or one word instead.
    NamedOr(&'static Mapping, &'static str),
    /// A list of mappings.
    List(&'static Mapping),
    /// Texts by names.
    Texts,
    /// What another part of the config or the schema of events describes.
    Anything(&'static str),
    /// Rows of a mapping table.
    Rows,
    /// Parameters of operations, by names that the owner chooses.
    NamedParameters,
    /// Parameters of operations, and such under operations' names.
    Defaults,
}

const fn key(name: &'static str, takes: Takes, default: &'static str, doc: &'static str) -> Key {
    Key { name, takes, required: false, default, doc }
}

const fn needed(name: &'static str, takes: Takes, doc: &'static str) -> Key {
    Key { name, takes, required: true, default: "", doc }
}

const TEXT: Takes = Takes::Kind(SettingKind::Text);
const SECRET: Takes = Takes::Kind(SettingKind::Secret);
const DURATION: Takes = Takes::Kind(SettingKind::Duration);
const FLAG: Takes = Takes::Kind(SettingKind::Boolean);
const ADDRESS: Takes = Takes::Form("address with its port", r"^\S+:[0-9]+$");
const PER_SECOND: Takes = Takes::Form("whole number, or `unlimited`", "^([1-9][0-9]*|unlimited)$");
const AMOUNT: Takes = Takes::Form("decimal number", r"^[0-9]+(\.[0-9]+)?$");
const VOLUME: Takes = Takes::Form("how often, such as `5000 a month`", volume::FORM);

const HOLD: Takes = Takes::Form("`always`, `first N` or a condition", r"\S");
const STRICTNESS: Takes = Takes::Word(&["refuse", "warn", "off"]);

const fn count(max: i64) -> Takes {
    Takes::Kind(SettingKind::Integer { min: 1, max })
}

/// The whole config.
pub const CONFIG: Mapping = Mapping {
    name: "config",
    doc: "The whole config: all files of its directory together.",
    keys: &[
        key("connections", Takes::Named(&CONNECTION), "", "The accounts at vendors, by names that you choose."),
        key("flows", Takes::Named(&FLOW), "", "On which event, when, do what; by names that you choose."),
        key("tests", Takes::Named(&TEST), "", "What the flows do with an event or a webhook, run by `spojka check`."),
        key(
            "lookups",
            Takes::Named(&LOOKUP),
            "",
            "Mapping tables for expressions, `lookup(\"name\", value)`; by names that you choose.",
        ),
        key(
            "field_sets",
            Takes::NamedParameters,
            "",
            "Parameters that several steps share, by names that you choose: `use: name`.",
        ),
        key("installation", Takes::Map(&INSTALLATION), "", "What sets this installation apart from others."),
        key("log", Takes::Map(&LOG), "", "Where everything is stored."),
        key("gateway", Takes::Map(&GATEWAY), "", "Where webhooks arrive."),
        key("admin", Takes::Map(&ADMIN), "", "Health, metrics, and the commands' own port."),
        key("remember", DURATION, "400d", "How long outcomes are kept: so long nothing is done twice."),
        key(
            "retention",
            DURATION,
            "90d",
            "How long webhooks, events and actions are kept: so long they can be replayed.",
        ),
    ],
};

const INSTALLATION: Mapping = Mapping {
    name: "installation",
    doc: "What sets this installation apart from others on the same brokers.",
    keys: &[
        key(
            "prefix",
            Takes::Form("up to 64 of `a-z`, `0-9`, `.`, `_` and `-`", "^[A-Za-z0-9._-]{0,64}$"),
            "spojka.",
            "Before every topic's name.",
        ),
        key("hash_key", SECRET, "", "What ids and keyed hashes are built with. It must never change."),
    ],
};

const LOG: Mapping = Mapping {
    name: "log",
    doc: "One file, or Kafka.",
    keys: &[
        key("embedded", Takes::Map(&EMBEDDED), "", "One file, for one process."),
        key("kafka", Takes::Map(&KAFKA), "", "A Kafka cluster, or anything that speaks its protocol."),
    ],
};

const EMBEDDED: Mapping = Mapping {
    name: "log.embedded",
    doc: "A file, for one process.",
    keys: &[key("path", TEXT, "data/spojka.db", "The file, from the config's directory on.")],
};

const KAFKA: Mapping = Mapping {
    name: "log.kafka",
    doc: "A Kafka cluster.",
    keys: &[
        needed("brokers", Takes::Names, "Some of the brokers, `host:port` each."),
        key("security", Takes::Map(&SECURITY), "", "TLS and login."),
        key(
            "replication",
            count(99),
            "",
            "Copies of each topic that is made; without it, as the cluster does by itself.",
        ),
        key("tables", TEXT, "data/tables", "The folder for local copies of compacted topics. It can be made anew."),
        key("options", Takes::Texts, "", "Options of librdkafka, by its own names."),
    ],
};

const SECURITY: Mapping = Mapping {
    name: "log.kafka.security",
    doc: "How we prove ourselves to the brokers.",
    keys: &[
        key("tls", FLAG, "false", "Speak TLS."),
        key("ca_file", TEXT, "", "A file of certificates to trust; without it, the system's."),
        key("sasl", Takes::Map(&SASL), "", "A login."),
    ],
};

const SASL: Mapping = Mapping {
    name: "log.kafka.security.sasl",
    doc: "A login at the brokers.",
    keys: &[
        key("mechanism", Takes::Word(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]), "SCRAM-SHA-512", "How."),
        needed("username", TEXT, "Who."),
        needed("password", SECRET, "The password."),
    ],
};

const GATEWAY: Mapping = Mapping {
    name: "gateway",
    doc: "Where webhooks arrive.",
    keys: &[
        key(
            "max_body_bytes",
            Takes::Kind(SettingKind::Integer { min: 1024, max: 64 << 20 }),
            "2097152",
            "The largest webhook.",
        ),
        key(
            "public_url",
            Takes::Kind(SettingKind::Url),
            "",
            "Where vendors reach us from outside, for the URLs that people copy.",
        ),
        key("listen", ADDRESS, "127.0.0.1:8080", "Where to listen."),
        key("request_timeout", DURATION, "10s", "For a whole request: slow senders are cut off."),
        key("spool", Takes::Map(&SPOOL), "", "Where webhooks are kept while Kafka is away."),
    ],
};

const SPOOL: Mapping = Mapping {
    name: "gateway.spool",
    doc: "Where webhooks are kept while Kafka is away.",
    keys: &[
        needed("path", TEXT, "A folder on a disk that outlives the process, for one gateway alone."),
        key(
            "max_bytes",
            Takes::Kind(SettingKind::Integer { min: 1 << 20, max: i64::MAX }),
            "1073741824",
            "How much it holds.",
        ),
    ],
};

const ADMIN: Mapping = Mapping {
    name: "admin",
    doc: "Health, metrics, and the commands' own port.",
    keys: &[key("listen", ADDRESS, "127.0.0.1:9090", "Where to listen.")],
};

/// What stands beside the vendor's key.
pub const CONNECTION: Mapping = Mapping {
    name: "connections.<name>",
    doc: "One account: the vendor's key with its settings (see the page of connectors), and beside it:",
    keys: &[
        key("was", Takes::Names, "", "Earlier names, the first one first: after a rename nothing is done again."),
        key(
            "volume",
            VOLUME,
            "",
            "How many events of each type it gives: whether the targets' limits allow for it is then checked.",
        ),
        key(
            "defaults",
            Takes::Defaults,
            "",
            "Parameters for all of its operations that have them; under an operation's name, for that one. Steps and field sets win.",
        ),
        key("delivery", Takes::Map(&DELIVERY), "", "How actions are carried out there."),
        key(
            "preflight",
            Takes::MapOr(&PREFLIGHT, "off"),
            "",
            "What is checked before an order or an invoice is written there.",
        ),
    ],
};

const DELIVERY: Mapping = Mapping {
    name: "connections.<name>.delivery",
    doc: "How actions are carried out at the connection. By itself as the vendor wants it.",
    keys: &[
        key("per_second", PER_SECOND, "the vendor's", "A pace: so many requests, evenly spaced."),
        key("concurrency", count(1000), "the vendor's", "Requests at the same time."),
        key("time_zone", Takes::Kind(SettingKind::Zone), "the vendor's country", "Whose days and months limits go by."),
        key(
            "limits",
            Takes::NamedOr(&LIMIT, "unlimited"),
            "the vendor's",
            "Limits by name: the vendor's, changed, and yours. `unlimited` lifts one.",
        ),
        key("timeout", DURATION, "30s", "For one request, until the end of its answer."),
        key("retry", Takes::Map(&RETRY), "", "When what failed is tried again."),
        key("not_there", Takes::Map(&NOT_THERE), "", "The same while an object is not there yet."),
        key("circuit", Takes::Map(&CIRCUIT), "", "When the target counts as failing as a whole."),
        key("bulk", Takes::Map(&BULK), "", "What replays, imports and repairs may use."),
        key("loops", Takes::MapOr(&LOOPS, "off"), "", "From when on a burst on one object is taken for a loop."),
        key("allow_private_addresses", FLAG, "false", "Private and loopback addresses may be called."),
    ],
};

const RETRY: Mapping = Mapping {
    name: "connections.<name>.delivery.retry",
    doc: "When what failed is tried again. Pauses are random and shorter (full jitter).",
    keys: &retry_keys("3d"),
};

const NOT_THERE: Mapping = Mapping {
    name: "connections.<name>.delivery.not_there",
    doc: "When an object that is not there yet is looked for again.",
    keys: &retry_keys("1d"),
};

const fn retry_keys(max_age: &'static str) -> [Key; 4] {
    [
        key("list", Takes::Names, "", "Every pause, one after the other; instead of `first` and `cap`."),
        key("first", DURATION, "1s", "The first pause; each next one is twice as long."),
        key("cap", DURATION, "10m", "The longest pause."),
        key("max_age", DURATION, max_age, "What failed for longer becomes a dead letter."),
    ]
}

const CIRCUIT: Mapping = Mapping {
    name: "connections.<name>.delivery.circuit",
    doc: "When a target counts as failing as a whole, and how it is probed.",
    keys: &[
        key("cap", DURATION, "5m", "The longest pause before a probe."),
        key("first", DURATION, "5s", "The first pause; each next one is twice as long."),
        key("failures", count(1000), "5", "So many failures in a row open it."),
    ],
};

const BULK: Mapping = Mapping {
    name: "connections.<name>.delivery.bulk",
    doc: "What replays, imports and repairs may use beside live traffic.",
    keys: &[
        key("concurrency", count(1000), "1", "Actions at the same time."),
        key("per_second", PER_SECOND, "a fifth of the lane's", "Requests a second."),
    ],
};

const LOOPS: Mapping = Mapping {
    name: "connections.<name>.delivery.loops",
    doc: "So many actions on one object are in order within so much time.",
    keys: &[key("actions", count(100_000), "30", "So many."), key("within", DURATION, "10m", "In so long.")],
};

const LIMIT: Mapping = Mapping {
    name: "connections.<name>.delivery.limits.<name>",
    doc: "A limit: so many requests in a window. One of the vendor's needs only what differs.",
    keys: &[
        key("window", Takes::Word(&["second", "minute", "hour", "day", "month"]), "", "The window."),
        key(
            "calls",
            Takes::Kind(SettingKind::Integer { min: 1, max: 1_000_000_000_000 }),
            "",
            "Requests in a window; with a price: those that cost nothing.",
        ),
        key("scope", Takes::Word(&["connection", "egress", "application"]), "connection", "Who shares it."),
        key("class", TEXT, "all", "Only requests of this class: `write`, `read`, `poll`, `login`, …"),
        key(
            "share",
            Takes::Form("part, such as `40%` or `0.4`", "^[0-9.]+%?$"),
            "an equal part",
            "This connection's part of a limit that others share.",
        ),
        key("time_zone", Takes::Kind(SettingKind::Zone), "the connection's", "Whose hours, days and months."),
        key(
            "on_exhausted",
            Takes::Word(&["continue", "pause", "drop_optional"]),
            "`continue` with a price, else `pause`",
            "What happens when `calls` are used up.",
        ),
        key(
            "max_calls",
            Takes::Kind(SettingKind::Integer { min: 1, max: 1_000_000_000_000 }),
            "",
            "Never more, whatever they cost.",
        ),
        key("budget", AMOUNT, "", "Never dearer, in the currency of the price."),
        key("warn_at", Takes::Names, "[80%, 100%]", "Percent of `calls` at which the log warns."),
        key("price", Takes::Map(&PRICE), "", "What more than `calls` costs."),
    ],
};

const PRICE: Mapping = Mapping {
    name: "connections.<name>.delivery.limits.<name>.price",
    doc: "What more than the free calls costs.",
    keys: &[
        key(
            "block",
            Takes::Kind(SettingKind::Integer { min: 1, max: 1_000_000_000_000 }),
            "",
            "So many calls are paid for at once.",
        ),
        key("amount", AMOUNT, "", "For one block."),
        key("currency", Takes::Form("ISO 4217 code", "^[A-Z]{3}$"), "", "Its currency."),
        key("vat", Takes::Word(&["excluded", "included"]), "excluded", "Whether the amount holds the VAT."),
        key(
            "charged",
            Takes::Word(&["started", "full"]),
            "started",
            "When a block is paid for: with its first call, or when it is used up.",
        ),
    ],
};

/// A mapping table.
const LOOKUP: Mapping = Mapping {
    name: "lookups.<name>",
    doc: "A mapping table: what `lookup(\"name\", value)` gives.",
    keys: &[
        needed(
            "rows",
            Takes::Rows,
            "From values to what they become. As a text: a JSON object, whose quotes may be typographic.",
        ),
        key(
            "missing",
            Takes::Word(&["error", "skip", "default"]),
            "`error`, or `default` where there is one",
            "What becomes of a value without a row: the event becomes a dead letter, the step is left out, or `default` is taken.",
        ),
        key("default", TEXT, "", "What a value without a row becomes."),
    ],
};

/// A flow.
pub const FLOW: Mapping = Mapping {
    name: "flows.<name>",
    doc: "A rule: on which event, when, do what.",
    keys: &[
        needed("on", Takes::EventTypes, "The types of events, all about one kind of thing."),
        key("from", Takes::Names, "any", "Only events of these connections."),
        key("when", Takes::Condition, "always", "Only events of which this is true."),
        key(
            "start",
            Takes::Form("day or time", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$"),
            "",
            "Facts since then fire it; by itself those since it came into force.",
        ),
        needed("do", Takes::List(&STEP), "What to do: steps."),
        key("was", Takes::Names, "", "Earlier names, the first one first: after a rename nothing is done again."),
        key(
            "volume",
            VOLUME,
            "its connections'",
            "How often it fires: whether the targets' limits allow for it is then checked.",
        ),
        key(
            "allow",
            Takes::Names,
            "",
            "Codes of warnings that are meant: `flows-disagree`, `odd-quotes`, `over-quota`, `plain-expression`.",
        ),
    ],
};

/// What stands beside a step's operation.
pub const STEP: Mapping = Mapping {
    name: "flows.<name>.do[]",
    doc: "A step: `connection.operation:` with its parameters (see the page of connectors), and beside it:",
    keys: &[
        key(
            "name",
            Takes::Form("name", "^[a-z][a-z0-9_]*$"),
            "`connection.operation`",
            "What later steps know it by: `steps.<name>.<result>`.",
        ),
        key(
            "on_refusal",
            Takes::Word(&["stop", "go_on"]),
            "stop",
            "When the vendor refuses it: are steps that wait for it done?",
        ),
        key("optional", FLAG, "false", "It may be left out when a quota is used up."),
        key("when", Takes::Condition, "always", "Only then."),
        key("hold", HOLD, "", "Its actions wait until a person has agreed: `spojka approve`."),
        key(
            "preflight",
            Takes::MapOr(&PREFLIGHT, "off"),
            "the connection's",
            "What is checked before it writes an order or an invoice.",
        ),
        key(
            "use",
            Takes::Names,
            "",
            "Field sets: their parameters, where the step itself does not give them. A later set wins over an earlier one.",
        ),
        key("was", Takes::Names, "", "Earlier names, the first one first."),
    ],
};

const BODY: Takes = Takes::Anything("mapping by the schema of events");
const EXPECTED: Takes = Takes::Anything("list of `connection.operation: { parameters }`");

const TEST: Mapping = Mapping {
    name: "tests.<name>",
    doc: "An event or a webhook in, the expected actions out. What is not named in an expected action is not looked at.",
    keys: &[
        key("flow", TEXT, "all", "Only what this flow does is looked at."),
        key("event", Takes::Map(&TEST_EVENT), "", "An event; or:"),
        key("webhook", Takes::Map(&TEST_WEBHOOK), "", "A raw webhook."),
        key("results", Takes::Anything("mapping by steps"), "", "What steps are said to have returned."),
        key("expect", EXPECTED, "", "The actions, in any order; `[]` for none."),
        key("cases", Takes::List(&TEST_CASE), "", "The same with changes, case by case."),
    ],
};

const TEST_EVENT: Mapping = Mapping {
    name: "tests.<name>.event",
    doc: "An event by the schema's names.",
    keys: &[
        key("type", Takes::EventTypes, "", "Its type."),
        key("from", TEXT, "", "The connection that it comes from."),
        key("time", TEXT, "", "When it became true."),
        key("body", BODY, "", "What it says."),
    ],
};

const TEST_WEBHOOK: Mapping = Mapping {
    name: "tests.<name>.webhook",
    doc: "A webhook as the vendor sends it.",
    keys: &[
        key("from", TEXT, "", "The connection that it comes from."),
        key("method", TEXT, "POST", "Its method."),
        key("event", TEXT, "", "The event that the URL names."),
        key("at", TEXT, "", "When it arrives."),
        key("headers", Takes::Texts, "", "Its headers."),
        key("query", Takes::Texts, "", "The URL's query."),
        key("replies", Takes::Anything("mapping by the purpose of a fetch"), "", "What is fetched for it."),
        key("body", Takes::Anything("text, or JSON as YAML"), "", "Its body; or:"),
        key("file", TEXT, "", "The file that holds its body."),
    ],
};

const TEST_CASE: Mapping = Mapping {
    name: "tests.<name>.cases[]",
    doc: "A case: the test with some values changed.",
    keys: &[
        key("name", TEXT, "", "What it is called."),
        key("set", Takes::Anything("mapping from a field's path to its value"), "", "What is changed."),
        key("results", Takes::Anything("mapping by steps"), "the test's", "What steps are said to have returned."),
        key("expect", EXPECTED, "the test's", "The actions, in any order."),
    ],
};

const PREFLIGHT: Mapping = Mapping {
    name: "connections.<name>.preflight",
    doc: "What is checked before an order or an invoice is written. Only what is told is checked.",
    keys: &[
        key("totals", STRICTNESS, "refuse", "Lines, taxes and totals add up."),
        key(
            "tolerance",
            AMOUNT,
            "what rounding explains",
            "The most that a sum may differ, in the document's currency.",
        ),
        key("company_ids", STRICTNESS, "warn", "The form and the check digits of company and VAT ids."),
        key("tax_codes", Takes::Names, "any", "The tax codes or rates that the target knows."),
    ],
};

/// Every mapping, in the order of the reference.
pub fn mappings() -> Vec<&'static Mapping> {
    let mut all = vec![&CONFIG];
    let mut at = 0;
    while let Some(mapping) = all.get(at).copied() {
        let inner = mapping.keys.iter().filter_map(|key| match key.takes {
            Takes::Map(inner)
            | Takes::MapOr(inner, _)
            | Takes::List(inner)
            | Takes::Named(inner)
            | Takes::NamedOr(inner, _) => Some(inner),
            _ => None,
        });
        all.extend(inner);
        at += 1;
    }
    all.sort_by_key(|mapping| (mapping.name != CONFIG.name, mapping.name));
    all.dedup_by_key(|mapping| mapping.name);
    all
}

impl Takes {
    /// For people.
    pub fn describe(self) -> String {
        match self {
            Self::Kind(kind) => kind.describe(),
            Self::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
            Self::Form(form, _) => form.to_owned(),
            Self::Condition => "condition in CEL".to_owned(),
            Self::Names => "one text or a list".to_owned(),
            Self::EventTypes => "one event type or a list".to_owned(),
            Self::Map(_) => "mapping".to_owned(),
            Self::MapOr(_, word) => format!("mapping, or `{word}`"),
            Self::Named(_) => "mapping by names".to_owned(),
            Self::NamedOr(_, word) => format!("mapping by names; each may be `{word}`"),
            Self::List(_) => "list of mappings".to_owned(),
            Self::Texts => "mapping of texts".to_owned(),
            Self::Anything(what) => what.to_owned(),
            Self::Rows => "mapping of texts, or a JSON object as text".to_owned(),
            Self::NamedParameters => "parameters by names".to_owned(),
            Self::Defaults => "parameters, or parameters by operations".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::load_one;

    /// A config in which a mapping holds a key that nobody knows.
    fn with_unknown_key(mapping: &Mapping) -> String {
        let path = if mapping.name == CONFIG.name { "" } else { mapping.name };
        let mut text = "zzzzzzzzzzzz: 1".to_owned();
        let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
        for (at, part) in parts.iter().enumerate().rev() {
            let (name, list) = part.strip_suffix("[]").map_or((*part, false), |name| (name, true));
            let name = if name == "<name>" { "crm" } else { name };
            let vendor =
                if at == 1 && parts.first() == Some(&"connections") { "crm: { token: env:CRM_TOKEN }, " } else { "" };
            text = if list { format!("{name}: [{{ {text} }}]") } else { format!("{name}: {{ {vendor}{text} }}") };
        }
        text
    }

    fn known(mapping: &Mapping) -> Vec<String> {
        let text = with_unknown_key(mapping);
        let report = load_one(&text).expect_err("a key that nobody knows").problems;
        let problem = report.iter().find(|problem| problem.message.contains("zzzzzzzzzzzz"));
        let hint = problem.and_then(|problem| problem.hint.clone()).unwrap_or_else(|| panic!("{text}\n{report:?}"));
        hint.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_list_is_what_the_readers_take() {
        // Their unknown keys are taken for a vendor, or read as an operation's.
        for mapping in mappings().into_iter().filter(|mapping| mapping.name != CONNECTION.name) {
            let mut listed: Vec<&str> = mapping.keys.iter().map(|key| key.name).collect();
            let mut known = known(mapping);
            listed.sort_unstable();
            known.sort_unstable();
            assert_eq!(known, listed, "{}", mapping.name);
        }
    }

    #[test]
    fn beside_a_vendor_stands_what_is_listed() {
        let mut listed: Vec<&str> = CONNECTION.keys.iter().map(|key| key.name).collect();
        listed.sort_unstable();
        assert_eq!(listed, crate::config::connections::BESIDE);
    }
}
