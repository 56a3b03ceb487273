//! Lists that come in pages. *distribution-spec 1.1, Content Discovery, Listing Tags; RFC 8288*.

use lightship_net::{Head, Request, same_origin};
use serde::Deserialize;

use super::auth::Access;
use super::client::Registry;
use crate::Error;

/// A list of more pages than this is a loop.
const MOST_PAGES: u32 = 1000;

/// A page of tags; 4 MiB hold tens of thousands.
const LARGEST_PAGE: u64 = 4 * 1024 * 1024;

/// Together with the length of a tag this bounds the memory that a list can take.
const MOST_TAGS: usize = 1_000_000;

#[derive(Deserialize)]
struct TagList {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Registry {
    /// All tags of a repository, in the registry's order.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let request = Request::get(self.endpoint(repository, "tags/list"));
        let what = || format!("the list of tags of {}/{repository}", self.name());
        let mut tags = Vec::new();
        let listed = self.each_page(&request, repository, LARGEST_PAGE, |page| {
            let list: TagList = serde_json::from_slice(page)
                .map_err(|source| Error::Json { what: what(), source })?;
            tags.extend(list.tags.unwrap_or_default());
            if tags.len() > MOST_TAGS {
                return Err(Error::invalid(what(), format!("it has more than {MOST_TAGS}")));
            }
            Ok(())
        });
        match listed {
            Ok(()) => Ok(tags),
            Err(Error::Net(error)) => {
                Err(self.or_not_found(error, || format!("repository {repository}")))
            }
            Err(error) => Err(error),
        }
    }

    /// Hands the body of each page to `take`.
    pub(super) fn each_page(
        &self,
        first: &Request,
        repository: &str,
        largest: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let access = Access::pull(repository);
        let mut request = first.clone();
        for _ in 0..MOST_PAGES {
            let open = || match self.send(&request, &access)? {
                response if response.status() == 200 => Ok(response),
                refused => Err(self.refusal(refused)),
            };
            let page = self.net.document(open, largest)?;
            take(&page.bytes)?;
            match self.next_page(&request, &page.head)? {
                None => return Ok(()),
                Some(next) => request = next,
            }
        }
        Err(Error::invalid(first.exchange().to_string(), "its pages never end"))
    }

    fn next_page(&self, request: &Request, head: &Head) -> Result<Option<Request>, Error> {
        let Some(target) = head.headers("link").find_map(next_link) else { return Ok(None) };
        let url = head.url().join(target).ok().filter(|url| same_origin(url, self.base()));
        let url = url.ok_or_else(|| {
            head.protocol_error("its next page is somewhere else or nowhere at all")
        })?;
        Ok(Some(request.at(url)))
    }
}

/// The target of the link whose relation is `next`.
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (target, behind) = rest.split_once('<')?.1.split_once('>')?;
        let (parameters, more) = behind.split_once(',').unwrap_or((behind, ""));
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split(' ').any(|one| one.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        let cases = [
            (r#"</v2/a/tags/list?n=2&last=b>; rel="next""#, Some("/v2/a/tags/list?n=2&last=b")),
            ("<x>; rel=prev, <y>;title=\"t\" ; REL = \"last next\"", Some("y")),
            ("<x>; rel=\"nextish\"", None),
            ("<x>", None),
            ("rel=next", None),
            ("<x", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(next_link(header), expected, "{header}");
        }
    }
}
