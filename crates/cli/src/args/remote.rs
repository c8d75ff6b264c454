//! How to reach a registry and who to be there: user, password, TLS, headers, resolution.

use oras_client::remote::ReferrersMode;

use super::distribution;
use super::patience::{self, Patience};
use crate::command::Invocation;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// One of the two ends of a command that has two, or the only one of others: decides how the flags
/// are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// `--username`.
    Only,
    /// `--from-username`.
    From,
    /// `--to-username`.
    To,
}

impl Side {
    /// Returns what stands before the names of flags.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Only => "",
            Self::From => "from-",
            Self::To => "to-",
        }
    }

    /// Spells the name of a flag.
    pub(crate) fn flag(self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }
}

/// What the group reads.
#[derive(Clone, Default)]
pub(crate) struct Remote {
    /// Name of the user; may be empty.
    pub(crate) username: String,
    /// Password, or identity token if there is no user; may be empty.
    pub(crate) secret: String,
    /// Whether certificates are not checked.
    pub(crate) insecure: bool,
    /// Whether HTTP is spoken without TLS; nothing if that is left to the name of the registry.
    pub(crate) plain_http: Option<bool>,
    /// PEM file of the authorities to trust in place of the system's; may be empty.
    pub(crate) ca_file: String,
    /// PEM files of a certificate and its key to show; both or none.
    pub(crate) identity: Option<(String, String)>,
    /// `host:port:address[:address_port]`, each.
    pub(crate) resolve: Vec<String>,
    /// Files with credentials in place of docker's.
    pub(crate) registry_configs: Vec<String>,
    /// Names and values to add to each request.
    pub(crate) headers: Vec<(String, String)>,
    /// How the referrers of a manifest are found and recorded.
    pub(crate) referrers: ReferrersMode,
    /// How long to wait for the registry, and how often to try again.
    pub(crate) patience: Patience,
}

impl std::fmt::Debug for Remote {
    /// Nothing of it: most of it is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

/// How long a password on standard input may be, in bytes.
const MAX_SECRET: u64 = 1024 * 1024;

/// Declares the group.
pub(crate) fn flags(side: Side) -> Vec<Flag> {
    let only = side == Side::Only;
    let short = |flag: Flag, letter| if only { flag.short(letter) } else { flag };
    let text = |name: &str, help| Flag::text(side.flag(name), help);
    let switch = |name: &str, help| Flag::switch(side.flag(name), help);
    let list = |name: &str, help| Flag::list(side.flag(name), help);
    let mut flags = vec![
        short(text("username", "registry username"), 'u'),
        short(text("password", "registry password or identity token"), 'p'),
        text("identity-token", "registry identity token"),
        switch("insecure", "allow connections to SSL registry without certs"),
        switch("plain-http", "allow insecure connections to registry without SSL check"),
        text("ca-file", "server certificate authority file for the remote registry"),
        text("cert-file", "client certificate file for the remote registry"),
        text("key-file", "client private key file for the remote registry"),
        resolve(side),
        list("registry-config", "path of the authentication file for the registry").word("path"),
        short(list("header", "add custom headers to requests"), 'H'),
    ];
    if only {
        flags.push(Flag::switch("password-stdin", "read password from stdin"));
        flags.push(Flag::switch("identity-token-stdin", "read identity token from stdin"));
    }
    if side != Side::To {
        flags.extend(patience::flags());
    }
    flags
}

/// Declares `--resolve`; a command with two sides has one for both, besides those of the group.
pub(crate) fn resolve(side: Side) -> Flag {
    Flag::list(
        side.flag("resolve"),
        "customized DNS for registry, formatted in host:port:address[:address_port]",
    )
    .word("host:port:address[:address_port]")
}

impl Remote {
    /// Reads the group; may read standard input.
    ///
    /// # Errors
    ///
    /// About flags that exclude or need each other, or a header that is none.
    pub(crate) async fn read(
        invocation: &Invocation,
        side: Side,
        context: &Context,
    ) -> Result<Self> {
        let parsed = &invocation.parsed;
        let name = |name: &str| side.flag(name);
        let exclude = |names: &[&str]| {
            let names: Vec<String> =
                names.iter().map(|flag| name(flag)).filter(|flag| parsed.declares(flag)).collect();
            invocation.exclude(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        exclude(&["username", "identity-token", "identity-token-stdin"])?;
        exclude(&["password", "identity-token", "identity-token-stdin", "password-stdin"])?;
        let headers = read_headers(parsed.list(&name("header")))?;
        let identity = read_pair(invocation, &name("cert-file"), &name("key-file"))?;
        let plain_http = name("plain-http");
        Ok(Self {
            username: parsed.text(&name("username")).to_owned(),
            secret: read_secret(invocation, side, context).await?,
            insecure: parsed.switch(&name("insecure")),
            plain_http: parsed.given(&plain_http).then(|| parsed.switch(&plain_http)),
            ca_file: parsed.text(&name("ca-file")).to_owned(),
            identity,
            resolve: resolutions(invocation, side),
            registry_configs: parsed.list(&name("registry-config")).to_vec(),
            headers,
            referrers: distribution::read(invocation, side),
            patience: patience::read(invocation)?,
        })
    }
}

/// Returns all resolutions for one side; those for both sides come first, so that they count less.
fn resolutions(invocation: &Invocation, side: Side) -> Vec<String> {
    let parsed = &invocation.parsed;
    let own = parsed.list(&side.flag("resolve"));
    let both = if side == Side::Only { &[] } else { parsed.list("resolve") };
    [both, own].concat()
}

/// Checks that standard input is not to be a file and a secret at once.
///
/// # Errors
///
/// If `file` is `-` and a secret comes from standard input, too.
pub(crate) fn check_input(invocation: &Invocation, file: &str) -> Result<()> {
    if file != "-" {
        return Ok(());
    }
    for (flag, secret) in
        [("password-stdin", "password"), ("identity-token-stdin", "identity token")]
    {
        if invocation.parsed.given(flag) {
            return Err(CliError::new(format!(
                "`-` read file from input and `--{flag}` read {secret} from input \
                 cannot be both used"
            )));
        }
    }
    Ok(())
}

/// Reads `Name: value` pairs; white space around the value is not part of it.
fn read_headers(pairs: &[String]) -> Result<Vec<(String, String)>> {
    let split = |pair: &String| {
        let (name, value) = pair.split_once(':')?;
        (!name.trim().is_empty()).then(|| (name.to_owned(), value.trim().to_owned()))
    };
    pairs
        .iter()
        .map(|pair| {
            let invalid = || CliError::new(format!("invalid header: {}", oras_spec::Quoted(pair)));
            split(pair).ok_or_else(invalid)
        })
        .collect()
}

fn read_pair(invocation: &Invocation, one: &str, other: &str) -> Result<Option<(String, String)>> {
    let parsed = &invocation.parsed;
    let alone = |given: &str, missing: &str| {
        CliError::new(format!("--{given} must be used in conjunction with --{missing}"))
    };
    match (parsed.given(one), parsed.given(other)) {
        (false, false) => Ok(None),
        (true, true) => Ok(Some((parsed.text(one).to_owned(), parsed.text(other).to_owned()))),
        (true, false) => Err(alone(one, other)),
        (false, true) => Err(alone(other, one)),
    }
}

/// Returns password or token, from flags or from standard input. Only the flags of commands with
/// one side are warned about.
async fn read_secret(invocation: &Invocation, side: Side, context: &Context) -> Result<String> {
    let parsed = &invocation.parsed;
    for name in ["identity-token", "password"] {
        let flag = side.flag(name);
        if !parsed.given(&flag) {
            continue;
        }
        if side == Side::Only {
            context.printer.note(&format!(
                "WARNING! Using --{name} via the CLI is insecure. Use --{name}-stdin."
            ));
        }
        return Ok(parsed.text(&flag).to_owned());
    }
    let is_piped = |flag| parsed.declares(flag) && parsed.switch(flag);
    if !is_piped("password-stdin") && !is_piped("identity-token-stdin") {
        return Ok(String::new());
    }
    let bytes = context.input(MAX_SECRET).await?;
    let secret =
        String::from_utf8(bytes).map_err(|_| CliError::new("standard input is not UTF-8 text"))?;
    let secret = secret.strip_suffix('\n').unwrap_or(&secret);
    Ok(secret.strip_suffix('\r').unwrap_or(secret).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_split_at_the_first_colon() {
        let pairs = ["X-A: b:c ".to_owned(), "Empty:".to_owned()];
        assert_eq!(
            read_headers(&pairs).expect("good"),
            [("X-A".to_owned(), "b:c".to_owned()), ("Empty".to_owned(), String::new())]
        );
        for bad in ["novalue", ": x", "  :x"] {
            let error = read_headers(&[bad.to_owned()]).expect_err("bad").to_string();
            assert_eq!(error, format!("Error: invalid header: \"{bad}\""));
        }
    }

    #[test]
    fn the_sides_of_a_copy_have_no_letters_and_no_standard_input() {
        for flag in flags(Side::To) {
            assert!(flag.name.starts_with("to-") && flag.short.is_none(), "{}", flag.name);
        }
        // Two of standard input, and two for both sides.
        assert_eq!(flags(Side::Only).len(), flags(Side::To).len() + 4);
        assert_eq!(flags(Side::From).len(), flags(Side::To).len() + 2);
    }
}
