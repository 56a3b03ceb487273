//! `WWW-Authenticate`: what a registry wants to see before it answers.

/// Longer headers are cut: nothing sensible is behind that.
const LONGEST_HEADER: usize = 16 * 1024;

/// One challenge (*RFC 9110, 11.6.1*). Scheme and parameter names in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All challenges of one header. What cannot be understood ends the list; what came before it
    /// counts.
    pub(super) fn parse(header: &str) -> Vec<Self> {
        let end = header.char_indices().map(|(at, _)| at).find(|at| *at > LONGEST_HEADER);
        let mut text = Scanner(&header[..end.unwrap_or(header.len())]);
        let mut challenges: Vec<Self> = Vec::new();
        loop {
            text.skip(|c| c.is_ascii_whitespace() || c == ',');
            let Some(word) = text.token() else { return challenges };
            text.skip(|c| c.is_ascii_whitespace());
            // `word =` continues the challenge before it; a word alone begins the next one.
            if !text.eat('=') {
                challenges.push(Self { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                continue;
            }
            text.skip(|c| c.is_ascii_whitespace());
            let value = if text.eat('"') { text.quoted() } else { text.token().map(str::to_owned) };
            let (Some(value), Some(challenge)) = (value, challenges.last_mut()) else {
                return challenges;
            };
            challenge.parameters.push((word.to_ascii_lowercase(), value));
        }
    }
}

struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(what);
    }

    fn eat(&mut self, what: char) -> bool {
        let rest = self.0.strip_prefix(what);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// *RFC 9110, 5.6.2*, and the characters that servers leave unquoted although they should not.
    fn token(&mut self) -> Option<&'a str> {
        let inside = |c: char| c.is_ascii_graphic() && !matches!(c, ',' | '"' | '=');
        let end = self.0.find(|c| !inside(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// *RFC 9110, 5.6.4*, behind the opening quote. `None` where the closing one is missing.
    fn quoted(&mut self) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.0.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(chars.next()?.1),
                other => value.push(other),
            }
        }
        self.0 = "";
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_registries_send_is_understood() {
        let header = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push",error="invalid_token""#;
        let challenges = Challenge::parse(header);
        assert_eq!(challenges.len(), 1);
        let bearer = &challenges[0];
        assert_eq!(bearer.scheme, "bearer");
        assert_eq!(bearer.parameter("realm"), Some("https://auth.example/token"));
        assert_eq!(bearer.parameter("scope"), Some("repository:a/b:pull,push"));
        assert_eq!(bearer.parameter("absent"), None);
    }

    #[test]
    fn several_challenges_share_a_header() {
        let challenges = Challenge::parse(
            r#"BASIC realm="a \"b\", c", charset=UTF-8, Negotiate, Bearer Realm = x"#,
        );
        let schemes: Vec<&str> = challenges.iter().map(|c| c.scheme.as_str()).collect();
        assert_eq!(schemes, ["basic", "negotiate", "bearer"]);
        assert_eq!(challenges[0].parameter("realm"), Some(r#"a "b", c"#));
        assert_eq!(challenges[0].parameter("charset"), Some("UTF-8"));
        assert_eq!(challenges[2].parameter("realm"), Some("x"));
    }

    #[test]
    fn broken_headers_end_where_they_break() {
        for (header, count) in
            [("", 0), ("=", 0), ("\"", 0), ("a=b", 0), ("Basic realm=\"x", 1), ("Basic =", 0)]
        {
            let challenges = Challenge::parse(header);
            assert_eq!(challenges.len(), count, "{header}");
            assert!(challenges.iter().all(|c| c.parameters.is_empty()), "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_survived(header in any::<String>(), odd in "[ ,=\"\\\\aé]{0,40}") {
            Challenge::parse(&header);
            Challenge::parse(&format!("Bearer realm=\"{odd}"));
            Challenge::parse(&odd);
        }
    }
}
