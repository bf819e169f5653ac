//! The two forms in which a call arrives: a JSON body, or JSON in the field `json` of a multipart form.

use serde_json::{Map, Value};

use crate::connectors::contract::sandbox::SandboxRequest;

/// The envelope of a call.
pub(super) fn envelope(request: &SandboxRequest) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(&request.body).map_err(|_| "the body must be UTF-8".to_owned())?;
    let kind = request.headers.get("content-type").unwrap_or("");
    let json = match kind.strip_prefix("multipart/form-data") {
        Some(parameters) => field_json(parameters, text).ok_or("the form lacks the field `json`")?,
        None => text,
    };
    match serde_json::from_str(json) {
        Ok(Value::Object(envelope)) => Ok(envelope),
        _ => Err("the body must be a JSON object".to_owned()),
    }
}

fn field_json<'a>(parameters: &str, text: &'a str) -> Option<&'a str> {
    let boundary = parameters.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let part = text.split(delimiter.as_str()).find(|part| part.contains("name=\"json\""))?;
    let (_, content) = part.split_once("\r\n\r\n")?;
    content.strip_suffix("\r\n")
}
