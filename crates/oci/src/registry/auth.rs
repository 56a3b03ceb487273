//! Being let in: Basic, or tokens from the server that the registry names
//! (*Docker Registry v2 authentication via central service*; its OAuth 2.0 form for refresh tokens).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lightship_base::Hint;
use lightship_net::credentials::Credential;
use lightship_net::{Error, Head, Method, Request, Response, Secret, Url};
use serde::Deserialize;

use super::challenge::Challenge;
use super::client::Registry;
use super::explain;

/// Real tokens have a few kilobytes.
const LARGEST_TOKEN_ANSWER: u64 = 1024 * 1024;

/// How token servers know us. Not a secret.
const CLIENT_ID: &str = "lightship";

/// What a request may need to be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Access {
    repository: String,
    push: bool,
    /// Another repository to read from, for mounting.
    from: Option<String>,
}

impl Access {
    pub(super) fn pull(repository: &str) -> Self {
        Self { repository: repository.to_owned(), push: false, from: None }
    }

    pub(super) fn push(repository: &str) -> Self {
        Self { repository: repository.to_owned(), push: true, from: None }
    }

    pub(super) fn mount(repository: &str, from: &str) -> Self {
        Self { repository: repository.to_owned(), push: true, from: Some(from.to_owned()) }
    }

    fn scopes(&self) -> Vec<String> {
        let actions = if self.push { "pull,push" } else { "pull" };
        let own = format!("repository:{}:{actions}", self.repository);
        let from = self.from.iter().map(|from| format!("repository:{from}:pull"));
        std::iter::once(own).chain(from).collect()
    }
}

/// What the registry wanted and what we have got for it.
#[derive(Default)]
pub(super) struct Auth(Mutex<State>);

#[derive(Default)]
struct State {
    demand: Option<Demand>,
    /// Whole values of `Authorization`.
    headers: HashMap<Access, Secret>,
    passed_over: Vec<String>,
}

#[derive(Clone)]
enum Demand {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

impl Auth {
    /// What to send along, as far as it is known what the registry wants. `None` before its first
    /// challenge, and where it wants none.
    pub(super) fn ready(
        &self,
        registry: &Registry,
        access: &Access,
    ) -> Result<Option<Secret>, Error> {
        let mut state = self.lock();
        if let Some(held) = state.headers.get(access) {
            return Ok(Some(held.clone()));
        }
        match state.demand.clone() {
            Some(demand) => state.obtain(registry, access, &demand, &access.scopes()),
            None => Ok(None),
        }
    }

    /// What to send instead of `refused`, which was answered with 401 and the challenge in `head`.
    /// `None` where we have nothing better. Threads that were refused together wait for the first one
    /// here and then share what it got.
    pub(super) fn renew(
        &self,
        registry: &Registry,
        access: &Access,
        refused: Option<&Secret>,
        head: &Head,
    ) -> Result<Option<Secret>, Error> {
        let mut state = self.lock();
        match state.headers.get(access) {
            Some(newer) if Some(newer) != refused => return Ok(Some(newer.clone())),
            _ => {
                state.headers.remove(access);
            }
        }
        let Some((demand, asked)) = demand(head) else { return Ok(None) };
        // The password was refused; it will not get better.
        if matches!(demand, Demand::Basic) && refused.is_some() {
            return Ok(None);
        }
        state.demand = Some(demand.clone());
        let mut scopes = access.scopes();
        // A registry may want more than we know of; our own list holds what later requests need.
        let more = asked.iter().flat_map(|text| text.split(' ')).filter(|scope| !scope.is_empty());
        scopes.extend(more.filter(|scope| !covered(&access.scopes(), scope)).map(str::to_owned));
        state.obtain(registry, access, &demand, &scopes)
    }

    /// Sources of credentials that could not be asked, for a hint.
    pub(super) fn passed_over(&self) -> Vec<String> {
        self.lock().passed_over.clone()
    }

    /// The state is only ever replaced whole, so that of a thread that panicked is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn obtain(
        &mut self,
        registry: &Registry,
        access: &Access,
        demand: &Demand,
        scopes: &[String],
    ) -> Result<Option<Secret>, Error> {
        let lookup = registry.keychain.lookup(registry.name(), &access.repository)?;
        for note in lookup.passed_over {
            if !self.passed_over.contains(&note) {
                self.passed_over.push(note);
            }
        }
        let header = match (demand, lookup.credential) {
            (_, Some(Credential::RegistryToken(token))) => Some(bearer(&token)),
            (Demand::Basic, Some(Credential::Basic { username, password })) => {
                Some(basic(&username, &password))
            }
            (Demand::Basic, Some(Credential::IdentityToken(_)) | None) => None,
            (Demand::Bearer { realm, service }, credential) => {
                let question = Question { realm, service: service.as_deref(), scopes };
                let token = question.ask(registry, credential.as_ref(), &self.passed_over)?;
                Some(bearer(&token))
            }
        };
        if let Some(header) = &header {
            self.headers.insert(access.clone(), header.clone());
        }
        Ok(header)
    }
}

/// The best challenge that we can meet, and the scope it names.
fn demand(head: &Head) -> Option<(Demand, Option<String>)> {
    let challenges: Vec<Challenge> =
        head.headers("www-authenticate").take(8).flat_map(Challenge::parse).collect();
    let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
    let tokens = of("bearer").and_then(|challenge| {
        let realm = challenge.parameter("realm")?.parse::<Url>().ok()?;
        let service = challenge.parameter("service").map(str::to_owned);
        let scope = challenge.parameter("scope").map(str::to_owned);
        Some((Demand::Bearer { realm, service }, scope))
    });
    tokens.or_else(|| of("basic").map(|_| (Demand::Basic, None)))
}

/// Whether `wanted` (`repository:a:pull`) is part of what `own` asks for.
fn covered(own: &[String], wanted: &str) -> bool {
    let Some((resource, actions)) = wanted.rsplit_once(':') else { return false };
    own.iter().filter_map(|scope| scope.rsplit_once(':')).any(|(ours, allowed)| {
        let allowed: Vec<&str> = allowed.split(',').collect();
        ours == resource && actions.split(',').all(|action| allowed.contains(&action))
    })
}

fn basic(username: &str, password: &Secret) -> Secret {
    let pair = format!("{username}:{}", password.expose());
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

/// What a token server is asked.
struct Question<'a> {
    realm: &'a Url,
    service: Option<&'a str>,
    scopes: &'a [String],
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Question<'_> {
    fn ask(
        &self,
        registry: &Registry,
        credential: Option<&Credential>,
        passed_over: &[String],
    ) -> Result<Secret, Error> {
        let request = match credential {
            Some(Credential::IdentityToken(token)) => self.refresh(token)?,
            Some(Credential::Basic { username, password }) => {
                self.get(Some(username)).authorization(&basic(username, password))?
            }
            Some(Credential::RegistryToken(_)) | None => self.get(None),
        };
        let open = || match registry.net.send(&request)? {
            response if response.status() == 200 => Ok(response),
            refused => Err(refused_token(registry, refused, passed_over)),
        };
        let document = registry.net.document(open, LARGEST_TOKEN_ANSWER)?;
        // The parser's message could quote the token.
        let answer: Option<Answer> = serde_json::from_slice(&document.bytes).ok();
        let token = answer.and_then(|answer| {
            let given = |token: Option<String>| token.filter(|token| !token.is_empty());
            given(answer.token).or_else(|| given(answer.access_token))
        });
        token
            .map(Secret::new)
            .ok_or_else(|| document.head.protocol_error("the token server's answer has no token"))
    }

    fn get(&self, account: Option<&str>) -> Request {
        let mut url = self.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(self.service.map(|service| ("service", service)));
            query.extend_pairs(self.scopes.iter().map(|scope| ("scope", scope)));
            query.extend_pairs(account.map(|account| ("account", account)));
        }
        Request::get(url)
    }

    /// *Docker Registry v2 `OAuth2` authentication*: a refresh token goes in the body, never in the URL.
    fn refresh(&self, token: &Secret) -> Result<Request, Error> {
        let mut form = self.realm.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", token.expose())
            .append_pair("client_id", CLIENT_ID)
            .append_pair("service", self.service.unwrap_or_default())
            .append_pair("scope", &self.scopes.join(" "));
        Ok(Request::new(Method::POST, self.realm.clone())
            .header("content-type", "application/x-www-form-urlencoded")?
            .body(form.query().unwrap_or_default()))
    }
}

/// The token server said no: as a rule because the password is wrong.
fn refused_token(registry: &Registry, response: Response, passed_over: &[String]) -> Error {
    let status = response.status();
    let mut error = response.into_error(explain::reason);
    if let Error::Status { hints, .. } = &mut error
        && matches!(status, 400..=403)
    {
        *hints = login_hints(registry.name(), passed_over);
    }
    error
}

/// What to do about a 401 or 403. Registries give them also where there is nothing of that name.
pub(super) fn login_hints(registry: &str, passed_over: &[String]) -> Vec<Hint> {
    let login = format!(
        "check the name; if it is right, log in with an account that may do this, for example with `docker login {registry}`"
    );
    std::iter::once(Hint::new(login)).chain(passed_over.iter().map(Hint::new)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_say_what_is_needed() {
        assert_eq!(Access::pull("a/b").scopes(), ["repository:a/b:pull"]);
        let mount = Access::mount("a/b", "c").scopes();
        assert_eq!(mount, ["repository:a/b:pull,push", "repository:c:pull"]);
        assert!(
            covered(&mount, "repository:a/b:push,pull") && covered(&mount, "repository:c:pull")
        );
        assert!(!covered(&mount, "repository:c:push") && !covered(&mount, "registry:catalog:*"));
        assert!(!covered(&mount, "nonsense"));
    }

    #[test]
    fn the_question_names_service_scopes_and_account() {
        let realm: Url = "https://auth.example/token?x=1".parse().unwrap();
        let scopes = Access::mount("a/b", "c").scopes();
        let question = Question { realm: &realm, service: Some("reg istry"), scopes: &scopes };
        assert_eq!(
            question.get(Some("me")).url().query().unwrap(),
            "x=1&service=reg+istry&scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%3Apull&account=me"
        );
        let refresh = question.refresh(&Secret::new("s3cret")).unwrap();
        assert_eq!(refresh.url(), &realm);
    }
}
