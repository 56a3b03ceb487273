//! What is asked.

use std::fmt;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::place::Exchange;
use crate::{Error, Secret};

/// A request whose body, if it has one, is small and can be sent again.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A request without headers of its own and without a body.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A GET.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Adds a header (lower-case name); a second one of the same name is added, not put in its place.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Self, Error> {
        self.headers.append(HeaderName::from_static(name), header_value(name, value)?);
        Ok(self)
    }

    /// Sets `Authorization`, whole (`Basic …`, `Bearer …`). It stays on the request's own origin: a
    /// redirect to another scheme, host or port goes without.
    pub fn authorization(mut self, value: &Secret) -> Result<Self, Error> {
        let mut value = header_value("the credential", value.expose())?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Bytes::from(body.into());
        self
    }

    /// The same request for another address.
    #[must_use]
    pub fn at(&self, url: Url) -> Self {
        Self { url, ..self.clone() }
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How messages call it.
    pub fn exchange(&self) -> Exchange {
        Exchange::new(&self.method, &self.url)
    }
}

fn header_value(what: &str, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|_| Error::Unsendable {
        what: what.to_owned(),
        reason: "it has characters that no HTTP header may have".to_owned(),
    })
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} bytes)", self.exchange(), self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_that_is_no_header_is_refused_without_showing_it() {
        let request = Request::get("http://localhost/?token=t0p".parse().unwrap());
        assert_eq!(format!("{request:?}"), "Request(GET http://localhost/, 0 bytes)");
        let error = request.authorization(&Secret::new("Bearer hunter2\r\nX: y")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
