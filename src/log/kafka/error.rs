//! What librdkafka's errors mean for the caller of the log.

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};

use crate::log::LogError;

/// The meaning of an error that has to do with a topic.
pub(super) fn of_topic(error: &KafkaError, topic: &str) -> LogError {
    match code(error) {
        Some(code) => of_code(code, topic),
        None => LogError::Broken(error.to_string()),
    }
}

/// The meaning of an error that has to do with no topic in particular.
pub(super) fn plain(error: &KafkaError) -> LogError {
    of_topic(error, "?")
}

/// The code behind an error, also where rdkafka's own look-up leaves it out.
pub(super) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    }
}

/// The meaning of an error code.
pub(super) fn of_code(code: Code, topic: &str) -> LogError {
    match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownTopicId => {
            LogError::NoSuchTopic(topic.to_owned())
        }
        // Right after a topic is made, a broker may know it without its partitions. (Topics with too few partitions are
        // found where they are made.)
        Code::UnknownPartition => LogError::Unavailable(format!("the topic `{topic}` has no such partition yet")),
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => LogError::TooLarge { topic: topic.to_owned() },
        Code::UnknownMemberId | Code::IllegalGeneration | Code::FencedInstanceId | Code::AssignmentLost => {
            LogError::Lost
        }
        code if is_lasting(code) => LogError::Broken(format!("kafka: {code}")),
        code => LogError::Unavailable(format!("kafka: {code}")),
    }
}

/// Waiting does not help: a person must change something.
fn is_lasting(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::SSL
            | Code::UnsupportedSASLMechanism
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::InvalidTopic
            | Code::InvalidArgument
            | Code::InvalidConfig
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::PolicyViolation
            | Code::BadMessage
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion
            | Code::InvalidGroupId
    )
}
