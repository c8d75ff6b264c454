//! TLS on real sockets, with certificates of our own making.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::testing::{Heard, Sample, read_response, request};
use super::super::{ServeError, ServeOptions, Server};
use super::*;

fn self_signed() -> SelfSigned {
    SelfSigned::new(&["localhost".into(), "127.0.0.1".into()], SystemTime::now()).expect("made")
}

fn tls(made: &SelfSigned) -> Tls {
    Tls::from_pem(TlsPem {
        certificate: made.certificate.as_bytes(),
        key: made.key.as_bytes(),
        client_authorities: None,
    })
    .expect("they go together")
}

struct Running {
    address: SocketAddr,
    heard: Heard,
    stop: oneshot::Sender<()>,
    outcome: JoinHandle<Result<(), ServeError>>,
}

async fn serve(tls: Tls, change: impl FnOnce(&mut ServeOptions)) -> Running {
    let heard = Heard::default();
    let mut options = ServeOptions { tls: Some(tls), ..ServeOptions::default() };
    heard.listen(&mut options);
    change(&mut options);
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(anywhere, Sample::default(), options).await.expect("a free port");
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let outcome = tokio::spawn(server.run(async { drop(stopped.await) }));
    Running { address, heard, stop, outcome }
}

impl Running {
    async fn connect(&self, authority: &str, mine: Option<&SelfSigned>) -> Option<Stream> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority.as_bytes()).expect("PEM") {
            roots.add(certificate).expect("an authority");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match mine {
            None => config.with_no_client_auth(),
            Some(mine) => config
                .with_client_auth_cert(
                    certificates(mine.certificate.as_bytes()).expect("PEM"),
                    PrivateKeyDer::from_pem_slice(mine.key.as_bytes()).expect("PEM"),
                )
                .expect("a pair"),
        };
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
    }

    async fn stop(self) -> Vec<String> {
        self.stop.send(()).expect("it runs");
        self.outcome.await.expect("no panic").expect("no error");
        self.heard.events()
    }
}

type Stream = TlsStream<TcpStream>;

/// Asks for `/secure` and returns the answer; nothing if the connection breaks.
async fn ask(stream: &mut Stream) -> Option<String> {
    let request = request("/secure", "Content-Length: 0\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut first = [0];
    stream.read_exact(&mut first).await.ok()?;
    Some(read_response(stream).await.1)
}

#[tokio::test]
async fn serves_who_trusts_the_authority_it_made_and_says_that_it_is_encrypted() {
    let made = self_signed();
    let running = serve(tls(&made), |_| ()).await;
    let mut stream = running.connect(&made.authority, None).await.expect("trusted");
    assert_eq!(ask(&mut stream).await.as_deref(), Some("encrypted"));
    assert!(running.connect(&self_signed().authority, None).await.is_none(), "another authority");
    drop(stream);
    assert_eq!(running.stop().await, [""; 0]);
}

#[tokio::test]
async fn sheds_who_does_not_finish_the_handshake() {
    let made = self_signed();
    let moment = Duration::from_millis(200);
    let running = serve(tls(&made), |options| options.handshake = moment).await;
    let mut silent = TcpStream::connect(running.address).await.expect("a connection");
    let mut begun = TcpStream::connect(running.address).await.expect("a connection");
    begun.write_all(&[22, 3, 1]).await.expect("sent");
    for stream in [&mut silent, &mut begun] {
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
    }
    assert_eq!(running.stop().await, ["Handshake", "Handshake"]);
}

#[tokio::test]
async fn tells_a_client_of_plain_http_that_this_is_tls() {
    let running = serve(tls(&self_signed()), |_| ()).await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    stream.write_all(request("/secure", "").as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer and an end");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("This port speaks TLS, and the request came in plain HTTP.\n"));
    assert_eq!(running.stop().await, ["Plain"]);
}

#[tokio::test]
async fn lets_in_only_clients_with_a_certificate_if_it_asks_for_one() {
    let (made, client) = (self_signed(), client_certificate());
    let tls = Tls::from_pem(TlsPem {
        certificate: made.certificate.as_bytes(),
        key: made.key.as_bytes(),
        client_authorities: Some(client.authority.as_bytes()),
    });
    let running = serve(tls.expect("they go together"), |_| ()).await;
    let mut known = running.connect(&made.authority, Some(&client)).await.expect("connected");
    assert_eq!(ask(&mut known).await.as_deref(), Some("encrypted"));
    // In TLS 1.3 a client learns of the refusal when it reads.
    for stranger in [None, Some(client_certificate())] {
        if let Some(mut stream) = running.connect(&made.authority, stranger.as_ref()).await {
            assert_eq!(ask(&mut stream).await, None);
        }
    }
    drop(known);
    running.stop().await;
}

/// A certificate that is good for clients.
fn client_certificate() -> SelfSigned {
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).expect("signed").pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["ada".to_owned()]).expect("a name");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, &issuer).expect("signed").pem();
    let key = key.serialize_pem();
    SelfSigned { authority: authority_pem, certificate, key, expires: SystemTime::UNIX_EPOCH }
}

#[tokio::test]
async fn takes_new_files_and_keeps_the_old_while_they_do_not_go_together() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = TlsFiles {
        certificate: directory.path().join("tls.crt"),
        key: directory.path().join("tls.key"),
        client_authorities: None,
    };
    let write = |path: &PathBuf, text: &str| std::fs::write(path, text).expect("written");
    let (old, new) = (self_signed(), self_signed());
    write(&files.certificate, &old.certificate);
    write(&files.key, &old.key);
    let tls = Tls::from_files(files.clone()).expect("they go together");
    let running = serve(tls.clone(), |_| ()).await;
    assert!(!tls.reload().expect("readable"), "nothing has changed");

    write(&files.certificate, &new.certificate);
    assert!(matches!(tls.reload(), Err(TlsError::Pair(_))));
    let mut before = running.connect(&old.authority, None).await.expect("as it was");
    write(&files.key, &new.key);
    assert!(tls.reload().expect("they go together"));
    assert!(running.connect(&old.authority, None).await.is_none());
    let mut after = running.connect(&new.authority, None).await.expect("the new one");
    for stream in [&mut before, &mut after] {
        assert_eq!(ask(stream).await.as_deref(), Some("encrypted"));
    }
    std::fs::remove_file(&files.key).expect("removed");
    assert!(matches!(tls.reload(), Err(TlsError::Read { .. })));
    drop((before, after));
    running.stop().await;
}

#[test]
fn says_what_is_wrong_with_its_files() {
    let made = self_signed();
    let pem = TlsPem {
        certificate: made.certificate.as_bytes(),
        key: made.key.as_bytes(),
        client_authorities: None,
    };
    let other = self_signed();
    let broken = Tls::from_pem(TlsPem { certificate: b"no", ..pem });
    assert!(matches!(broken, Err(TlsError::Certificate)));
    assert!(matches!(Tls::from_pem(TlsPem { key: b"no", ..pem }), Err(TlsError::Key)));
    let broken = Tls::from_pem(TlsPem { key: other.key.as_bytes(), ..pem });
    assert!(matches!(broken, Err(TlsError::Pair(_))));
    let broken = Tls::from_pem(TlsPem { client_authorities: Some(b"no"), ..pem });
    assert!(matches!(broken, Err(TlsError::ClientAuthorities(_))));
    let shown = format!("{pem:?} {made:?}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}
