//! TLS and logins towards the brokers.

use std::path::PathBuf;

use rdkafka::ClientConfig;

use crate::{
    log::{LogError, LogResult},
    model::secret::Secret,
};

/// How to reach brokers that are not open to everybody.
#[derive(Clone, Debug)]
pub struct Security {
    pub protocol: Protocol,
    /// The authority that signed the brokers' certificates, in PEM; without it the system's.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key, in PEM.
    pub client: Option<ClientCertificate>,
    pub login: Option<Login>,
}

/// What stands between us and a broker's listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl Protocol {
    fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    fn encrypts(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    fn logs_in(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// The certificate with which we present ourselves.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    pub key_password: Option<Secret>,
}

/// User and password.
#[derive(Clone, Debug)]
pub struct Login {
    pub mechanism: Mechanism,
    pub user: String,
    pub password: Secret,
}

/// How a password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Security {
    /// Sets what it says.
    pub(super) fn apply(&self, config: &mut ClientConfig) -> LogResult<()> {
        self.check()?;
        config.set("security.protocol", self.protocol.as_str());
        if let Some(file) = &self.ca_file {
            config.set("ssl.ca.location", file.to_string_lossy());
        }
        if let Some(client) = &self.client {
            config.set("ssl.certificate.location", client.certificate_file.to_string_lossy());
            config.set("ssl.key.location", client.key_file.to_string_lossy());
            if let Some(password) = &client.key_password {
                config.set("ssl.key.password", password.expose());
            }
        }
        if let Some(login) = &self.login {
            config
                .set("sasl.mechanism", login.mechanism.as_str())
                .set("sasl.username", &login.user)
                .set("sasl.password", login.password.expose());
        }
        Ok(())
    }

    fn check(&self) -> LogResult<()> {
        let scram = self.login.as_ref().is_some_and(|login| login.mechanism != Mechanism::Plain);
        let built = cfg!(any(feature = "kafka-tls", feature = "kafka-tls-vendored"));
        if (self.protocol.encrypts() || scram) && !built {
            return Err(LogError::Broken(
                "this build can speak neither TLS nor SCRAM to Kafka; hint: build with `--features kafka-tls`"
                    .to_owned(),
            ));
        }
        if self.protocol.logs_in() != self.login.is_some() {
            let wanted = if self.protocol.logs_in() { "needs" } else { "takes no" };
            return Err(LogError::Broken(format!(
                "the protocol `{}` {wanted} user and password",
                self.protocol.as_str()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(mechanism: Mechanism) -> Login {
        Login { mechanism, user: "u".to_owned(), password: Secret::new("p") }
    }

    fn refusal(protocol: Protocol, login: Option<Login>) -> Option<String> {
        let security = Security { protocol, ca_file: None, client: None, login };
        security.apply(&mut ClientConfig::new()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_login_and_its_protocol_belong_together() {
        let plain = || Some(login(Mechanism::Plain));
        assert!(refusal(Protocol::SaslPlaintext, None).is_some_and(|text| text.contains("needs user and password")));
        assert!(refusal(Protocol::Plaintext, plain()).is_some_and(|text| text.contains("takes no user")));
        assert_eq!(refusal(Protocol::SaslPlaintext, plain()), None);
    }

    #[cfg(not(any(feature = "kafka-tls", feature = "kafka-tls-vendored")))]
    #[test]
    fn a_build_without_tls_says_so() {
        for (protocol, login) in [(Protocol::Ssl, None), (Protocol::SaslPlaintext, Some(login(Mechanism::ScramSha512)))]
        {
            assert!(refusal(protocol, login).is_some_and(|text| text.contains("kafka-tls")));
        }
    }

    #[cfg(any(feature = "kafka-tls", feature = "kafka-tls-vendored"))]
    #[test]
    fn a_build_with_tls_sets_all_of_it() {
        let client = ClientCertificate {
            certificate_file: "/c.pem".into(),
            key_file: "/k.pem".into(),
            key_password: Some(Secret::new("k")),
        };
        let login = Some(login(Mechanism::ScramSha256));
        let security =
            Security { protocol: Protocol::SaslSsl, ca_file: Some("/ca.pem".into()), client: Some(client), login };
        let mut config = ClientConfig::new();
        security.apply(&mut config).expect("applied");
        for (name, value) in [
            ("security.protocol", "sasl_ssl"),
            ("ssl.ca.location", "/ca.pem"),
            ("ssl.certificate.location", "/c.pem"),
            ("ssl.key.location", "/k.pem"),
            ("ssl.key.password", "k"),
            ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
        ] {
            assert_eq!(config.get(name), Some(value), "{name}");
        }
    }
}
