//! Plays transcripts: a sandbox, registries, a shell for each command.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oras_tests::sandbox::binary;
use oras_tests::serve::USERS;
use oras_tests::{Answer, Distribution, Emulated, Evil, OrasServer, Outcome, Sandbox, on_terminal};

use super::certificates;
use super::expect::{Bound, Line, difference, lines};
use super::script::{Case, Script, Step};

/// A registry of some maker, stopped when dropped.
enum Registry {
    Ours(OrasServer),
    Distribution(Distribution),
    Emulated(Emulated),
    Mutual(OrasServer),
    Scripted(Evil),
}

impl Registry {
    fn port(&self) -> u16 {
        let port = |host: String| host.rsplit(':').next().and_then(|port| port.parse().ok());
        match self {
            Self::Mutual(server) => server.address().port(),
            _ => port(self.host()).expect("hosts have ports"),
        }
    }

    fn host(&self) -> String {
        match self {
            Self::Ours(server) => server.host(),
            Self::Distribution(server) => server.host(),
            Self::Emulated(server) => format!("localhost:{}", server.address().port()),
            // Nothing listens there.
            Self::Mutual(_) => format!("{}:1", certificates::HOST),
            Self::Scripted(server) => server.host(),
        }
    }
}

/// How long a silent registry is.
const SILENCE: Duration = Duration::from_secs(20);

/// Plays all cases, and panics with all that went otherwise than expected.
pub(super) fn play(script: &Script) {
    let sandbox = Sandbox::new();
    let mut registries = BTreeMap::new();
    for (name, kind) in &script.registries {
        let Some(registry) = start(&sandbox, script, name, kind) else { return };
        registries.insert(*name, registry);
    }
    let variables = registries.iter().flat_map(|(name, registry)| {
        [((*name).to_owned(), registry.host()), (format!("AT_{name}"), registry.port().to_string())]
    });
    let mut variables: Vec<(String, String)> = variables.collect();
    variables.push((
        "WORK".to_owned(),
        sandbox.path("").display().to_string().trim_end_matches('/').to_owned(),
    ));
    variables.push(("ROOT".to_owned(), sandbox.root().display().to_string()));
    let programs = sandbox.root().join("bin");
    std::fs::create_dir(&programs).expect("make a directory");
    symlink(played(), programs.join("oras")).expect("link the program");
    let stage = Stage { sandbox, variables, programs, registries };
    let mut bound = Bound::new();
    let failures: Vec<String> =
        script.cases.iter().filter_map(|case| stage.complaint(script, case, &mut bound)).collect();
    let (failed, all) = (failures.len(), script.cases.len());
    assert!(failures.is_empty(), "{failed} of {all} cases fail\n\n{}", failures.join("\n\n"));
}

fn start(sandbox: &Sandbox, script: &Script, name: &str, kind: &str) -> Option<Registry> {
    let root = sandbox.root().join(format!("registry-{name}"));
    Some(match kind {
        "open" => Registry::Ours(OrasServer::start_at(sandbox, &root, "127.0.0.1:0", &[])),
        "closed" => Registry::Ours(OrasServer::start_closed(sandbox)),
        "token" => Registry::Ours(OrasServer::start_with_tokens(sandbox)),
        "mutual" => Registry::Mutual(start_mutual(sandbox, &root)),
        "acr" => Registry::Emulated(Emulated::plain(sandbox, "acr", &[])),
        "basic" => Registry::Distribution(Distribution::start_closed(sandbox)?),
        "distribution" => Registry::Distribution(Distribution::start(sandbox)?),
        "silent" => Registry::Scripted(Evil::start(|_| {
            std::thread::sleep(SILENCE);
            Answer::status(404)
        })),
        "scripted" => {
            let answers = script.answers.clone();
            Registry::Scripted(Evil::start(move |request| {
                let asked = format!("{} {}", request.method, request.target);
                let scripted = answers.get(&asked).or_else(|| answers.get("* *"));
                scripted.map_or(Answer::status(404), |lines| answer(lines))
            }))
        }
        _ => panic!("{}.txt: no registry is {kind}", script.name),
    })
}

/// Starts a registry for the user that knows whoever shows a certificate; the certificates are in
/// `$ROOT/tls`. Only who is told where it is finds it.
fn start_mutual(sandbox: &Sandbox, root: &Path) -> OrasServer {
    let directory = sandbox.root().join("tls");
    std::fs::create_dir(&directory).expect("make a directory");
    certificates::write(&directory);
    let file = |name: &str| directory.join(name).display().to_string();
    let (authority, certificate, key) = (file("ca.pem"), file("server.pem"), file("server.key"));
    let users = sandbox.root().join("users");
    std::fs::write(&users, USERS).expect("write the users");
    let users = users.display().to_string();
    let flags = [
        ["--tls-client-ca", &authority],
        ["--tls-cert", &certificate],
        ["--tls-key", &key],
        ["--htpasswd", &users],
    ];
    let flags = [flags.as_flattened(), &["--passwords-only"]].concat();
    OrasServer::start_at(sandbox, root, "127.0.0.1:0", &flags)
}

/// The program that is held against the transcripts: ours, unless a variable names another to
/// compare with.
fn played() -> PathBuf {
    std::env::var_os("ORAS_PEER").map_or_else(binary, PathBuf::from)
}

/// Makes an answer of its lines: the status, headers, an empty line, the body.
fn answer(lines: &[String]) -> Answer {
    let (status, rest) = lines.split_first().expect("a status");
    let mut rest = rest.iter();
    let headers: Vec<&String> = rest.by_ref().take_while(|line| !line.is_empty()).collect();
    let body: Vec<&str> = rest.map(String::as_str).collect();
    let status = status.parse().expect("a status is a number");
    headers.iter().fold(Answer::status(status).with_body(body.join("\n")), |answer, header| {
        let (name, value) = header.split_once(": ").expect("a header has a colon");
        answer.header(name, value)
    })
}

/// Where commands run.
struct Stage {
    sandbox: Sandbox,
    variables: Vec<(String, String)>,
    programs: PathBuf,
    registries: BTreeMap<&'static str, Registry>,
}

impl Stage {
    /// Plays a case; nothing if all is as expected, otherwise what is not.
    fn complaint(&self, script: &Script, case: &Case, bound: &mut Bound) -> Option<String> {
        let differences: Vec<String> = case
            .steps
            .iter()
            .filter_map(|step| {
                let outcome = self.run(step, bound);
                self.note_scopes();
                let differences = self.differences(case, step, &outcome, bound);
                let command = step.command.replace('\n', "\n  > ");
                let place = format!("  $ {command}    (line {})", step.line);
                (!differences.is_empty()).then(|| format!("{place}\n{}", differences.join("\n")))
            })
            .collect();
        let place = format!(
            "{}.txt:{}: {} {}",
            script.name,
            case.line,
            case.sections.join(" "),
            case.title
        );
        (!differences.is_empty()).then(|| format!("{place}\n{}", differences.join("\n")))
    }

    fn run(&self, step: &Step, bound: &Bound) -> Outcome {
        let mut shell = self.sandbox.command("/bin/sh");
        shell.arg("-c").arg(&step.command);
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", self.programs.display()));
        shell.envs(self.variables.iter().map(|(name, value)| (name, value)));
        shell.envs(bound.iter().filter(|(name, _)| !name.contains(':')));
        if step.is_on_terminal { on_terminal(&mut shell) } else { self.sandbox.run(&mut shell) }
    }

    /// Writes what was asked for in tokens into `$ROOT/scopes`, a line for each.
    fn note_scopes(&self) {
        for registry in self.registries.values() {
            let Registry::Emulated(emulated) = registry else { continue };
            let exchanges = emulated.exchanges();
            let asked = exchanges.iter().filter_map(oras_emulator::Exchange::token_request);
            let scopes = asked.map(|pairs| {
                let scopes = pairs.iter().filter_map(|pair| pair.strip_prefix("scope="));
                format!("{}\n", scopes.collect::<Vec<_>>().join(" "))
            });
            let file = self.sandbox.root().join("scopes");
            std::fs::write(file, scopes.collect::<String>()).expect("write a file");
        }
    }

    fn differences(
        &self,
        case: &Case,
        step: &Step,
        outcome: &Outcome,
        bound: &mut Bound,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let code = outcome.status.code();
        if code != Some(step.code()) {
            found.push(format!("    exit code {code:?}, not {}", step.code()));
        }
        let is_preparation = case.sections.is_empty();
        if is_preparation && found.is_empty() {
            return found;
        }
        for (name, expected, text) in [
            ("standard output", &step.stdout, &outcome.stdout),
            ("standard error", &step.stderr, &outcome.stderr),
        ] {
            let expected: Vec<Line> =
                expected.iter().map(|line| line.map(|text| self.fill(text))).collect();
            let shown = difference(&expected, &lines(text), bound);
            found.extend(shown.map(|shown| format!("    {name}:\n{shown}")));
        }
        found
    }

    /// Puts the values of variables into an expected line.
    fn fill(&self, text: &str) -> String {
        self.variables
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }
}
