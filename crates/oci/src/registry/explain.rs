//! What a registry says about its refusals.

use lightship_net::printable;
use serde::Deserialize;

/// *distribution-spec 1.1, Error Codes*.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Token servers answer in the shape of OAuth 2.0 (*RFC 6749, 5.2*) or with a bare `details`.
#[derive(Deserialize)]
struct TokenFailure {
    error_description: Option<String>,
    details: Option<String>,
    error: Option<String>,
}

/// More than a few are a flood.
const MOST_ERRORS: usize = 3;

/// The reasons in the body of a refusal, in one line: `NAME_UNKNOWN: repository name not known to
/// registry`. `None` where the body is something else (an HTML page, say).
pub(super) fn reason(body: &[u8]) -> Option<String> {
    if let Ok(document) = serde_json::from_slice::<Errors>(body) {
        let reasons: Vec<String> = document.errors.iter().take(MOST_ERRORS).map(one).collect();
        return Some(reasons.join("; ")).filter(|text| !text.is_empty());
    }
    let failure: TokenFailure = serde_json::from_slice(body).ok()?;
    let text = failure.error_description.or(failure.details).or(failure.error)?;
    Some(printable(&text, 200))
}

fn one(failure: &Failure) -> String {
    let code = printable(&failure.code, 60);
    let message = printable(&failure.message, 200);
    match (code.is_empty(), message.is_empty()) {
        (false, false) => format!("{code}: {message}"),
        (_, true) => code,
        (true, _) => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_own_words_are_found() {
        let cases: [(&str, Option<&str>); 7] = [
            (
                r#"{"errors":[{"code":"DENIED","message":"no\u001b[2J","detail":{"x":[1]}},{"code":"X"}]}"#,
                Some("DENIED: no\u{fffd}[2J; X"),
            ),
            (r#"{"errors":[{"message":"only words"}]}"#, Some("only words")),
            (r#"{"errors":[]}"#, None),
            (
                r#"{"details":"incorrect username or password"}"#,
                Some("incorrect username or password"),
            ),
            (r#"{"error":"invalid_grant","error_description":"expired"}"#, Some("expired")),
            ("<html>", None),
            ("", None),
        ];
        for (body, expected) in cases {
            assert_eq!(reason(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
