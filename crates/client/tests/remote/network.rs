//! The real network: TLS, names, proxies, and connections that let us down.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use oras_client::transport::{
    Body, ClientIdentity, Network, NetworkOptions, Proxies, Retrying, Transport as _, TrustRoots,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::chain;
use crate::server::{Server, reply, status};

fn get(url: &str) -> Request<Body> {
    Request::get(url).body(Body::empty()).expect("a request")
}

async fn text(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.expect("a whole body").to_bytes()
}

/// A certificate and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

fn key_der(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).expect("a key")
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect("a name")
}

fn self_signed(params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("signed").der().clone();
    Identity { certificate, key: key_der(&key) }
}

/// A certificate for `localhost` and the root that leads to it.
fn issued() -> (Identity, CertificateDer<'static>) {
    let mut root = params("root.example");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().expect("a key");
    let root_certificate = root.self_signed(&root_key).expect("signed").der().clone();
    let key = KeyPair::generate().expect("a key");
    let issuer = Issuer::from_params(&root, &root_key);
    let certificate = params("localhost").signed_by(&key, &issuer).expect("signed").der().clone();
    (Identity { certificate, key: key_der(&key) }, root_certificate)
}

fn trusting(root: &CertificateDer<'static>) -> NetworkOptions {
    let root = root.clone();
    let load = move || {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).expect("a root");
        Ok(roots)
    };
    NetworkOptions { roots: TrustRoots::new(load), ..NetworkOptions::default() }
}

/// A server with TLS that tells its version of HTTP and how many certificates it was shown.
async fn tls_server(identity: &Identity) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(Arc::new(anyone::Anyone))
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
        .expect("a certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tls_connection(acceptor.clone(), stream));
        }
    });
    address
}

async fn tls_connection(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let shown = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request: Request<hyper::body::Incoming>| async move {
        let answer = format!("{:?} {shown}", request.version());
        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(answer))))
    });
    let io = TokioIo::new(stream);
    if is_http2 {
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(builder.serve_connection(io, service).await);
    } else {
        drop(hyper::server::conn::http1::Builder::new().serve_connection(io, service).await);
    }
}

/// Takes certificates of clients, whoever they are of.
mod anyone {
    use rustls::client::danger::HandshakeSignatureValid;
    use rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, UnixTime};
    use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
    use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct Anyone;

    impl ClientCertVerifier for Anyone {
        fn client_auth_mandatory(&self) -> bool {
            false
        }

        fn root_hint_subjects(&self) -> &[DistinguishedName] {
            &[]
        }

        fn verify_client_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: UnixTime,
        ) -> Result<ClientCertVerified, Error> {
            Ok(ClientCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = ring::default_provider().signature_verification_algorithms;
            verify_tls12_signature(message, cert, dss, &algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = ring::default_provider().signature_verification_algorithms;
            verify_tls13_signature(message, cert, dss, &algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            ring::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
}

/// Says `GET https://localhost/`, or why not.
async fn say(options: NetworkOptions, address: SocketAddr) -> Result<Bytes, String> {
    let url = format!("https://localhost:{}/", address.port());
    match Network::new(options).send(get(&url)).await {
        Ok(response) => Ok(text(response).await),
        Err(error) => {
            let message = chain(&error);
            let prefix = format!("Get \"{url}\": ");
            Err(message.strip_prefix(&prefix).expect("what was tried").to_owned())
        }
    }
}

#[tokio::test]
async fn a_certificate_that_leads_to_a_root_is_good_and_http2_is_spoken() {
    let (identity, root) = issued();
    let address = tls_server(&identity).await;
    assert_eq!(say(trusting(&root), address).await, Ok("HTTP/2.0 0".into()));
}

#[tokio::test]
async fn a_root_may_be_a_servers_own_certificate() {
    let mut own = params("localhost");
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let identity = self_signed(&own);
    let address = tls_server(&identity).await;
    assert_eq!(say(trusting(&identity.certificate), address).await, Ok("HTTP/2.0 0".into()));

    let plain = self_signed(&params("localhost"));
    let address = tls_server(&plain).await;
    assert_eq!(say(trusting(&plain.certificate), address).await, Ok("HTTP/2.0 0".into()));
}

#[tokio::test]
async fn bad_certificates_are_refused_in_gos_words() {
    let verify = "tls: failed to verify certificate: x509: ";
    let (identity, root) = issued();
    let address = tls_server(&identity).await;
    let unknown = format!("{verify}certificate signed by unknown authority");
    let (_, another_root) = issued();
    assert_eq!(say(trusting(&another_root), address).await, Err(unknown.clone()));
    assert_eq!(say(NetworkOptions::default(), address).await, Err(unknown.clone()));

    let url = format!("https://127.0.0.1:{}/", address.port());
    let error = Network::new(trusting(&root)).send(get(&url)).await.expect_err("another name");
    let message = chain(&error);
    assert!(
        message.ends_with(&format!("{verify}certificate is valid for localhost, not 127.0.0.1")),
        "{message}"
    );

    for authority in [false, true] {
        let mut old = params("localhost");
        if authority {
            old.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        old.not_after = rcgen::date_time_ymd(2001, 1, 1);
        old.not_before = rcgen::date_time_ymd(2000, 1, 1);
        let identity = self_signed(&old);
        let address = tls_server(&identity).await;
        let expired = format!("{verify}certificate has expired or is not yet valid");
        assert_eq!(say(trusting(&identity.certificate), address).await, Err(expired));
    }

    let mut elsewhere = params("elsewhere.example");
    elsewhere.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let identity = self_signed(&elsewhere);
    let address = tls_server(&identity).await;
    let wrong = format!("{verify}certificate is valid for elsewhere.example, not localhost");
    assert_eq!(say(trusting(&identity.certificate), address).await, Err(wrong));
}

#[tokio::test]
async fn the_insecure_get_what_they_ask_for() {
    let identity = self_signed(&params("elsewhere.example"));
    let address = tls_server(&identity).await;
    let options = NetworkOptions { insecure: true, ..NetworkOptions::default() };
    assert_eq!(say(options, address).await, Ok("HTTP/2.0 0".into()));
}

#[tokio::test]
async fn a_certificate_of_our_own_is_shown_to_its_origin_only() {
    let (server, root) = issued();
    let own = self_signed(&params("client.example"));
    let (one, other) = (tls_server(&server).await, tls_server(&server).await);
    let mut options = trusting(&root);
    options.identity = Some(ClientIdentity {
        origin: format!("https://LOCALHOST:{}", one.port()).parse().expect("a URI"),
        chain: vec![own.certificate],
        key: own.key,
    });
    assert_eq!(say(options.clone(), one).await, Ok("HTTP/2.0 1".into()));
    assert_eq!(say(options, other).await, Ok("HTTP/2.0 0".into()));
}

#[tokio::test]
async fn a_server_without_tls_is_recognized() {
    let server = Server::start(|_| status(200)).await;
    let said = say(NetworkOptions::default(), server.address).await;
    assert_eq!(said, Err("http: server gave HTTP response to HTTPS client".to_owned()));
}

#[tokio::test]
async fn who_speaks_plain_http_never_loads_a_root() {
    let server = Server::start(|_| status(204)).await;
    let roots = TrustRoots::new(|| unreachable!("nobody asked for TLS"));
    let network = Network::new(NetworkOptions { roots, ..NetworkOptions::default() });
    let url = format!("http://{}/", server.address);
    assert_eq!(network.send(get(&url)).await.expect("an answer").status(), 204);
}

#[tokio::test]
async fn a_name_can_be_given_an_address() {
    let server = Server::start(|_| status(204)).await;
    let mut options = NetworkOptions::default();
    options.resolve.insert(("r.example".to_owned(), 5000), server.address);
    let response = Network::new(options).send(get("http://R.example:5000/")).await;
    assert_eq!(response.expect("an answer").status(), 204);
    assert_eq!(server.seen()[0].header("host"), Some("R.example:5000"));
}

#[tokio::test]
async fn names_that_lead_nowhere_and_schemes_we_do_not_speak_are_named() {
    // Longer than a label may be, so that no resolver is asked.
    let host = "a".repeat(64);
    let url = format!("http://{host}/");
    let error = Network::new(NetworkOptions::default()).send(get(&url)).await;
    let message = chain(&error.expect_err("no such host"));
    assert!(message.starts_with(&format!("Get \"{url}\": dial tcp: lookup {host}: ")), "{message}");
    let error = Network::new(NetworkOptions::default()).send(get("ftp://r.example/")).await;
    let message = chain(&error.expect_err("no such scheme"));
    assert!(message.contains("ftp"), "{message}");
}

/// A server that does with each connection what it is told.
async fn raw<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// Reads the head of a request.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn impatient() -> Network {
    Network::new(NetworkOptions {
        idle_timeout: Duration::from_millis(30),
        answer_timeout: Duration::from_millis(60),
        ..NetworkOptions::default()
    })
}

#[tokio::test]
async fn silence_is_not_waited_out() {
    let url = raw(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = impatient().send(get(&url)).await.expect_err("no answer");
    let why = "net/http: timeout awaiting response headers";
    assert_eq!(chain(&error), format!("Get \"{url}\": {why}"));
    let put = Request::put(&url).body(Body::from(Bytes::from_static(b"x"))).expect("a request");
    let error = impatient().send(put).await.expect_err("no answer");
    assert_eq!(chain(&error), format!("Put \"{url}\": {why}"));
}

#[tokio::test]
async fn a_body_that_stops_flowing_is_not_waited_out() {
    let url = raw(|mut stream| async move {
        head(&mut stream).await;
        let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc";
        stream.write_all(begun).await.expect("written");
        std::future::pending::<()>().await;
    })
    .await;
    let response = impatient().send(get(&url)).await.expect("a head");
    let error = response.into_body().collect().await.expect_err("no more");
    assert!(error.to_string().starts_with("i/o timeout"), "{error}");
}

#[tokio::test]
async fn a_far_side_that_stops_reading_is_not_waited_out() {
    let url = raw(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let chunk = Bytes::from(vec![0; 1 << 20]);
    let endless = futures_util::stream::repeat_with(move || {
        Ok::<_, std::io::Error>(http_body::Frame::data(chunk.clone()))
    });
    let put = Request::put(&url).body(Body::new(StreamBody::new(endless))).expect("a request");
    let error = impatient().send(put).await.expect_err("nobody reads");
    assert!(chain(&error).contains("i/o timeout"), "{}", chain(&error));
}

#[tokio::test]
async fn a_source_that_takes_its_time_is_not_the_networks_fault() {
    let server = Server::start(|_| status(201)).await;
    let slow = futures_util::stream::unfold(0, |count| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let frame = http_body::Frame::data(Bytes::from_static(b"x"));
        (count < 3).then_some((Ok::<_, std::io::Error>(frame), count + 1))
    });
    let url = format!("http://{}/", server.address);
    let put = Request::put(&url).body(Body::new(StreamBody::new(slow))).expect("a request");
    assert_eq!(impatient().send(put).await.expect("an answer").status(), 201);
    assert_eq!(server.seen()[0].body, "xxx");
}

#[tokio::test]
async fn the_error_of_a_source_is_the_error_of_the_request() {
    let server = Server::start(|_| status(201)).await;
    let broken = futures_util::stream::iter([
        Ok(http_body::Frame::data(Bytes::from_static(b"x"))),
        Err(oras_client::Error::new(oras_client::ErrorKind::Io, "the file has changed")),
    ]);
    let url = format!("http://{}/", server.address);
    let put = Request::put(&url).body(Body::new(StreamBody::new(broken))).expect("a request");
    let error = impatient().send(put).await.expect_err("no body");
    assert_eq!(error.kind(), oras_client::ErrorKind::Io);
    assert_eq!(error.to_string(), "the file has changed");
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_is_replaced_without_a_word() {
    let url = raw(|mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("written");
        // The next request on this connection is read, and not answered.
        head(&mut stream).await;
    })
    .await;
    let retrying = Retrying::new(Network::new(NetworkOptions::default()));
    for _ in 0..4 {
        let response = retrying.send(get(&url)).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let count = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&count);
    let url = raw(move |mut stream| {
        *counter.lock().expect("no panic") += 1;
        async move {
            while head(&mut stream).await.is_some() {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                stream.write_all(answer).await.expect("written");
            }
        }
    })
    .await;
    let network = Network::new(NetworkOptions::default());
    for _ in 0..10 {
        assert_eq!(text(network.send(get(&url)).await.expect("an answer")).await, "ok");
    }
    assert_eq!(*count.lock().expect("no panic"), 1);
}

#[tokio::test]
async fn plain_requests_go_through_a_proxy_whole() {
    let proxy = Server::start(|_| reply(200, &[], "through")).await;
    let address = format!("http://user:pass@{}", proxy.address);
    let proxies = Proxies::new(&address, "", "direct.example").expect("proxies");
    let network = Network::new(NetworkOptions { proxies, ..NetworkOptions::default() });
    let response = network.send(get("http://r.example/v2/?x=1")).await.expect("an answer");
    assert_eq!(text(response).await, "through");
    let seen = &proxy.seen()[0];
    assert_eq!(seen.line(), "GET http://r.example/v2/?x=1");
    assert_eq!(seen.header("host"), Some("r.example"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
}

/// A proxy that connects everything to one address, or says no.
async fn connecting(to: Option<SocketAddr>, heads: Arc<Mutex<Vec<String>>>) -> String {
    raw(move |mut stream| {
        let heads = Arc::clone(&heads);
        async move {
            let Some(head) = head(&mut stream).await else { return };
            heads.lock().expect("no panic").push(head);
            let Some(to) = to else {
                let no = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                return stream.write_all(no).await.expect("written");
            };
            stream.write_all(b"HTTP/1.1 200 Connected\r\nx: y\r\n\r\n").await.expect("written");
            let mut target = TcpStream::connect(to).await.expect("connected");
            drop(tokio::io::copy_bidirectional(&mut stream, &mut target).await);
        }
    })
    .await
}

#[tokio::test]
async fn requests_with_tls_go_through_a_tunnel() {
    let (identity, root) = issued();
    let address = tls_server(&identity).await;
    let heads = Arc::default();
    let proxy = connecting(Some(address), Arc::clone(&heads)).await;
    let proxy = proxy.replacen("http://", "http://user:pass@", 1);
    let mut options = trusting(&root);
    options.proxies = Proxies::new("", &proxy, "").expect("proxies");
    // No name of this machine goes through a proxy, so the certificate's name is not localhost.
    let network = Network::new(NetworkOptions { insecure: true, ..options });
    let response = network.send(get("https://r.example/")).await.expect("an answer");
    assert_eq!(text(response).await, "HTTP/2.0 0");
    let heads: std::sync::MutexGuard<'_, Vec<String>> = heads.lock().expect("no panic");
    assert_eq!(
        *heads,
        [
            "CONNECT r.example:443 HTTP/1.1\r\nHost: r.example:443\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n"
        ]
    );
}

#[tokio::test]
async fn a_proxy_that_says_no_is_quoted() {
    let proxy = connecting(None, Arc::default()).await;
    let proxies = Proxies::new("", &proxy, "").expect("proxies");
    let network = Network::new(NetworkOptions { proxies, ..NetworkOptions::default() });
    let error = network.send(get("https://r.example/")).await.expect_err("no");
    assert_eq!(
        chain(&error),
        "Get \"https://r.example/\": proxyconnect tcp: Proxy Authentication Required"
    );
}
