//! A directory, a registry and a clock in which the program runs, knowing nothing of the machine.

use std::ffi::OsString;
use std::future::{Ready, ready};
use std::io::{self, Cursor, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use oras_cli::{Environment, Size, Streams};
use oras_client::auth::{Credential, StaticCredentials};
use oras_client::remote::{Registry as RemoteRegistry, RegistryOptions, Repository};
use oras_client::transport::{Authenticated, InProcess};
use oras_client::{Content, Source as _, Target as _};
use oras_server::auth::Users;
use oras_server::serve::{HttpService, ServeOptions, Server};
use oras_server::{Registry, RegistryService};
use oras_spec::image::{Descriptor, Manifest, MediaType};
use oras_spec::{RepositoryName, Tag, json};
use tempfile::TempDir;

/// Where the program runs, and the registry it talks to.
pub(crate) struct Sandbox {
    directory: TempDir,
    registry: RegistryService,
    server: Listener,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Returns standard output, and demands success without a word on standard error.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "stdout: {}", self.stdout);
        self.stdout
    }

    /// Returns standard error, and demands failure.
    #[track_caller]
    pub(crate) fn fails(self) -> String {
        assert_eq!(self.code, 1, "{self:?}");
        self.stderr
    }
}

/// The name and the password that a closed registry knows.
pub(crate) const USER: &str = "me";
pub(crate) const PASSWORD: &str = "open sesame";

impl Sandbox {
    /// Makes a sandbox with an empty registry that is open to all.
    pub(crate) fn new() -> Self {
        Self::with(Registry::builder().build().expect("memory needs nothing"))
    }

    /// Makes a sandbox with an empty registry that knows one user.
    pub(crate) fn closed() -> Self {
        let users = Users::single(USER, PASSWORD).expect("a user");
        Self::with(Registry::builder().users(users).build().expect("memory needs nothing"))
    }

    fn with(registry: Registry) -> Self {
        let directory = TempDir::new().expect("make a directory");
        for name in ["home", "work"] {
            std::fs::create_dir(directory.path().join(name)).expect("make a directory");
        }
        let server = Listener::start(registry.clone().into_service());
        Self { directory, registry: registry.into_service(), server }
    }

    /// Returns the registry as `localhost:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.server.address.port())
    }

    /// Returns a path below the working directory.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    /// Returns a path below the home directory.
    pub(crate) fn home(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join("home").join(name)
    }

    /// Writes a file below the working directory, with its parents.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("make a directory");
        std::fs::write(&path, bytes).expect("write a file");
        path
    }

    /// As [`write`](Self::write), a file that nobody else can read.
    pub(crate) fn write_secret(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(name, bytes);
        self.allow(name, 0o600);
        path
    }

    /// Sets who may do what with a file below the working directory.
    pub(crate) fn allow(&self, name: &str, mode: u32) {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(self.path(name), mode).expect("set permissions");
    }

    /// Reads a file below the working directory.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns the surroundings of a run.
    pub(crate) fn environment(&self) -> Environment {
        Environment::new(self.path(""))
            .with("HOME", self.home(""))
            .with("TMPDIR", self.directory.path())
            .with_clock(|| SystemTime::UNIX_EPOCH + Duration::from_hours(262_968))
    }

    /// Runs the program with the words of `line`; `HOST` stands for the registry.
    pub(crate) fn oras(&self, line: &str) -> Outcome {
        let line = line.replace("HOST", &self.host());
        self.oras_with(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs the program with these arguments.
    pub(crate) fn oras_with(&self, arguments: &[&str]) -> Outcome {
        oras_in(self.environment(), arguments, "")
    }

    /// Runs the program with the words of `line` and something on standard input.
    pub(crate) fn oras_reading(&self, line: &str, input: &str) -> Outcome {
        let line = line.replace("HOST", &self.host());
        oras_in(self.environment(), &line.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// Runs the program with the words of `line` and a terminal behind standard error.
    pub(crate) fn oras_at_terminal(&self, line: &str) -> Outcome {
        let line = line.replace("HOST", &self.host());
        let words: Vec<&str> = line.split_whitespace().collect();
        run(self.environment(), &words, "", false, Some(|| (80, 24)))
    }

    /// Opens a repository of the registry, past its front door.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        let credential = StaticCredentials::new(Credential::password(USER, PASSWORD));
        let transport = InProcess::new(self.registry.clone());
        let transport = Arc::new(Authenticated::new(transport, Arc::new(credential)));
        let name: RepositoryName = name.parse().expect("a repository");
        let host = self.host().parse().expect("a registry");
        RemoteRegistry::new(host, transport, RegistryOptions::default()).repository(name)
    }

    /// Puts a small manifest under a tag and returns its descriptor; `seed` makes it differ.
    pub(crate) fn seed(&self, repository: &str, tag: &str, seed: &str) -> Descriptor {
        let mut manifest = Manifest::new(Descriptor::empty_json(), Vec::new());
        manifest.artifact_type = "test/seed".into();
        manifest.annotations.insert("seed".to_owned(), seed.to_owned());
        self.put(repository, tag, MediaType::IMAGE_MANIFEST, json::to_vec(&manifest))
    }

    /// Puts a document, and the empty config it may need, under a tag.
    pub(crate) fn put(
        &self,
        repository: &str,
        tag: &str,
        media_type: MediaType,
        bytes: Vec<u8>,
    ) -> Descriptor {
        let repository = self.repository(repository);
        let descriptor = Descriptor::of(media_type, &bytes);
        block_on(async {
            let empty = Descriptor::empty_json();
            let content = Content::from_bytes(&empty, Bytes::from_static(Descriptor::EMPTY_JSON));
            repository.push(&empty, content).await.expect("the config is taken");
            let content = Content::from_bytes(&descriptor, bytes.into());
            let tag: Tag = tag.parse().expect("a tag");
            repository
                .push_tagged(&descriptor, content, &tag)
                .await
                .expect("the document is taken");
        });
        descriptor
    }

    /// Returns the digest a tag points at; nothing if there is no such tag.
    pub(crate) fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        let tag: Tag = tag.parse().expect("a tag");
        let found = block_on(self.repository(repository).resolve(&tag.into()));
        found.ok().map(|descriptor| descriptor.digest.to_string())
    }
}

/// Runs the program in these surroundings.
pub(crate) fn oras_in(environment: Environment, arguments: &[&str], input: &str) -> Outcome {
    run(environment, arguments, input, false, None)
}

/// Runs the program in these surroundings, with a terminal behind standard output.
pub(crate) fn oras_on_terminal(environment: Environment, arguments: &[&str]) -> Outcome {
    run(environment, arguments, "", true, None)
}

fn run(
    environment: Environment,
    arguments: &[&str],
    input: &str,
    output_is_terminal: bool,
    terminal: Option<fn() -> Size>,
) -> Outcome {
    let (output, errors) = (Captured::default(), Captured::default());
    let streams = Streams {
        input: Box::new(Cursor::new(input.to_owned().into_bytes())),
        output: Box::new(output.clone()),
        errors: Box::new(errors.clone()),
        input_is_terminal: false,
        output_is_terminal,
        terminal,
    };
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let code = oras_cli::run(arguments, environment, streams);
    Outcome { code, stdout: output.text(), stderr: errors.text() }
}

/// Waits for a future outside of any runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// An output that is kept.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no panic while writing").clone();
        String::from_utf8(bytes).expect("output is UTF-8")
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server on a thread of its own, stopped when dropped.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Serves `service` on a free loopback port.
    pub(crate) fn start(service: impl HttpService + Sync) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            block_on(async {
                let mut options = ServeOptions::default();
                options.stop_grace = Duration::ZERO;
                let address = SocketAddr::from(([127, 0, 0, 1], 0));
                let server = Server::bind(address, service, options).await.expect("bind");
                sender.send(server.local_addr()).expect("the test waits");
                let stopped = async { stopped.await.unwrap_or_default() };
                server.run(stopped).await.expect("the server runs");
            });
        });
        let address = receiver.recv().expect("the server starts");
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Answers every request as `answer` says.
    pub(crate) fn answering(
        answer: impl Fn(&http::request::Parts) -> Response<&'static str> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Answering(Arc::new(answer)))
    }

    /// Returns the address as `localhost:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || std::thread::panicking(), "the server failed");
        }
    }
}

type Answer = dyn Fn(&http::request::Parts) -> Response<&'static str> + Send + Sync;

/// A service made of a function.
#[derive(Clone)]
struct Answering(Arc<Answer>);

impl<B> tower_service::Service<Request<B>> for Answering {
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, _) = request.into_parts();
        ready(Ok((self.0)(&parts).map(|text| Full::from(text.as_bytes()))))
    }
}
