//! Credentials in a Dockerfile's variables and labels: everybody who has an image can read these.

/// Variables that steer installers while an image is built, and mean nothing when it runs. Addresses of
/// indexes with a password are among them more often than anywhere else.
const OF_INSTALLERS: [&str; 4] = ["PIP_", "UV_", "POETRY_", "TWINE_"];

/// What names of secrets have in them, or end with.
const SECRET_WORDS: [&str; 5] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];

/// Whether a variable or a label (`what`) of a Dockerfile goes into the image, and what to say about it.
/// The value is never said.
pub(super) fn judge(what: &str, name: &str, value: &str) -> (bool, Option<String>) {
    let of_builds =
        name == "DEBIAN_FRONTEND" || OF_INSTALLERS.iter().any(|it| name.starts_with(it));
    if of_builds {
        return (false, None);
    }
    if has_password(value) {
        let text = format!(
            "{what} {name} holds an address with a password and is left out: give it when the image runs"
        );
        return (false, Some(text));
    }
    let upper = name.to_ascii_uppercase();
    let secret = SECRET_WORDS.iter().any(|word| upper.contains(word)) || upper.ends_with("_KEY");
    let text = || {
        format!(
            "{what} {name} looks like a secret, and everybody who has the image can read it: give it when \
             the image runs"
        )
    };
    (true, (secret && !value.is_empty()).then(text))
}

/// Whether an address with a password or a token before its host stands in a text (*RFC 3986, section
/// 3.2.1*). A bare name before the host is no secret: `ssh://git@…`.
fn has_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let end = rest.find(|c: char| "/?#\"'".contains(c) || c.is_whitespace());
        let authority = &rest[..end.unwrap_or(rest.len())];
        let ssh = text[..at].ends_with("ssh");
        authority.rsplit_once('@').is_some_and(|(user, _)| {
            let password = user.split_once(':').map(|(_, password)| password);
            match password {
                Some(password) => !password.is_empty(),
                None => !ssh && !user.is_empty(),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_out_and_are_not_said() {
        for name in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "POETRY_HTTP_BASIC_X", "TWINE_PASSWORD"] {
            assert_eq!(judge("variable", name, "https://bob:pw@mirror.invalid/"), (false, None));
        }
        for value in [
            "postgres://bob:hunter2@db.invalid:5432/x",
            "https://hunter2@mirror.invalid",
            "a b=https://x:hunter2@mirror.invalid/y c",
            "ssh://git:hunter2@mirror.invalid",
        ] {
            let (stays, remark) = judge("variable", "WHERE", value);
            let remark = remark.expect(value);
            assert!(!stays && remark.contains("WHERE") && !remark.contains("hunter2"), "{remark}");
        }
        for value in ["https://mirror.invalid/@a:b", "ssh://git@mirror.invalid/x", "a@b", "://"] {
            assert_eq!(judge("label", "WHERE", value), (true, None), "{value}");
        }
        for name in ["API_TOKEN", "client_secret", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "A_KEY"]
        {
            let (stays, remark) = judge("variable", name, "hunter2");
            assert!(stays && remark.is_some_and(|text| !text.contains("hunter2")), "{name}");
        }
        assert_eq!(judge("variable", "MONKEY", "x"), (true, None));
        assert_eq!(judge("variable", "API_TOKEN", ""), (true, None));
    }
}
