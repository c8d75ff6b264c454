//! Who may do what: users, grants, and what everybody may.

use std::path::PathBuf;
use std::sync::Arc;

use oras_server::auth::{Logins, LoginsOptions, Users};
use oras_server::policy::{Grant, Policies, Policy};
use oras_server::webhook::{Webhook, Webhooks};
use oras_spec::Quoted;

use super::issuer::Documents;
use super::listen::Place;
use super::webhook::{self, Hooks};
use crate::command::Invocation;
use crate::connect::network;
use crate::context::Context;
use crate::error::{CliError, Result, chain, system_text};
use crate::flag::{Choice, Flag};

static ANONYMOUS: Choice = Choice { noun: "access", words: &["none", "pull", "push"] };

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    vec![
        Flag::text("htpasswd", "file of users and their hashes (bcrypt, argon2id), read again when it changes")
            .word("path"),
        Flag::choice(
            "anonymous",
            &ANONYMOUS,
            "what who has no password may do: none, pull, or push, which is everything\n(default: none if there are users, else push on this machine)",
        ),
        Flag::list(
            "user",
            "what a user of the file may do, as NAME:PERMISSIONS:REPOSITORIES; permissions are pull, push, overwrite,\ndelete, all and admin; without any, users may do everything",
        )
        .word("grant"),
        Flag::switch(
            "passwords-only",
            "ask clients for their password each time, and hand out no tokens",
        ),
        Flag::text(
            "policy",
            "file of grants, immutable tags, quotas, issuers of tokens and webhooks, read again when it changes",
        )
        .word("path"),
        Flag::text("issuer-ca-file", "certificate authorities that the policy's issuers are held to")
            .word("path"),
    ]
}

/// Who may do what, and the files that say so.
pub(super) struct Access {
    pub(super) logins: Option<Arc<Logins>>,
    pub(super) policies: Option<Policies>,
    /// Who is to be told of changes, and, once there is somebody, who tells them.
    hooks: Vec<Webhook>,
    webhooks: Option<Arc<Webhooks>>,
    sources: Sources,
}

/// A file, and how it was typed.
type Named = (String, PathBuf);

/// What the flags say, to be read again.
struct Sources {
    htpasswd: Option<Named>,
    policy: Option<Named>,
    grants: Vec<Grant>,
    /// Whether the policy may have issuers: there is somebody who looks at their tokens.
    may_trust: bool,
    hooks: Hooks,
    /// Users and policy as their files had them when they were read last.
    texts: Option<(String, String)>,
}

/// What the files say.
struct Said {
    users: Option<Users>,
    policy: Policy,
    hooks: Vec<Webhook>,
}

/// Reads the flags and the files they name.
pub(super) fn access(invocation: &Invocation, place: &Place, context: &Context) -> Result<Access> {
    let parsed = &invocation.parsed;
    let path = |name: &str| {
        let typed = parsed.some_text(name)?;
        Some((typed.to_owned(), context.environment.path(typed)))
    };
    let mut sources = Sources {
        htpasswd: path("htpasswd"),
        policy: path("policy"),
        grants: grants(parsed.list("user"))?,
        may_trust: true,
        hooks: webhook::read(invocation, context)?,
        texts: None,
    };
    let has_users = sources.htpasswd.is_some();
    if !sources.grants.is_empty() && !has_users {
        return Err(CliError::new("--user needs --htpasswd, which has the users' passwords"));
    }
    let is_said = has_users || sources.policy.is_some();
    let anonymous = match parsed.some_text("anonymous") {
        Some(word) => word,
        None if is_said => "none",
        None => "push",
    };
    check_anonymous(anonymous, is_said, place)?;
    if anonymous == "push" && !is_said {
        // There are no files, and never will be.
        sources.texts = Some((String::new(), String::new()));
        let hooks = sources.hooks.with(None)?;
        return Ok(Access { logins: None, policies: None, hooks, webhooks: None, sources });
    }
    let everybody = match anonymous {
        "push" => Some("anonymous:all:**"),
        "pull" => Some("anonymous:pull:**"),
        _ => None,
    };
    let users = has_users && sources.grants.is_empty() && sources.policy.is_none();
    let usual = everybody.into_iter().chain(users.then_some("*:admin:**"));
    sources.grants.extend(usual.map(|text| text.parse::<Grant>().expect("a grant of our own")));
    let Said { users, policy, hooks } = sources.read()?.expect("nothing was read before");
    let logins = logins(invocation, users, &policy, context)?;
    sources.may_trust = logins.is_some();
    let policies = Some(Policies::new(policy));
    Ok(Access { logins, policies, hooks, webhooks: None, sources })
}

/// Makes the door; none is needed where nobody has a name.
fn logins(
    invocation: &Invocation,
    users: Option<Users>,
    policy: &Policy,
    context: &Context,
) -> Result<Option<Arc<Logins>>> {
    let parsed = &invocation.parsed;
    let url = parsed.some_text("url").map(url).transpose()?;
    let failed = |error| CliError::new(chain(&error));
    let users = match users {
        Some(users) => users,
        None if policy.issuers().is_empty() => return Ok(None),
        None => Users::from_htpasswd("").map_err(failed)?,
    };
    let mut options = LoginsOptions::default();
    options.url = url;
    options.passwords_only = parsed.switch("passwords-only");
    let network = network(parsed.text("issuer-ca-file"), context)?;
    options.fetcher = Some(Arc::new(Documents { network }));
    let logins = Logins::new(users, options).map_err(failed)?;
    logins.trust(policy.issuers().to_vec());
    Ok(Some(Arc::new(logins)))
}

/// Refuses what opens more than its author can have meant.
fn check_anonymous(anonymous: &str, is_said: bool, place: &Place) -> Result<()> {
    if anonymous == "none" && !is_said {
        return Err(CliError::new("with --anonymous none and no users, nobody could do anything")
            .with_recommendation("Add --htpasswd, the file of the users"));
    }
    if anonymous == "push" && !place.is_closed() && !place.is_forced {
        let address = place.address;
        return Err(CliError::new(format!("other machines can reach {address}, and anybody could push and delete"))
            .with_recommendation(
                "Add --htpasswd for users, --anonymous pull, or --tls-client-ca; or add --insecure if the network is yours",
            ));
    }
    Ok(())
}

/// Checks that a URL has a scheme and a host, and nothing else that tokens' addresses would lack.
fn url(text: &str) -> Result<String> {
    let parsed = text.parse::<http::Uri>().ok().filter(|url| {
        let is_bare = url.path_and_query().is_none_or(|rest| rest.as_str() == "/");
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some() && is_bare
    });
    parsed.map(|_| text.trim_end_matches('/').to_owned()).ok_or_else(|| {
        CliError::new(format!("invalid URL {}", Quoted(text)))
            .with_recommendation("Use one without a path, such as https://registry.example")
    })
}

fn grants(texts: &[String]) -> Result<Vec<Grant>> {
    let read = |text: &String| {
        text.parse().map_err(|error| {
            CliError::new(format!("--user: {}", chain(&error)))
                .with_recommendation("Say for example --user 'ci:push,overwrite:team/**'")
        })
    };
    texts.iter().map(read).collect()
}

impl Access {
    /// Tells those who are to be told of changes, from now on and after every reload.
    pub(super) fn tell(&mut self, webhooks: &Arc<Webhooks>) {
        webhooks.replace(std::mem::take(&mut self.hooks));
        self.webhooks = Some(Arc::clone(webhooks));
    }

    /// Reads the files again; tells whether anything had changed. After an error everything stays
    /// as it was.
    pub(super) fn reload(&mut self) -> std::result::Result<bool, String> {
        let read = self.sources.read().map_err(|error| error.to_string())?;
        let Some(Said { users, policy, hooks }) = read else { return Ok(false) };
        if let Some(logins) = &self.logins {
            if let Some(users) = users {
                logins.replace(users);
            }
            logins.trust(policy.issuers().to_vec());
        }
        if let Some(policies) = &self.policies {
            policies.replace(policy);
        }
        if let Some(webhooks) = &self.webhooks {
            webhooks.replace(hooks);
        }
        Ok(true)
    }
}

impl Sources {
    /// Reads users, policy and secrets; nothing if the files are as they were.
    fn read(&mut self) -> Result<Option<Said>> {
        let text = |file: &Option<Named>| match file {
            None => Ok(String::new()),
            Some((name, path)) => std::fs::read_to_string(path).map_err(|error| {
                CliError::new(format!("failed to open {name}: {}", system_text(&error)))
            }),
        };
        let texts = (text(&self.htpasswd)?, text(&self.policy)?);
        if self.texts.as_ref() == Some(&texts) {
            return Ok(None);
        }
        let (users_text, policy_text) = &texts;
        let users = self.htpasswd.as_ref().map(|(name, _)| {
            Users::from_htpasswd(users_text).map_err(|error| {
                CliError::new(format!("{name}: {}", chain(&error)))
                    .with_recommendation("Make the file with 'htpasswd -B'")
            })
        });
        let users = users.transpose()?;
        let policy = match &self.policy {
            None => Policy::default(),
            Some((name, _)) => Policy::parse(policy_text)
                .map_err(|error| CliError::new(format!("{name}: {}", chain(&error))))?,
        };
        let policy = self.grants.iter().cloned().fold(policy, Policy::with);
        if !self.may_trust && !policy.issuers().is_empty() {
            return Err(CliError::new("the first issuer takes a restart"));
        }
        if let Some(users) = &users {
            let known: std::collections::HashSet<_> = users.names().collect();
            if let Some(stranger) = policy.users().find(|name| !known.contains(name)) {
                return Err(CliError::new(format!("there is no user {}", Quoted(stranger)))
                    .with_recommendation("Add the user to the file of --htpasswd"));
            }
        }
        let hooks = self.hooks.with(Some(&policy))?;
        self.texts = Some(texts);
        Ok(Some(Said { users, policy, hooks }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Environment;

    #[test]
    fn what_has_not_changed_is_not_read_again_even_if_there_is_nothing() {
        let mut sources = Sources {
            htpasswd: None,
            policy: None,
            grants: Vec::new(),
            may_trust: true,
            hooks: Hooks::none(Environment::new("/work")),
            texts: None,
        };
        assert!(sources.read().expect("nothing to fail").is_some());
        assert!(sources.read().expect("nothing to fail").is_none());
    }
}
