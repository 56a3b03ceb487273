//! One HTTP client for registries, indexes and downloads: retries, resumption, limits, credentials,
//! and no secret in any message.
//!
//! Callers block; the asynchronous engine underneath stays inside this room. It is there because a
//! stall has to be noticed in both directions (a server that stops sending, a server that stops
//! taking), which a blocking socket under a third-party client cannot do.
//!
//! Nothing is read from the environment: proxies, certificate authorities, credential files and the
//! seed of the jitter are handed in.

mod body;
mod client;
pub mod credentials;
pub mod docker_hub;
mod error;
mod failure;
mod pace;
mod place;
mod request;
mod response;
mod resume;
mod secret;
mod settings;
mod stream;
mod tls;

pub use body::Body;
pub use client::Client;
pub use error::{Error, StreamError};
pub use failure::Failure;
pub use pace::{Jitter, Pacer, RetryPolicy, Sleeper, ThreadSleeper};
pub use place::{Exchange, is_loopback, printable, same_origin};
pub use request::Request;
pub use reqwest::{Method, Url};
pub use response::{Document, Head, Response};
pub use resume::{Part, RangeAsk, Resumable, Validator, Want};
pub use secret::Secret;
pub use settings::{Proxies, Settings, Timeouts};
pub use tls::{Root, roots_from_pem};
