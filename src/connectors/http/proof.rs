//! How a webhook proves where it comes from. Decided over raw bytes, in constant time; whatever is not proved is refused.

use super::settings::{Problems, duration, header_name, problem};
use crate::{
    connectors::{
        contract::{Refusal, Settings},
        kit::{
            hmac::{self, Encoding},
            standard_webhooks::{self as standard, Doubt, Key, Verifier, only},
        },
    },
    model::{
        code,
        http::{Headers, Inbound},
        secret::Secret,
        time::Timestamp,
    },
};

/// What is looked at.
pub(super) enum Proof {
    /// Signed as Standard Webhooks say.
    Standard { verifier: Verifier, keys: Vec<Key>, prefix: String },
    /// Signed by an HMAC of the body.
    Hmac { secrets: Vec<Secret>, header: String, encoding: Encoding, prefix: String, delivery: String },
    /// Only the URL's token, which is looked at in any case.
    Token { delivery: String },
}

impl Proof {
    /// Nothing where the connection has nothing to verify webhooks with, or where something is wrong.
    pub(super) fn read(settings: &Settings, problems: &mut Problems) -> Option<Self> {
        let (secrets, tokens) = (settings.secrets("secret"), settings.secrets("url_token"));
        let before = problems.len();
        if tokens.iter().any(|token| token.expose().is_empty()) {
            problems.push(problem("url_token", "the token is empty", "any long random text without `/`"));
        }
        let delivery = header_name(settings, "delivery_header", problems);
        let proof = match settings.text("scheme") {
            "token" => (!tokens.is_empty()).then_some(Self::Token { delivery }),
            "hmac" => Self::hmac(settings, delivery, problems),
            _ => Self::standard(settings, problems),
        };
        if problems.len() == before && proof.is_none() && !(secrets.is_empty() && tokens.is_empty()) {
            let setting = if settings.text("scheme") == "token" { "url_token" } else { "secret" };
            let hint = "`scheme` says how webhooks prove where they come from";
            problems.push(problem(setting, "it is what webhooks are verified with, and not given", hint));
        }
        proof
    }

    fn hmac(settings: &Settings, delivery: String, problems: &mut Problems) -> Option<Self> {
        let secrets = settings.secrets("secret").to_vec();
        if secrets.iter().any(|secret| secret.expose().is_empty()) {
            problems.push(problem("secret", "the secret is empty", "copy it from the sender"));
        }
        let encoding = if settings.text("signature_encoding") == "base64" { Encoding::Base64 } else { Encoding::Hex };
        let header = header_name(settings, "signature_header", problems);
        let prefix = settings.text("signature_prefix").to_owned();
        (!secrets.is_empty()).then_some(Self::Hmac { secrets, header, encoding, prefix, delivery })
    }

    fn standard(settings: &Settings, problems: &mut Problems) -> Option<Self> {
        let keys = keys(settings, "secret", problems);
        let prefix = header_name(settings, "header_prefix", problems);
        let verifier = Verifier::new(keys.clone(), &prefix, duration(settings, "tolerance"));
        (!keys.is_empty()).then_some(Self::Standard { verifier, keys, prefix })
    }

    /// The id of a delivery that is proved; nothing where its sender gives none.
    ///
    /// # Errors
    /// Why it is not let in.
    pub(super) fn check(&self, request: &Inbound) -> Result<Option<String>, Refusal> {
        match self {
            Self::Standard { verifier, .. } => verifier
                .verify(&request.headers, &request.body, request.received_at)
                .map(|id| Some(id.to_owned()))
                .map_err(refusal),
            Self::Hmac { secrets, header, encoding, prefix, delivery } => {
                let signature = only(&request.headers, header).map_err(refusal)?;
                let signature = signature.trim().strip_prefix(prefix.as_str()).ok_or(refusal(Doubt::Mismatch))?;
                let fits = hmac::verify_sha256(secrets, &request.body, signature, *encoding);
                if fits { Ok(named(request, delivery)) } else { Err(refusal(Doubt::Mismatch)) }
            }
            Self::Token { delivery } => Ok(named(request, delivery)),
        }
    }

    /// The headers that prove a webhook of our own making.
    pub(super) fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> Headers {
        let with_id = |headers: Headers, name: &str| if name.is_empty() { headers } else { headers.with(name, id) };
        match self {
            Self::Standard { keys, prefix, .. } => standard::sign(keys, prefix, id, now, body),
            Self::Hmac { secrets, header, encoding, prefix, delivery } => {
                let secret = secrets.first().map_or("", Secret::expose);
                let signature = encoding.write(&hmac::sha256(secret.as_bytes(), body));
                with_id(Headers::new().with(header, format!("{prefix}{signature}")), delivery)
            }
            Self::Token { delivery } => with_id(Headers::new(), delivery),
        }
    }
}

/// The keys that a setting's secrets are.
pub(super) fn keys(settings: &Settings, setting: &'static str, problems: &mut Problems) -> Vec<Key> {
    let mut keys = Vec::new();
    for secret in settings.secrets(setting) {
        match Key::read(secret) {
            Ok(key) => keys.push(key),
            Err(why) => {
                problems.push(problem(
                    setting,
                    why.to_string(),
                    "base64, such as `whsec_` and 32 random bytes in base64",
                ));
            }
        }
    }
    keys
}

fn named(request: &Inbound, header: &str) -> Option<String> {
    only(&request.headers, header).ok().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned)
}

fn refusal(doubt: Doubt) -> Refusal {
    match doubt {
        Doubt::Missing => Refusal { status: 401, code: code::SIGNATURE_MISSING },
        Doubt::Malformed => Refusal { status: 400, code: code::MALFORMED_REQUEST },
        Doubt::TooFar => Refusal { status: 401, code: code::TIME_MISMATCH },
        Doubt::Mismatch => Refusal { status: 401, code: code::SIGNATURE_MISMATCH },
    }
}
