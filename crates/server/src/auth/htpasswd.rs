//! The text of an htpasswd file: one user a line, a name, a colon, the hash of a password.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr as _;

use bcrypt::HashParts;

use super::basic::is_name;
use super::password::{check_argon2, is_argon2};

/// What is wrong with an htpasswd file, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct HtpasswdError {
    line: usize,
    problem: HtpasswdProblem,
}

impl HtpasswdError {
    /// Returns the number of the line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns what is wrong with it.
    pub fn problem(&self) -> HtpasswdProblem {
        self.problem
    }
}

/// What is wrong with a line of an htpasswd file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HtpasswdProblem {
    /// It is not a name, a colon and a hash.
    Form,
    /// The name is empty or holds a control character.
    Name,
    /// The name was on an earlier line.
    Duplicate,
    /// The password is hashed with something else than bcrypt or argon2id, or with a broken one
    /// (`$2x$`).
    Scheme,
    /// The hash looks like one of these, and is not.
    Hash,
    /// The cost of a bcrypt hash is below 4, which is not defined, or above 14: more than a second a
    /// check; or that of an argon2 hash above 128 MiB, 16 passes or 16 lanes.
    Cost,
}

impl fmt::Display for HtpasswdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a name, a colon and a hash",
            Self::Name => "not a name for a user",
            Self::Duplicate => "a name that an earlier line has",
            Self::Scheme => {
                "a password not hashed with bcrypt or argon2id; `htpasswd -B` does that"
            }
            Self::Hash => "a hash that is damaged",
            Self::Cost => "a hash whose cost is out of bounds",
        })
    }
}

const COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// Reads the names and hashes; empty lines and those that begin with `#` are left out.
pub(super) fn parse(text: &str) -> Result<Vec<(&str, &str)>, HtpasswdError> {
    let mut users = Vec::new();
    let mut names = HashSet::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let user = parse_line(line).and_then(|(name, hash)| {
            let is_new = names.insert(name);
            is_new.then_some((name, hash)).ok_or(HtpasswdProblem::Duplicate)
        });
        users.push(user.map_err(|problem| HtpasswdError { line: index + 1, problem })?);
    }
    Ok(users)
}

fn parse_line(line: &str) -> Result<(&str, &str), HtpasswdProblem> {
    let (name, hash) = line.split_once(':').ok_or(HtpasswdProblem::Form)?;
    if !is_name(name) {
        return Err(HtpasswdProblem::Name);
    }
    if is_argon2(hash) {
        return check_argon2(hash).map(|()| (name, hash));
    }
    if !["$2a$", "$2b$", "$2y$"].iter().any(|scheme| hash.starts_with(scheme)) {
        return Err(HtpasswdProblem::Scheme);
    }
    let parts = HashParts::from_str(hash).map_err(|_| HtpasswdProblem::Hash)?;
    if !COSTS.contains(&parts.get_cost()) {
        return Err(HtpasswdProblem::Cost);
    }
    Ok((name, hash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "$2y$05$bvIG6Nmid91Mu9RcmmWZfOONfID/BsyDjoKe9x3sWOuNFrqO/TTt2";

    fn problem(text: &str) -> (usize, HtpasswdProblem) {
        let error = parse(text).expect_err(text);
        (error.line(), error.problem())
    }

    #[test]
    fn reads_what_htpasswd_writes() {
        let other = HASH.replace("$2y$", "$2b$");
        let text = format!("# people\r\nada:{HASH}\r\n\n  \nzo\u{eb} x:{other}");
        let users = [("ada", HASH), ("zo\u{eb} x", other.as_str())];
        assert_eq!(parse(&text).expect("two users"), users);
        assert!(parse("").expect("nobody").is_empty());
    }

    #[test]
    fn names_the_line_and_the_problem() {
        use HtpasswdProblem as Problem;
        assert_eq!(problem(&format!("ada:{HASH}\n\nbob")), (3, Problem::Form));
        assert_eq!(problem(&format!(":{HASH}")), (1, Problem::Name));
        assert_eq!(problem(&format!("a\tb:{HASH}")), (1, Problem::Name));
        assert_eq!(problem(&format!("ada:{HASH}\nada:{HASH}")), (2, Problem::Duplicate));
        assert_eq!(problem(&format!("ada:{}", &HASH[..59])), (1, Problem::Hash));
        assert_eq!(problem(&format!("ada:{HASH}:extra")), (1, Problem::Hash));
        assert_eq!(problem(&format!("ada:{}\u{eb}", &HASH[..58])), (1, Problem::Hash));
        for cost in ["03", "15", "31", "99"] {
            let hash = HASH.replace("$05$", &format!("${cost}$"));
            assert_eq!(problem(&format!("ada:{hash}")), (1, Problem::Cost), "{cost}");
        }
    }

    #[test]
    fn takes_no_other_hash() {
        for hash in [
            "",
            "secret",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "$apr1$ZjTqBB3f$IF9gdYAGlMrs2fuINjHsz.",
            "$6$salt$hash",
            "$2x$05$bvIG6Nmid91Mu9RcmmWZfOONfID/BsyDjoKe9x3sWOuNFrqO/TTt2",
            "$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        ] {
            assert_eq!(problem(&format!("ada:{hash}")), (1, HtpasswdProblem::Scheme), "{hash}");
        }
    }

    #[test]
    fn an_error_holds_no_hash() {
        let error = parse("ada:secret").expect_err("no hash");
        let text = "line 1: a password not hashed with bcrypt or argon2id; `htpasswd -B` does that";
        assert_eq!(error.to_string(), text);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[$:a-z0-9\\n\u{eb}]{0,200}") {
            drop(parse(&text));
        }
    }
}
