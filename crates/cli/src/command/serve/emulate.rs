//! `--emulate`: a registry that behaves as another maker's, for tests of clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use oras_emulator::{Door, Emulator, Listening, Profile, Role};
use oras_spec::Quoted;
use serde_json::{Value, json};

use crate::command::Invocation;
use crate::context::Context;
use crate::error::{CliError, Result, system_text};
use crate::flag::{Choice, Flag};

static FORMAT: Choice = Choice { noun: "format", words: &["json", "text"] };

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    vec![
        Flag::text("emulate", "behave as this registry does, with accounts made up; keeps nothing")
            .word("name"),
        Flag::text("emulate-ca", "file to write the certificate authority of the emulation to")
            .word("path"),
        Flag::switch("emulate-plain-http", "emulate without TLS"),
        Flag::choice("format", &FORMAT, "how to say what is emulated: json, on one line, or text")
            .default("text"),
    ]
}

/// Emulates a registry until a signal.
///
/// # Errors
///
/// If there is no such registry, other machines could reach it, or it cannot listen.
pub(super) async fn emulate(
    name: &str,
    address: SocketAddr,
    invocation: &Invocation,
    context: &Context,
) -> Result<()> {
    let profile = Profile::named(name).ok_or_else(|| unknown(name))?;
    if address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        return Err(CliError::new(format!("an emulated registry does not listen on {address}"))
            .with_recommendation("Use an address such as 127.0.0.1:5000"));
    }
    let parsed = &invocation.parsed;
    let emulator = Emulator::new(profile);
    let is_tls = !parsed.switch("emulate-plain-http");
    let listening = emulator.listen_on(address.port(), is_tls).await.map_err(|error| {
        CliError::new(format!("listen on {address}: {}", system_text(&error)))
            .with_recommendation("Use --addr to choose another address, such as 127.0.0.1:0")
    })?;
    let path = parsed.some_text("emulate-ca");
    if let (Some(path), Some(authority)) = (path, listening.authority()) {
        write(path, authority, context).await?;
    }
    if parsed.text("format") == "json" {
        context.printer.line(&describe(profile, &listening).to_string())?;
    } else {
        for line in lines(profile, &listening, path) {
            context.printer.line(&line)?;
        }
    }
    listening.run(super::stop(context)).await;
    Ok(())
}

fn unknown(name: &str) -> CliError {
    let names: Vec<&str> = Profile::all().iter().map(|profile| profile.name).collect();
    CliError::new(format!("there is no registry {} to emulate", Quoted(name)))
        .with_recommendation(format!("Use one of {}", names.join(", ")))
}

async fn write(path: &str, authority: &str, context: &Context) -> Result<()> {
    let (file, text) = (context.environment.path(path), authority.to_owned());
    let writing = tokio::task::spawn_blocking(move || std::fs::write(file, text));
    let done = writing.await.expect("writing does not panic");
    done.map_err(|error| CliError::new(format!("failed to write {path}: {}", system_text(&error))))
}

/// Where each name of the registry leads, as `--resolve` takes it.
fn resolutions(profile: &Profile, listening: &Listening) -> Vec<String> {
    let address = listening.registry();
    profile.host_names().map(|name| format!("{name}:443:{address}")).collect()
}

fn token_service(profile: &Profile, listening: &Listening) -> Option<String> {
    let Door::Bearer(tokens) = profile.door else { return None };
    let scheme = if listening.authority().is_some() { "https" } else { "http" };
    Some(format!("{scheme}://{}{}", listening.token(), tokens.path))
}

/// What a program that starts us needs to know.
fn describe(profile: &Profile, listening: &Listening) -> Value {
    let accounts = profile.accounts.iter().filter(|account| account.role != Role::Expired);
    let accounts: Vec<Value> = accounts
        .map(|account| json!({ "username": account.username, "password": account.password() }))
        .collect();
    json!({
        "name": profile.name,
        "host": listening.registry().to_string(),
        "hosts": profile.hosts,
        "token": token_service(profile, listening),
        "resolve": resolutions(profile, listening),
        "repository": profile.repository,
        "ca": listening.authority(),
        "accounts": accounts,
    })
}

fn lines(profile: &Profile, listening: &Listening, path: Option<&str>) -> Vec<String> {
    let scheme = if listening.authority().is_some() { "https" } else { "http" };
    let mut lines = vec![format!("Serving {scheme}://{}", listening.registry())];
    lines.push(format!("Emulating {}", profile.title));
    lines.extend(token_service(profile, listening).map(|url| format!("Tokens by {url}")));
    let by_name = resolutions(profile, listening);
    lines.extend(by_name.into_iter().map(|entry| format!("Reach it with --resolve {entry}")));
    lines.push(format!("Push to {}", profile.repository));
    for account in profile.accounts.iter().filter(|account| account.role != Role::Expired) {
        lines.push(format!("User {} has the password {}", account.username, account.password()));
    }
    match (path, listening.authority()) {
        (Some(path), Some(_)) => lines.push(format!("Trust it with --ca-file {path}")),
        (None, Some(authority)) => lines.push(format!("Trust it by\n{}", authority.trim_end())),
        (_, None) => {}
    }
    lines
}
