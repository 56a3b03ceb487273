//! `direct_url.json`: a distribution that came from an address instead of an index (*PEP 610*).

use serde::Deserialize;

/// Where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectUrl {
    /// The address, without the user and password that it may have carried.
    pub url: String,
    /// Whether the code is used where it lies (*PEP 660*): its files are not in the distribution.
    pub editable: bool,
    /// The commit, where it came from version control.
    pub commit: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    url: String,
    #[serde(default)]
    dir_info: DirInfo,
    #[serde(default)]
    vcs_info: VcsInfo,
}

#[derive(Deserialize, Default)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

#[derive(Deserialize, Default)]
struct VcsInfo {
    commit_id: Option<String>,
}

/// Reads the document.
pub fn parse_direct_url(bytes: &[u8]) -> Result<DirectUrl, serde_json::Error> {
    let document: Document = serde_json::from_slice(bytes)?;
    Ok(DirectUrl {
        url: without_credentials(&document.url),
        editable: document.dir_info.editable,
        commit: document.vcs_info.commit_id,
    })
}

/// Removes `user:password@` between the scheme and the host (*RFC 3986, 3.2*), and a query, which is
/// where signed addresses carry theirs.
fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editable_vcs_and_secrets() {
        let editable =
            parse_direct_url(br#"{"url":"file:///src/app","dir_info":{"editable":true}}"#).unwrap();
        assert!(editable.editable);
        let git = parse_direct_url(
            br#"{"url":"https://user:secret@git.example/r.git?token=secret","vcs_info":{"vcs":"git","commit_id":"abc"}}"#,
        )
        .unwrap();
        assert_eq!(git.url, "https://git.example/r.git");
        assert_eq!(git.commit.as_deref(), Some("abc"));
        assert_eq!(without_credentials("not an address"), "not an address");
        assert!(parse_direct_url(b"{}").is_err());
    }
}
