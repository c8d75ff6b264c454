//! Refusals that are not the envelope of the specification, read as if they were.

use serde_json::{Map, Value};

use super::{ErrorBody, ErrorCode, ErrorEntry};

/// How many characters of a page for people become a message.
const MAX_TEXT: usize = 256;

impl ErrorBody {
    /// Reads what a registry, a token service or a proxy said, in whatever form it said it. There
    /// are no errors in the result if it said nothing.
    ///
    /// Beside the envelope these are understood: one bare entry, `{"error": …}` of OAuth 2.0 and
    /// of Google, `{"details": …}`, `<Code>` and `<Message>` of S3. Of other text, such as a
    /// proxy's page in HTML, the first 256 characters outside tags are the message. The length of
    /// `bytes` is the caller's to limit.
    pub fn parse_any(bytes: &[u8]) -> Self {
        let errors = match serde_json::from_slice::<Value>(bytes) {
            Ok(Value::Object(mut object)) => match object.remove("errors") {
                Some(Value::Array(errors)) => errors.into_iter().filter_map(entry).collect(),
                _ => entry(Value::Object(object)).into_iter().collect(),
            },
            Ok(value) => entry(value).into_iter().collect(),
            Err(_) => markup(&String::from_utf8_lossy(bytes)).into_iter().collect(),
        };
        Self { errors }
    }
}

fn entry(value: Value) -> Option<ErrorEntry> {
    let mut object = match value {
        Value::Object(object) => object,
        Value::String(message) => return some_entry("", &message, Value::Null),
        _ => return None,
    };
    let detail = object.remove("detail").unwrap_or_default();
    match object.remove("error") {
        Some(inner @ Value::Object(_)) => return entry(inner),
        Some(Value::String(error)) => {
            let description = first_text(&object, &["error_description", "message"]);
            return if description.is_empty() {
                some_entry("", &error, detail)
            } else {
                some_entry(&error, &description, detail)
            };
        }
        _ => {}
    }
    let message = first_text(&object, &["message", "details"]);
    some_entry(&first_text(&object, &["code"]), &message, detail)
}

/// The first of the fields that is a text or a number and says something.
fn first_text(object: &Map<String, Value>, names: &[&str]) -> String {
    let text = |name: &&str| match object.get(*name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    names.iter().filter_map(text).find(|text| !text.is_empty()).unwrap_or_default()
}

fn some_entry(code: &str, message: &str, detail: Value) -> Option<ErrorEntry> {
    (!code.is_empty() || !message.is_empty() || !detail.is_null()).then(|| ErrorEntry {
        code: ErrorCode::from(code.to_owned()),
        message: message.to_owned(),
        detail,
    })
}

fn markup(text: &str) -> Option<ErrorEntry> {
    let element = |open: &str, close: &str| {
        let (content, _) = text.split_once(open)?.1.split_once(close)?;
        Some(plain(content))
    };
    let code = element("<Code>", "</Code>").unwrap_or_default();
    let message = element("<Message>", "</Message>").unwrap_or_else(|| plain(text));
    some_entry(&code, &message, Value::Null)
}

/// Text without tags and without control characters, blanks drawn together, cut at [`MAX_TEXT`].
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut length = 0;
    let mut inside_tag = false;
    for character in text.chars() {
        let character = match character {
            '<' => {
                inside_tag = true;
                ' '
            }
            '>' if inside_tag => {
                inside_tag = false;
                continue;
            }
            _ if inside_tag => continue,
            other if other.is_whitespace() || other.is_control() => ' ',
            other => other,
        };
        if character == ' ' && (plain.is_empty() || plain.ends_with(' ')) {
            continue;
        }
        if length == MAX_TEXT {
            break;
        }
        plain.push(character);
        length += 1;
    }
    plain.truncate(plain.trim_end().len());
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let body = ErrorBody::parse_any(text.as_bytes());
        body.errors.into_iter().map(|entry| (entry.code.into(), entry.message)).collect()
    }

    #[test]
    fn understands_what_registries_send() {
        for (text, code, message) in [
            (r#"{"errors":[{"code":"DENIED","message":"no"}]}"#, "DENIED", "no"),
            (r#"{"errors":[{"code":null,"message":"no","status":401}]}"#, "", "no"),
            (r#"{"errors":[{"code":401,"message":"no"}]}"#, "401", "no"),
            (r#"{"errors":["no"]}"#, "", "no"),
            (r#"{"code":"NAME_UNKNOWN","message":"no","detail":{}}"#, "NAME_UNKNOWN", "no"),
            (r#"{"error":"no"}"#, "", "no"),
            (r#"{"details":"no"}"#, "", "no"),
            (r#"{"error":"invalid_grant","error_description":"no"}"#, "invalid_grant", "no"),
            (r#"{"error":{"code":403,"message":"no","status":"X"}}"#, "403", "no"),
            ("\"no\"", "", "no"),
            (
                "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
                "AccessDenied",
                "no",
            ),
            (
                "<html>\r\n<head><title>502 Bad\u{1b} Gateway</title></head> nginx > 1</html>",
                "",
                "502 Bad Gateway nginx > 1",
            ),
            ("404 page not found\n", "", "404 page not found"),
        ] {
            assert_eq!(read(text), [(code.to_owned(), message.to_owned())], "{text}");
        }
    }

    #[test]
    fn nothing_said_is_no_error() {
        for text in ["", " \n", "{}", "null", "7", "[]", r#"{"errors":[]}"#, r#"{"errors":[{}]}"#] {
            assert!(read(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn keeps_the_detail() {
        let body = ErrorBody::parse_any(br#"{"errors":[{"code":"DENIED","detail":{"a":1}}]}"#);
        assert_eq!(body.errors[0].detail, serde_json::json!({"a": 1}));
    }

    #[test]
    fn cuts_a_long_page_short() {
        let page = "<p>".to_owned() + &"é".repeat(100_000);
        assert_eq!(read(&page), [(String::new(), "é".repeat(MAX_TEXT))]);
    }

    proptest! {
        #[test]
        fn never_panics_and_never_says_more_than_its_bound(bytes in any::<Vec<u8>>()) {
            let body = ErrorBody::parse_any(&bytes);
            prop_assert!(body.errors.len() <= bytes.len());
        }

        #[test]
        fn reads_the_envelope_as_the_strict_reader_does(
            entries in prop::collection::vec(("[A-Z_]{1,9}", "\\PC{1,9}"), 1..4)
        ) {
            let errors = entries.into_iter().map(|(code, message)| ErrorEntry {
                code: code.into(),
                message,
                detail: Value::Null,
            });
            let body = ErrorBody { errors: errors.collect() };
            let text = serde_json::to_vec(&body).expect("JSON");
            prop_assert_eq!(ErrorBody::parse_any(&text), body);
        }
    }
}
