//! The client against a server that misbehaves in every way we know.

mod support;

use std::io::{self, Read};
use std::time::{Duration, Instant};

use lightship_base::{Category, Diagnose as _};
use lightship_net::{Client, Error, Failure, Method, Proxies, Request, Secret, StreamError};
use support::{Reply, Server, client, client_with, impatient, settings};

fn ok(body: &str) -> Reply {
    Reply::Whole(200, &[], body.as_bytes().to_vec())
}

fn hints(error: &Error) -> String {
    error.hints().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn busy_servers_are_asked_again_when_they_say() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Whole(429, &["Retry-After: 7"], Vec::new()),
        1 => Reply::Whole(503, &["Retry-After: 99999"], Vec::new()),
        2 => Reply::Cut(10, Vec::new()),
        _ => ok("here"),
    });
    let (client, pauses) = client_with(settings());
    let open = || client.send(&Request::get(server.url("/x")));
    let document = client.document::<Error>(open, 100).unwrap();
    assert_eq!(document.bytes, b"here");
    let pauses = pauses.0.lock().unwrap().clone();
    assert_eq!(pauses[..2], [7, 30].map(Duration::from_secs));
    assert_eq!(pauses.len(), 3, "the body that broke was read again: {pauses:?}");
    assert_eq!(server.seen()[0].headers["user-agent"], "lightship-test/1");
}

#[test]
fn attempts_end_and_the_message_counts_them() {
    let server = Server::start(|_, _| Reply::Whole(502, &[], b"upstream is down".to_vec()));
    let response = client().send(&Request::get(server.url("/x?token=s3cret"))).unwrap();
    let error = response.into_error(|body| Some(String::from_utf8_lossy(body).into_owned()));
    let expected =
        format!("GET {} was answered 502 (upstream is down) (tried 5 times)", server.url("/x"));
    assert_eq!(error.to_string(), expected);
    assert_eq!((server.seen().len(), error.category()), (5, Category::Network));
    assert!(hints(&error).contains("try again later"));
}

#[test]
fn a_plain_no_is_not_asked_twice() {
    for status in [400, 401, 403, 404, 501] {
        let server = Server::start(move |_, _| Reply::Whole(status, &[], Vec::new()));
        assert_eq!(client().send(&Request::get(server.url("/"))).unwrap().status(), status);
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[test]
fn nobody_listening_is_said_so() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    drop(server);
    let error =
        client().send(&Request::get(format!("http://{address}/").parse().unwrap())).unwrap_err();
    assert!(
        matches!(error, Error::NoAnswer { failure: Failure::Refused, attempts: 2, .. }),
        "{error}"
    );
    assert!(hints(&error).contains(&address.to_string()));
    let nowhere = Request::get("https://no-such-host.invalid/".parse().unwrap());
    let error = client().send(&nowhere).unwrap_err();
    assert!(
        matches!(error, Error::NoAnswer { failure: Failure::Unresolved { .. }, .. }),
        "{error:?}"
    );
}

#[test]
fn a_server_that_has_answered_may_be_restarting() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url: lightship_net::Url =
        format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let once = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        io::Write::write_all(&mut stream, answer).unwrap();
    });
    let client = client();
    assert_eq!(client.send(&Request::get(url.clone())).unwrap().status(), 204);
    once.join().unwrap();
    let error = client.send(&Request::get(url)).unwrap_err();
    assert!(
        matches!(error, Error::NoAnswer { failure: Failure::Refused, attempts: 5, .. }),
        "{error:?}"
    );
}

#[test]
fn https_to_a_server_without_it_suggests_plain_http() {
    let server = Server::start(|_, _| ok(""));
    // It waits for a line; a TLS greeting has none, and its answer is what an HTTP server says to that.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let greeter = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut greeting = [0; 64];
        stream.read_exact(&mut greeting).unwrap();
        io::Write::write_all(&mut stream, b"HTTP/1.0 400 Bad Request\r\n\r\nplain only").unwrap();
    });
    let error = client()
        .send(&Request::get(format!("https://127.0.0.1:{port}/").parse().unwrap()))
        .unwrap_err();
    greeter.join().unwrap();
    assert!(
        matches!(error, Error::NoAnswer { failure: Failure::PlainHttpServer, attempts: 1, .. }),
        "{error:?}"
    );
    assert!(hints(&error).contains("--plain-http"), "{}", hints(&error));
    drop(server);
}

#[test]
fn plain_http_is_for_loopback_or_on_request() {
    let far = Request::get("http://registry.example:5000/v2/".parse().unwrap());
    let error = client().send(&far).unwrap_err();
    assert!(matches!(error, Error::PlainHttp { .. }), "{error:?}");
    assert!(
        hints(&error).contains("--plain-http") && hints(&error).contains("registry.example:5000")
    );
    let mut allowing = settings();
    allowing.plain_http.insert("registry.example:5000".into());
    let client = client_with(allowing).0;
    assert_eq!(client.scheme_for("registry.example:5000"), "http");
    assert_eq!(client.scheme_for("registry.example"), "https");
    assert_eq!(client.scheme_for("localhost:5000"), "http");
    assert_eq!(client.scheme_for("[::1]:5000"), "http");
    // A redirect does not get around it.
    let server = Server::start(|_, _| {
        Reply::Redirect(307, "Location: http://registry.example/x?s3cret".into())
    });
    let error = client.send(&Request::get(server.url("/"))).unwrap_err();
    assert!(matches!(error, Error::PlainHttp { .. }) && !format!("{error:?}").contains("s3cret"));
}

#[test]
fn a_credential_stays_with_its_origin() {
    let storage = Server::start(|_, _| Reply::Whole(403, &[], Vec::new()));
    let to_storage = format!("Location: {}", storage.url("/blob?X-Signature=s3cret"));
    let server = Server::start(move |_, asked| match asked.line.split(' ').nth(1) {
        Some("/start") => Reply::Redirect(302, "Location: next".into()),
        Some("/next") => Reply::Redirect(307, to_storage.clone()),
        _ => Reply::Whole(404, &[], Vec::new()),
    });
    let request = Request::get(server.url("/start"))
        .authorization(&Secret::new("Bearer hunter2"))
        .unwrap()
        .header("range", "bytes=5-")
        .unwrap();
    let error = client().send(&request).unwrap().into_error(|_| None);
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|asked| asked.headers["authorization"] == "Bearer hunter2"));
    let at_storage = &storage.seen()[0];
    assert!(!at_storage.headers.contains_key("authorization"));
    assert_eq!(at_storage.headers["range"], "bytes=5-");
    assert_eq!(at_storage.line, "GET /blob?X-Signature=s3cret HTTP/1.1");
    assert_eq!(error.to_string(), format!("GET {} was answered 403", storage.url("/blob")));
}

#[test]
fn redirects_end() {
    let server = Server::start(|_, _| Reply::Redirect(301, "Location: /again".into()));
    let error = client().send(&Request::get(server.url("/"))).unwrap_err();
    assert!(error.to_string().contains("more than 10 redirects"), "{error}");
    assert_eq!(server.seen().len(), 11);
    // What changes something is not sent elsewhere under another method.
    let post = Request::new(Method::POST, server.url("/"));
    assert_eq!(client().send(&post).unwrap().status(), 301);
}

#[test]
fn a_server_that_stops_sending_is_left() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Stall(100, b"some".to_vec()),
        _ => Reply::Silence,
    });
    let client = impatient();
    let started = Instant::now();
    let mut body = client.send(&Request::get(server.url("/"))).unwrap().into_body();
    let error = body.read_to_end(&mut Vec::new()).unwrap_err().downcast::<Error>().unwrap();
    assert!(matches!(error, Error::NoAnswer { failure: Failure::Stalled(_), .. }), "{error:?}");
    assert!(body.read(&mut [0; 8]).is_err(), "a body that broke never ends well");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn documents_have_a_largest_size() {
    let big = vec![7; 5000];
    for announced in [5000, u64::MAX] {
        let body = big.clone();
        let server = Server::start(move |_, _| Reply::Cut(announced, body.clone()));
        let client = client();
        let open = || client.send(&Request::get(server.url("/")));
        let error = client.document::<Error>(open, 4999).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        assert_eq!(client.document::<Error>(open, 5000).unwrap().bytes, big);
    }
}

fn upload(server: &Server, body: &mut dyn Read, length: u64) -> Result<u16, StreamError> {
    upload_by(&client(), server, body, length)
}

fn upload_by(
    client: &Client,
    server: &Server,
    body: &mut dyn Read,
    length: u64,
) -> Result<u16, StreamError> {
    let request = Request::new(Method::PUT, server.url("/upload?state=s3cret"));
    client.send_stream(&request, body, length).map(|response| response.status())
}

#[test]
fn an_upload_streams_with_its_length() {
    let server = Server::start(|_, _| Reply::Whole(201, &[], Vec::new()));
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(upload(&server, &mut &body[..], body.len() as u64).unwrap(), 201);
    let seen = server.seen();
    assert_eq!(seen[0].headers["content-length"], "3000000");
    assert!(seen[0].body == body);
    assert_eq!(upload(&server, &mut io::empty(), 0).unwrap(), 201);
    assert_eq!(server.seen()[1].headers["content-length"], "0");
}

#[test]
fn an_answer_before_the_end_of_an_upload_is_heard() {
    let server = Server::start(|_, _| Reply::Early(413));
    assert_eq!(upload(&server, &mut io::repeat(1), 1 << 30).unwrap(), 413);
}

#[test]
fn an_upload_that_nobody_takes_is_given_up() {
    for (reply, length) in [(true, 1_u64 << 30), (false, 1000)] {
        let server = Server::start(move |_, _| if reply { Reply::Deaf } else { Reply::Silence });
        let started = Instant::now();
        let error = upload_by(&impatient(), &server, &mut io::repeat(1), length).unwrap_err();
        let stalled = matches!(
            &error,
            StreamError::Net(Error::NoAnswer { failure: Failure::Stalled(_), .. })
        );
        assert!(stalled && !format!("{error:?}").contains("s3cret"), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn bytes_that_cannot_be_read_are_not_the_networks_fault() {
    let server = Server::start(|_, _| Reply::Whole(201, &[], Vec::new()));
    let error = upload(&server, &mut io::repeat(1).take(100_000), 200_000).unwrap_err();
    assert!(
        matches!(&error, StreamError::Source(e) if e.kind() == io::ErrorKind::UnexpectedEof),
        "{error:?}"
    );
}

#[test]
fn a_proxy_is_used_where_it_is_set_and_never_for_loopback() {
    let proxy = Server::start(|_, _| ok("through the proxy"));
    let near = Server::start(|_, _| ok("directly"));
    let mut with_proxy = settings();
    let address = format!("http://user:s3cret@127.0.0.1:{}", proxy.port());
    with_proxy.proxies = Proxies { http: Some(Secret::new(address)), ..Proxies::default() };
    with_proxy.plain_http.insert("far.example".into());
    assert!(!format!("{with_proxy:?}").contains("s3cret"));
    let client = client_with(with_proxy).0;
    let get = |url: lightship_net::Url| {
        let open = || client.send(&Request::get(url.clone()));
        String::from_utf8(client.document::<Error>(open, 100).unwrap().bytes).unwrap()
    };
    assert_eq!(get("http://far.example/x".parse().unwrap()), "through the proxy");
    assert_eq!(proxy.seen()[0].line, "GET http://far.example/x HTTP/1.1");
    assert_eq!(get(near.url("/")), "directly");
}

#[test]
fn many_threads_share_one_client() {
    let server = Server::start(|_, asked| ok(&asked.line));
    let client = client();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (client, server) = (&client, &server);
            scope.spawn(move || {
                for number in 0..10 {
                    let path = format!("/{thread}/{number}");
                    let open = || client.send(&Request::get(server.url(&path)));
                    let document = client.document::<Error>(open, 100).unwrap();
                    assert_eq!(document.bytes, format!("GET {path} HTTP/1.1").as_bytes());
                }
            });
        }
    });
    assert_eq!(server.seen().len(), 80);
}
