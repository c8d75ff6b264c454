//! Who is let through, and how those are answered who are not.

use http::StatusCode;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use oras_spec::distribution::{Action, Operation, Scope};
use serde_json::json;

use crate::ask::{Ask, Outcome, Reply, reply_with, set};
use crate::emulator::Emulator;
use crate::profile::{Account, Detail, Door, Ping, Quirk, Role, Tokens, Unfit, Voice};
use crate::refusal::{Refusal, codeless};

/// Lets a request through, or answers it.
pub(crate) fn admit(emulator: &Emulator, ask: &Ask) -> Outcome<()> {
    match emulator.profile().door {
        Door::Basic { challenge } => basic(emulator, ask, challenge),
        Door::Bearer(tokens) => bearer(emulator, ask, &tokens),
    }
}

fn basic(emulator: &Emulator, ask: &Ask, challenge: &str) -> Outcome<()> {
    let account = ask.basic().and_then(|(name, password)| emulator.account(&name, &password));
    match account.map(|account| account.role) {
        Some(Role::Expired) => Err(emulator
            .refuse(
                StatusCode::FORBIDDEN,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            )
            .into()),
        Some(_) => Ok(()),
        None => {
            let mut answer = if emulator.profile().voice == Voice::Zot {
                emulator.refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
            } else {
                let text = "text/plain; charset=utf-8";
                reply_with(StatusCode::UNAUTHORIZED, text, "Not Authorized\n")
            };
            set(&mut answer, &WWW_AUTHENTICATE, &challenge.replace("{host}", &ask.here.registry));
            Err(answer.into())
        }
    }
}

fn bearer(emulator: &Emulator, ask: &Ask, tokens: &Tokens) -> Outcome<()> {
    let needed = emulator.needed(ask);
    if let Some(token) = ask.bearer() {
        return match shown(emulator, ask, token) {
            None => Err(unfit(emulator, ask, tokens, tokens.stale).into()),
            Some(account) if allows(emulator, token, account, &needed) => {
                mount(emulator, ask, token)
            }
            Some(account) => Err(too_narrow(emulator, ask, tokens, account.is_some()).into()),
        };
    }
    if let Some((name, password)) = ask.basic() {
        let account = emulator.account(&name, &password);
        return match (tokens.basic, account) {
            (Some(how), _) => Err(unfit(emulator, ask, tokens, how).into()),
            (None, None) => Err(unfit(emulator, ask, tokens, tokens.stale).into()),
            (None, Some(account)) if has_rights(emulator, Some(account), &needed) => Ok(()),
            (None, Some(_)) => Err(too_narrow(emulator, ask, tokens, true).into()),
        };
    }
    let how = if ask.headers.contains_key(AUTHORIZATION) { tokens.stale } else { Unfit::Challenge };
    Err(unfit(emulator, ask, tokens, how).into())
}

/// Returns whose token this is, if it is one that is still good.
#[expect(clippy::option_option, reason = "a token may be nobody's")]
fn shown(emulator: &Emulator, ask: &Ask, token: &str) -> Option<Option<&'static Account>> {
    let is_limited = emulator.find(|quirk| matches!(quirk, Quirk::TokenUses(_)).then_some(()));
    let mut state = emulator.state();
    if emulator.has(Quirk::FlakyTokens) && ask.operation != Some(Operation::Ping) {
        let refused = state.flaky.entry(ask.method.to_string()).or_default();
        *refused += 1;
        if *refused == 1 {
            return None;
        }
    }
    let grant = state.tokens.get_mut(token)?;
    if is_limited.is_some() {
        grant.uses = grant.uses.checked_sub(1)?;
    }
    Some(grant.account)
}

fn allows(
    emulator: &Emulator,
    token: &str,
    account: Option<&'static Account>,
    needed: &[Scope],
) -> bool {
    let held = emulator.state().tokens.get(token).map(|grant| grant.scopes.clone());
    let held = held.unwrap_or_default();
    let is_for_all = held.iter().any(|scope| matches!(scope, Scope::Opaque(_)));
    if is_for_all {
        return has_rights(emulator, account, needed);
    }
    needed.iter().all(|needed| held.iter().any(|held| held.covers(needed)))
}

fn has_rights(emulator: &Emulator, account: Option<&Account>, needed: &[Scope]) -> bool {
    needed.iter().all(|scope| match scope {
        Scope::Resource { kind, name, actions } if kind == "repository" => {
            emulator.rights(account, name, actions) == *actions
        }
        _ => account.is_some(),
    })
}

/// Where taking a blob from elsewhere is refused to who may not read there, refuses.
fn mount(emulator: &Emulator, ask: &Ask, token: &str) -> Outcome<()> {
    let Some(Operation::MountBlob { from: Some(from), .. }) = &ask.operation else { return Ok(()) };
    if !emulator.has(Quirk::MountsRefused) {
        return Ok(());
    }
    let needed = [Scope::repository(from, [Action::Pull])];
    let held = emulator.state().tokens.get(token).map(|grant| grant.scopes.clone());
    let held = held.unwrap_or_default();
    if needed.iter().all(|needed| held.iter().any(|held| held.covers(needed))) {
        return Ok(());
    }
    let Door::Bearer(tokens) = emulator.profile().door else { return Ok(()) };
    Err(unfit(emulator, ask, &tokens, tokens.narrow).into())
}

/// Tells whether the token of a request may read `repository`.
pub(crate) fn may_read(emulator: &Emulator, ask: &Ask, repository: &str) -> bool {
    let Some(token) = ask.bearer() else { return true };
    let state = emulator.state();
    let Some(grant) = state.tokens.get(token) else { return false };
    let covers = |scope: &Scope| match scope {
        Scope::Opaque(_) => true,
        Scope::Resource { name, actions, .. } => {
            name == repository
                && (actions.contains(&Action::Pull) || actions.contains(&Action::All))
        }
    };
    grant.scopes.iter().any(covers)
}

fn too_narrow(emulator: &Emulator, ask: &Ask, tokens: &Tokens, is_known: bool) -> Reply {
    let project = ask.repository().and_then(|name| name.split('/').next()).unwrap_or_default();
    let is_missing = emulator.find(|quirk| match quirk {
        Quirk::ProjectsFirst(projects) => Some(!projects.contains(&project)),
        _ => None,
    });
    if emulator.profile().voice == Voice::Harbor && is_known && is_missing == Some(true) {
        let message = format!("project {project} not found");
        let mut answer = emulator.refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", &message);
        set(&mut answer, &WWW_AUTHENTICATE, "");
        return answer;
    }
    unfit(emulator, ask, tokens, tokens.narrow)
}

/// Answers something shown that does not do.
fn unfit(emulator: &Emulator, ask: &Ask, tokens: &Tokens, how: Unfit) -> Reply {
    let unauthorized = StatusCode::UNAUTHORIZED;
    match how {
        Unfit::Challenge => challenge(emulator, ask, tokens, None),
        Unfit::Error(error) => challenge(emulator, ask, tokens, Some(error)),
        Unfit::Html => {
            let body = "{\"error\": \"Invalid bearer token format\"}";
            let mut answer = reply_with(unauthorized, "text/html; charset=utf-8", body);
            set(&mut answer, &WWW_AUTHENTICATE, &challenge_text(emulator, ask, tokens, None));
            answer
        }
        Unfit::Silent => {
            emulator.refuse(unauthorized, "UNAUTHORIZED", "No valid credential was supplied.")
        }
        Unfit::BadRequest => {
            let message = "Your Authorization Token is invalid.";
            emulator.refuse(StatusCode::BAD_REQUEST, "DENIED", message)
        }
        Unfit::Denied => emulator.refuse(StatusCode::FORBIDDEN, "DENIED", "invalid token"),
        Unfit::Basic(challenge) => {
            let mut answer = if emulator.profile().voice == Voice::Artifactory {
                codeless(unauthorized, "Bad Credentials")
            } else {
                let message = "unauthorized to access repository";
                emulator.refuse(unauthorized, "UNAUTHORIZED", message)
            };
            set(&mut answer, &WWW_AUTHENTICATE, challenge);
            answer
        }
    }
}

/// Answers with a challenge.
pub(crate) fn challenge(
    emulator: &Emulator,
    ask: &Ask,
    tokens: &Tokens,
    error: Option<&str>,
) -> Reply {
    let profile = emulator.profile();
    let is_ping = ask.operation == Some(Operation::Ping);
    let mut answer = if profile.voice == Voice::Quay && is_ping {
        reply_with(StatusCode::UNAUTHORIZED, "text/html; charset=utf-8", "true")
    } else {
        let (code, message) = words(emulator, ask);
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, code, message);
        match detail(emulator, ask, tokens.detail) {
            Some(detail) => refusal.detail(&detail).say(profile.voice),
            None => refusal.say(profile.voice),
        }
    };
    set(&mut answer, &WWW_AUTHENTICATE, &challenge_text(emulator, ask, tokens, error));
    if emulator.find(|quirk| matches!(quirk, Quirk::PullLimit(_)).then_some(())).is_some() {
        set(&mut answer, &super::manifest::RATE_SOURCE, "192.0.2.1");
    }
    answer
}

fn words(emulator: &Emulator, ask: &Ask) -> (&'static str, &'static str) {
    let profile = emulator.profile();
    let is_ping = ask.operation == Some(Operation::Ping);
    match profile.voice {
        Voice::Quay => ("UNAUTHORIZED", "access to the requested resource is not authorized"),
        Voice::Terse if is_ping => {
            ("UNAUTHORIZED", "not authenticated: No credential was supplied.")
        }
        Voice::Terse => ("UNAUTHORIZED", "not authenticated: No valid credential was supplied."),
        Voice::Artifactory => ("UNAUTHORIZED", "Authentication is required"),
        Voice::Harbor => ("UNAUTHORIZED", "unauthorized to access repository"),
        _ if matches!(profile.door, Door::Bearer(Tokens { ping: Ping::Scope("aws"), .. })) => {
            ("DENIED", "Not Authorized")
        }
        _ => ("UNAUTHORIZED", "authentication required"),
    }
}

/// JSON with its fields in the order of the registries, which a map would not keep.
fn detail(emulator: &Emulator, ask: &Ask, how: Detail) -> Option<String> {
    if how == Detail::None {
        return None;
    }
    let mut entries = Vec::new();
    for scope in emulator.needed(ask) {
        let Scope::Resource { kind, name, actions } = scope else { continue };
        for action in actions {
            let action = action.as_str();
            let class = if how == Detail::Class { "\"Class\":\"\"," } else { "" };
            let text = format!(
                "{{\"Type\":{},{class}\"Name\":{},\"Action\":{}}}",
                json!(kind),
                json!(name),
                json!(action)
            );
            entries.push(text);
        }
    }
    if entries.is_empty() {
        return Some("null".to_owned());
    }
    Some(format!("[{}]", entries.join(",")))
}

fn challenge_text(emulator: &Emulator, ask: &Ask, tokens: &Tokens, error: Option<&str>) -> String {
    use std::fmt::Write as _;
    let here = &ask.here;
    let mut text = format!("Bearer realm=\"{}://{}{}\"", here.scheme, here.token, tokens.path);
    let service = tokens.service.unwrap_or(&here.registry);
    let mut scopes: Vec<String> = emulator.needed(ask).iter().map(ToString::to_string).collect();
    match tokens.ping {
        Ping::Realm if scopes.is_empty() => return text,
        Ping::Scope(scope) if scopes.is_empty() || !scope.contains(':') => {
            scopes = vec![scope.to_owned()];
        }
        _ => {}
    }
    write!(text, ",service=\"{service}\"").expect("a string takes everything");
    if !scopes.is_empty() {
        write!(text, ",scope=\"{}\"", scopes.join(" ")).expect("a string takes everything");
    }
    if let Some(error) = error {
        write!(text, ",error=\"{error}\"").expect("a string takes everything");
    }
    text
}
