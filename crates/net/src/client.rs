//! The client: one connection pool, one set of rules.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, COOKIE, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
};
use reqwest::{Method, Url};
use tokio::runtime::Runtime;

use crate::body::Body;
use crate::error::StreamError;
use crate::failure::Failure;
use crate::pace::{Pacer, transient_status};
use crate::place::{Exchange, authority, is_loopback, same_origin};
use crate::response::{Document, Head, Response};
use crate::settings::Settings;
use crate::stream::{self, Broken};
use crate::{Error, Request, tls};

/// An HTTP client. Cloning shares its connections; any number of threads may use it at once. Must not
/// be called from inside an asynchronous task, since it blocks.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    pacer: Pacer,
}

/// What bodies need after the client is gone.
pub(crate) struct Shared {
    http: reqwest::Client,
    runtime: Option<Runtime>,
    pub(crate) settings: Settings,
    /// Hosts that have answered, whatever they said.
    answered: Mutex<HashSet<String>>,
}

impl Shared {
    fn answered(&self) -> MutexGuard<'_, HashSet<String>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime().block_on(future)
    }

    pub(crate) fn spawn(
        &self,
        request: reqwest::Request,
    ) -> tokio::task::JoinHandle<Result<reqwest::Response, reqwest::Error>> {
        self.runtime().spawn(self.http.execute(request))
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken out only while this is dropped")
    }
}

impl Drop for Shared {
    /// Not the ordinary way, which would wait for a name look-up that nobody needs any more.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Client {
    /// Opens nothing yet; fails where a setting cannot be used.
    pub fn new(settings: Settings, pacer: Pacer) -> Result<Self, Error> {
        let fail = |what: &str, reason: String| Error::Setting { what: what.to_owned(), reason };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("net")
            .enable_all()
            .build()
            .map_err(|error| fail("the network", error.to_string()))?;
        let mut builder = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .tls_backend_preconfigured(tls::config(&settings.roots)?)
            .connect_timeout(settings.timeouts.connect)
            // Redirects are followed here, where each hop is checked.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy();
        for proxy in proxies(&settings)? {
            builder = builder.proxy(proxy);
        }
        let http = builder.build().map_err(|error| fail("a setting", error.to_string()))?;
        let shared =
            Arc::new(Shared { http, runtime: Some(runtime), settings, answered: Mutex::default() });
        Ok(Self { shared, pacer })
    }

    /// Policy, sleeper and jitter, for loops of the caller's own.
    pub fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// `http` for hosts (`name` or `name:port`) that may be spoken to without TLS, else `https`.
    pub fn scheme_for(&self, host: &str) -> &'static str {
        let url = Url::parse(&format!("http://{host}/"));
        if url.is_ok_and(|url| self.may_be_plain(&url)) { "http" } else { "https" }
    }

    /// Sends a request, follows its redirects, and tries again after connection errors and the statuses
    /// 408, 429 and 5xx. Whatever status comes last is `Ok`. A connection that is refused where nobody has
    /// answered before is tried once more only: nothing listens there, most likely because of a typing
    /// error, whereas a server that has answered may be restarting.
    pub fn send(&self, request: &Request) -> Result<Response, Error> {
        let attempts = self.pacer.policy().attempts.max(1);
        let mut attempt = 1;
        loop {
            let asked = match self.send_once(request) {
                Ok(response) if attempt < attempts && transient_status(response.status()) => {
                    response.head.retry_after()
                }
                Ok(mut response) => {
                    response.head.attempts = attempt;
                    return Ok(response);
                }
                Err(error) if attempt < self.patience(&error) && error.is_transient() => None,
                Err(error) => return Err(error.after(attempt)),
            };
            self.pacer.wait(attempt, asked);
            attempt += 1;
        }
    }

    /// How many attempts in all this failure is worth.
    fn patience(&self, error: &Error) -> u32 {
        let attempts = self.pacer.policy().attempts.max(1);
        match error {
            Error::NoAnswer { exchange, failure: Failure::Refused, .. }
                if !self.shared.answered().contains(exchange.authority()) =>
            {
                attempts.min(2)
            }
            _ => attempts,
        }
    }

    /// Opens a document and reads it whole, again from the start where its connection breaks in the
    /// middle. `open` does its own retries before the answer begins, as [`Client::send`] does.
    pub fn document<E: From<Error>>(
        &self,
        mut open: impl FnMut() -> Result<Response, E>,
        limit: u64,
    ) -> Result<Document, E> {
        let attempts = self.pacer.policy().attempts.max(1);
        let mut attempt = 1;
        loop {
            match open()?.into_document(limit) {
                Ok(document) => return Ok(document),
                Err(error) if attempt < attempts && error.is_transient() => {
                    self.pacer.wait(attempt, None);
                    attempt += 1;
                }
                Err(error) => return Err(error.after(attempt).into()),
            }
        }
    }

    /// Sends a request once and follows its redirects.
    pub fn send_once(&self, request: &Request) -> Result<Response, Error> {
        let mut hop = request.clone();
        for _ in 0..=self.shared.settings.redirects {
            let response = self.exchange(&hop, self.shared.settings.timeouts.stall)?;
            match next_hop(&hop, &response.head)? {
                None => return Ok(response),
                Some(next) => hop = next,
            }
        }
        Err(Error::Protocol {
            exchange: Box::new(request.exchange()),
            reason: format!("more than {} redirects", self.shared.settings.redirects),
        })
    }

    /// Sends `length` bytes of `body` (perhaps none, to close an upload), once and without following redirects: the bytes are gone when it
    /// fails, and only the caller can bring them again.
    pub fn send_stream(
        &self,
        request: &Request,
        body: &mut dyn Read,
        length: u64,
    ) -> Result<Response, StreamError> {
        if length == 0 {
            return Ok(self.exchange(request, self.shared.settings.timeouts.commit)?);
        }
        let exchange = request.exchange();
        let prepared = self.prepare(request)?;
        match stream::send(&self.shared, prepared, body, length) {
            Ok(response) => Ok(self.response(exchange, response)),
            Err(Broken::Source(error)) => Err(StreamError::Source(error)),
            Err(Broken::Line(failure)) => Err(no_answer(exchange, failure).into()),
        }
    }

    /// One request and the beginning of its answer, for which the server may take `patience`.
    fn exchange(&self, request: &Request, patience: Duration) -> Result<Response, Error> {
        let exchange = request.exchange();
        let mut prepared = self.prepare(request)?;
        if !request.body.is_empty() {
            *prepared.body_mut() = Some(request.body.clone().into());
        } else if [Method::POST, Method::PUT, Method::PATCH].contains(&request.method) {
            // Servers may insist on a length for these (RFC 9110, 8.6), even of nothing.
            prepared.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let timeouts = self.shared.settings.timeouts;
        // One limit for connecting, sending a small body and waiting for the answer to begin.
        let limit = timeouts.connect + patience;
        let answer = self.shared.block_on(async {
            tokio::time::timeout(limit, self.shared.http.execute(prepared)).await
        });
        match answer {
            Ok(Ok(response)) => Ok(self.response(exchange, response)),
            Ok(Err(error)) => Err(no_answer(exchange, Failure::of(error, timeouts.connect))),
            Err(_) => Err(no_answer(exchange, Failure::Stalled(patience))),
        }
    }

    fn prepare(&self, request: &Request) -> Result<reqwest::Request, Error> {
        self.check_transport(&request.method, &request.url)?;
        let mut prepared = reqwest::Request::new(request.method.clone(), request.url.clone());
        prepared.headers_mut().clone_from(&request.headers);
        Ok(prepared)
    }

    fn response(&self, exchange: Exchange, response: reqwest::Response) -> Response {
        self.shared.answered().insert(exchange.authority().to_owned());
        let head = Head {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            url: response.url().clone(),
            exchange: exchange.clone(),
            attempts: 1,
        };
        Response::new(head, Body::new(Arc::clone(&self.shared), exchange, response))
    }

    fn check_transport(&self, method: &Method, url: &Url) -> Result<(), Error> {
        let exchange = || Box::new(Exchange::new(method, url));
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.may_be_plain(url) => Ok(()),
            "http" => Err(Error::PlainHttp { exchange: exchange() }),
            _ => Err(Error::Protocol {
                exchange: exchange(),
                reason: "only http and https are spoken here".to_owned(),
            }),
        }
    }

    fn may_be_plain(&self, url: &Url) -> bool {
        is_loopback(url) || self.shared.settings.plain_http.contains(&authority(url))
    }
}

fn no_answer(exchange: Exchange, failure: Failure) -> Error {
    Error::NoAnswer { exchange: Box::new(exchange), failure, attempts: 1 }
}

fn proxies(settings: &Settings) -> Result<Vec<reqwest::Proxy>, Error> {
    let wanted = [(&settings.proxies.http, "http"), (&settings.proxies.https, "https")];
    let bypass = format!("localhost,127.0.0.0/8,::1,{}", settings.proxies.bypass);
    let mut proxies = Vec::new();
    for (url, scheme) in wanted {
        let Some(url) = url.as_ref().filter(|url| !url.is_empty()) else { continue };
        let proxy = match scheme {
            "http" => reqwest::Proxy::http(url.expose()),
            _ => reqwest::Proxy::https(url.expose()),
        };
        // The library's own message could repeat the URL, which may hold a password.
        let proxy = proxy.map_err(|_| Error::Setting {
            what: format!("the proxy for {scheme}"),
            reason: "it is no URL".to_owned(),
        })?;
        proxies.push(proxy.no_proxy(reqwest::NoProxy::from_string(&bypass)));
    }
    Ok(proxies)
}

/// *RFC 9110, 15.4*. Reads follow every redirect; other methods only those that keep the method, and
/// any request only with what it may show to the new origin.
fn next_hop(request: &Request, head: &Head) -> Result<Option<Request>, Error> {
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    let follows = match head.status {
        301..=303 => reads,
        307 | 308 => true,
        _ => false,
    };
    let Some(location) = head.headers.get(LOCATION).filter(|_| follows) else { return Ok(None) };
    let target = location.to_str().ok().and_then(|text| request.url.join(text).ok());
    let Some(mut url) = target else {
        return Err(head.protocol_error("it redirects to something that is no URL"));
    };
    // A server has no business choosing whom we log in as.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let mut next = request.clone();
    if !same_origin(&request.url, &url) {
        for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
            next.headers.remove(secret);
        }
    }
    next.url = url;
    Ok(Some(next))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("pacer", &self.pacer).finish_non_exhaustive()
    }
}
