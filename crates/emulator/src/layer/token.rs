//! The token service: who asks for which scopes, and what they get.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER};
use http::{Method, StatusCode};
use oras_spec::RepositoryName;
use oras_spec::distribution::{Action, Scope};
use serde_json::{Value, json};

use super::door;
use crate::ask::{Ask, Outcome, Reply, pairs, reply, reply_with, set};
use crate::emulator::Emulator;
use crate::profile::{Account, Answer, Denial, Door, Post, Quirk, Role, Tokens, Voice, Wrong};
use crate::refusal::{Refusal, codeless};
use crate::state::Grant;

/// Answers a request for a token.
pub(crate) fn answer(emulator: &Emulator, ask: &Ask) -> Reply {
    let Door::Bearer(tokens) = emulator.profile().door else {
        return reply(StatusCode::NOT_FOUND);
    };
    if ask.uri.path() != tokens.path {
        return reply_with(StatusCode::NOT_FOUND, "text/plain", "404 page not found\n");
    }
    match issue(emulator, ask, &tokens) {
        Ok(answer) => answer,
        Err(crate::ask::End::Reply(answer)) => *answer,
        Err(crate::ask::End::Cut) => reply(StatusCode::BAD_GATEWAY),
    }
}

fn issue(emulator: &Emulator, ask: &Ask, tokens: &Tokens) -> Outcome<Reply> {
    let (query, account) = if ask.method == Method::GET {
        let query = pairs(ask.uri.query().unwrap_or_default());
        (query, by_password(emulator, ask, tokens)?)
    } else {
        let form = pairs(&String::from_utf8_lossy(&ask.body));
        let account = by_refresh_token(emulator, &form, tokens)?;
        (form, Some(account))
    };
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let service = tokens.service.unwrap_or(&ask.here.registry);
    if emulator.has(Quirk::ServiceChecked)
        && let Some(other) = value("service").filter(|named| *named != service)
    {
        let text = format!("Unable to handle service: {other}");
        return Ok(reply_with(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", text));
    }
    let asked: Vec<String> =
        query.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.clone()).collect();
    if account.is_none() && asked.is_empty() {
        match emulator.profile().voice {
            Voice::Quay => return Ok(door::challenge(emulator, ask, tokens, None)),
            Voice::Harbor => return Ok(reply(StatusCode::UNAUTHORIZED)),
            _ => {}
        }
    }
    let asked = scopes(emulator, &asked)?;
    let granted = grant(emulator, account, asked, tokens)?;
    Ok(hand_out(emulator, account, granted, tokens))
}

/// Reads who asks; nobody is somebody, too.
fn by_password(
    emulator: &Emulator,
    ask: &Ask,
    tokens: &Tokens,
) -> Outcome<Option<&'static Account>> {
    if !ask.headers.contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    let (name, password) = ask.basic().unwrap_or_default();
    if emulator.has(Quirk::LoginPause) && emulator.state().paused.remove(&name) {
        let text = "Too many login attempts. \nPlease reset your Quay password and try again.";
        let mut answer =
            reply_with(StatusCode::TOO_MANY_REQUESTS, "text/html; charset=utf-8", text);
        set(&mut answer, &RETRY_AFTER, "0");
        return Err(answer.into());
    }
    match emulator.account(&name, &password) {
        Some(account) if account.role != Role::Expired => Ok(Some(account)),
        _ => {
            if emulator.has(Quirk::LoginPause) {
                emulator.state().paused.insert(name.clone());
            }
            Err(wrong(emulator, &name, tokens.wrong).into())
        }
    }
}

fn wrong(emulator: &Emulator, name: &str, how: Wrong) -> Reply {
    let unauthorized = StatusCode::UNAUTHORIZED;
    match how {
        Wrong::Details => {
            let body = "{\"details\":\"incorrect username or password\"}";
            reply_with(unauthorized, "application/json", body)
        }
        Wrong::Quay => {
            let is_known = |account: &Account| account.username == name;
            let message = match name {
                "$oauthtoken" => "OAuth access token could not be validated".to_owned(),
                "$app" => "Invalid token".to_owned(),
                robot if robot.contains('+') => {
                    if emulator.profile().accounts.iter().any(is_known) {
                        format!(
                            "Could not find robot with username: {robot} and supplied password."
                        )
                    } else {
                        "Could not find robot with specified username".to_owned()
                    }
                }
                _ => "Invalid Username or Password".to_owned(),
            };
            emulator.refuse(unauthorized, "UNAUTHORIZED", &message)
        }
        Wrong::Denied => emulator.refuse(StatusCode::FORBIDDEN, "DENIED", "denied"),
        Wrong::Says(message) => emulator.refuse(unauthorized, "UNAUTHORIZED", message),
        Wrong::Codeless => codeless(unauthorized, "Bad Credentials"),
    }
}

fn by_refresh_token(
    emulator: &Emulator,
    form: &[(String, String)],
    tokens: &Tokens,
) -> Outcome<&'static Account> {
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    match tokens.post {
        Post::NotAllowed(methods) => {
            let text = "<!doctype html>\n<title>405 Method Not Allowed</title>\n";
            let mut answer = reply_with(StatusCode::METHOD_NOT_ALLOWED, "text/html", text);
            set(&mut answer, &ALLOW, methods);
            Err(answer.into())
        }
        Post::Unauthorized => Err(reply(StatusCode::UNAUTHORIZED).into()),
        Post::Refresh => {
            let refresh = value("refresh_token").filter(|token| !token.is_empty());
            let holds = |account: &&Account| refresh == Some(&account.password());
            let account = emulator.profile().accounts.iter().find(holds);
            let is_refresh = value("grant_type").is_some_and(|kind| kind == "refresh_token");
            account.filter(|_| is_refresh).ok_or_else(|| {
                let message = "authentication required";
                emulator.refuse(StatusCode::BAD_REQUEST, "UNAUTHORIZED", message).into()
            })
        }
    }
}

/// Reads the scopes that are asked for.
fn scopes(emulator: &Emulator, asked: &[String]) -> Outcome<Vec<Scope>> {
    if emulator.has(Quirk::FewActions) {
        for text in asked {
            check_few(emulator, text)?;
        }
    }
    let last = if emulator.has(Quirk::LastScopeOnly) { asked.len().saturating_sub(1) } else { 0 };
    Ok(asked[last..].iter().flat_map(|text| Scope::parse_all(text)).collect())
}

/// Holds a scope to the form that Quay knows.
fn check_few(emulator: &Emulator, text: &str) -> Outcome<()> {
    let bad = |code: &str, message: &str| {
        Err(emulator.refuse(StatusCode::BAD_REQUEST, code, message).into())
    };
    let parts: Vec<&str> = text.split(':').collect();
    let knows =
        |actions: &str| actions.split(',').all(|action| matches!(action, "pull" | "push" | "*"));
    let (&["repository", name, actions], false) = (parts.as_slice(), text.contains(' ')) else {
        let message = format!("Unable to decode repository and actions: {text}");
        return bad("INVALID_REQUEST", &message);
    };
    if !knows(actions) {
        let message = format!("Unable to decode repository and actions: {text}");
        return bad("INVALID_REQUEST", &message);
    }
    if name.parse::<RepositoryName>().is_err() {
        return bad("NAME_INVALID", &format!("Invalid repository name: {name}"));
    }
    Ok(())
}

/// Decides what of the scopes is allowed, and makes what asking for them makes.
fn grant(
    emulator: &Emulator,
    account: Option<&'static Account>,
    asked: Vec<Scope>,
    tokens: &Tokens,
) -> Outcome<Vec<Scope>> {
    let mut granted = Vec::new();
    for scope in asked {
        let Scope::Resource { kind, name, actions } = scope else {
            granted.push(scope);
            continue;
        };
        let allowed = match kind.as_str() {
            "repository" => emulator.rights(account, &name, &actions),
            _ if account.is_some() => actions.clone(),
            _ => BTreeSet::new(),
        };
        if tokens.denial == Denial::Refused && allowed != actions {
            return Err(denied(emulator, account, &name).into());
        }
        if emulator.has(Quirk::MadeByTokens) && allowed.contains(&Action::Push) {
            emulator.state().repositories.insert(name.clone());
        }
        granted.push(Scope::Resource { kind, name, actions: allowed });
    }
    Ok(granted)
}

fn denied(emulator: &Emulator, account: Option<&Account>, name: &str) -> Reply {
    let voice = emulator.profile().voice;
    match account {
        _ if voice == Voice::Terse => {
            let parts: Vec<&str> = name.split('/').collect();
            let project = parts.first().copied().unwrap_or_default();
            let repository = parts.get(1).copied().unwrap_or_default();
            let (who, does) = match account {
                None => {
                    ("Unauthenticated request. Unauthenticated requests do", "downloadArtifacts")
                }
                Some(_) => ("Permission denied. The caller does", "uploadArtifacts"),
            };
            let message = format!(
                "{who} not have permission \"artifactregistry.repositories.{does}\" on resource \
                 \"projects/{project}/locations/us/repositories/{repository}\" (or it may not exist)"
            );
            emulator.refuse(StatusCode::FORBIDDEN, "DENIED", &message)
        }
        None => Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
            .say(voice),
        Some(_) => emulator.refuse(StatusCode::FORBIDDEN, "DENIED", "denied"),
    }
}

fn hand_out(
    emulator: &Emulator,
    account: Option<&'static Account>,
    scopes: Vec<Scope>,
    tokens: &Tokens,
) -> Reply {
    let now = jiff::Timestamp::now();
    let token = if tokens.readable {
        let subject = account.map_or("(anonymous)", |account| account.username);
        readable(subject, &scopes, now.as_second(), tokens.lifetime)
    } else {
        format!("djE6{}", nonce())
    };
    let uses = emulator.find(|quirk| match quirk {
        Quirk::TokenUses(uses) => Some(*uses),
        _ => None,
    });
    let grant = Grant { account, scopes, uses: uses.unwrap_or(u32::MAX) };
    emulator.state().tokens.insert(token.clone(), grant);
    let lifetime = tokens.lifetime;
    let body = match tokens.answer {
        Answer::Token => json!({ "token": token }).to_string(),
        Answer::AccessToken => json!({ "access_token": token }).to_string(),
        Answer::TokenAndLifetime => format!("{{\"token\":\"{token}\",\"expires_in\":{lifetime}}}"),
        Answer::All => format!(
            "{{\"token\":\"{token}\",\"access_token\":\"{token}\",\"expires_in\":{lifetime},\"issued_at\":\"{now}\"}}"
        ),
    };
    let mut answer = reply_with(StatusCode::OK, "application/json", format!("{body}\n"));
    if emulator.profile().voice == Voice::Quay {
        set(&mut answer, &CACHE_CONTROL, "no-cache, no-store, must-revalidate");
    }
    answer
}

/// A token that says what it allows, and is signed by nobody.
fn readable(subject: &str, scopes: &[Scope], now: i64, lifetime: u64) -> String {
    let access: Vec<Value> = scopes
        .iter()
        .filter_map(|scope| match scope {
            Scope::Resource { kind, name, actions } => {
                let mut actions: Vec<&str> = actions.iter().map(Action::as_str).collect();
                actions.reverse();
                Some(json!({ "type": kind, "name": name, "actions": actions }))
            }
            Scope::Opaque(_) => None,
        })
        .collect();
    let expires = now.saturating_add_unsigned(lifetime);
    let claims =
        json!({ "access": access, "exp": expires, "iat": now, "nbf": now, "sub": subject });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = part("{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
    format!("{header}.{}.{}", part(&claims.to_string()), nonce())
}

/// Something nobody can guess.
pub(crate) fn nonce() -> String {
    let random = || getrandom::u64().unwrap_or_default();
    format!("{:016x}{:016x}", random(), random())
}
