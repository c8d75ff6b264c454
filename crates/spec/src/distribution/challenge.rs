//! Challenges: what `WWW-Authenticate` asks for.

use std::fmt;

/// How a registry wants to be convinced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeScheme {
    /// A user name and a password, RFC 7617.
    Basic,
    /// A token, RFC 6750.
    Bearer,
    /// Anything else, as it was spelled.
    Other(String),
}

/// One challenge: a scheme and its parameters.
///
/// See [RFC 9110, section 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1) and
/// [Docker's token challenge](https://distribution.github.io/distribution/spec/auth/token/#how-to-authenticate).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Challenge {
    scheme: ChallengeScheme,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Makes a Basic challenge.
    pub fn basic(realm: &str) -> Self {
        Self {
            scheme: ChallengeScheme::Basic,
            parameters: vec![("realm".to_owned(), realm.to_owned())],
        }
    }

    /// Makes a Bearer challenge; empty parts are left out.
    pub fn bearer(realm: &str, service: &str, scope: &str) -> Self {
        let parameters = [("realm", realm), ("service", service), ("scope", scope)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { scheme: ChallengeScheme::Bearer, parameters: parameters.collect() }
    }

    /// Reads every challenge in the value of one `WWW-Authenticate` header.
    ///
    /// Lenient, as the field is: any case, values with or without quotes, several challenges in
    /// one header, commas inside quotes. What cannot be read is left out.
    pub fn parse_all(value: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut reader = Reader(value);
        while let Some(name) = reader.token() {
            match reader.value() {
                Some(value) => {
                    if let Some(challenge) = challenges.last_mut() {
                        challenge.parameters.push((name.to_ascii_lowercase(), value));
                    }
                }
                None => challenges.push(Self { scheme: scheme(name), parameters: Vec::new() }),
            }
        }
        challenges
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> &ChallengeScheme {
        &self.scheme
    }

    /// Returns a parameter by its lower-case name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the realm: for Bearer, the URL of the token service.
    pub fn realm(&self) -> Option<&str> {
        self.parameter("realm")
    }

    /// Returns what the token service knows the registry by.
    pub fn service(&self) -> Option<&str> {
        self.parameter("service")
    }

    /// Returns the scopes asked for, blanks between them.
    pub fn scope(&self) -> Option<&str> {
        self.parameter("scope")
    }
}

fn scheme(name: &str) -> ChallengeScheme {
    if name.eq_ignore_ascii_case("basic") {
        ChallengeScheme::Basic
    } else if name.eq_ignore_ascii_case("bearer") {
        ChallengeScheme::Bearer
    } else {
        ChallengeScheme::Other(name.to_owned())
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.scheme {
            ChallengeScheme::Basic => "Basic",
            ChallengeScheme::Bearer => "Bearer",
            ChallengeScheme::Other(name) => name,
        })?;
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "{}{name}=\"{quoted}\"", if index == 0 { " " } else { "," })?;
        }
        Ok(())
    }
}

/// What is left of a header value.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    /// Takes the next word: a scheme or the name of a parameter.
    fn token(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches([' ', '\t', ',', '=', '"']);
        let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
        let (token, rest) = rest.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// Takes `=value`, if the word before has one.
    fn value(&mut self) -> Option<String> {
        let rest = self.0.trim_start_matches([' ', '\t']).strip_prefix('=')?;
        let rest = rest.trim_start_matches([' ', '\t']);
        if let Some(quoted) = rest.strip_prefix('"') {
            return Some(self.quoted(quoted));
        }
        let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
        let (value, rest) = rest.split_at(end);
        self.0 = rest;
        Some(value.to_owned())
    }

    fn quoted(&mut self, text: &'a str) -> String {
        let mut value = String::new();
        let mut characters = text.char_indices();
        self.0 = "";
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &text[index + 1..];
                    break;
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => value.push(character),
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_registries_send() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let challenges = Challenge::parse_all(hub);
        assert_eq!(challenges.len(), 1);
        assert_eq!(challenges[0].realm(), Some("https://auth.docker.io/token"));
        assert_eq!(challenges[0].service(), Some("registry.docker.io"));
        assert_eq!(challenges[0].scope(), Some("repository:a/b:pull,push"));
        assert_eq!(challenges[0].to_string(), hub);

        let zot = Challenge::parse_all("basic realm=zot");
        assert_eq!(zot, [Challenge::basic("zot")]);

        let several = Challenge::parse_all(
            r#"Negotiate, BASIC Realm = "a, b" , bearer realm=https://h/t , service="s""#,
        );
        let schemes: Vec<&ChallengeScheme> = several.iter().map(Challenge::scheme).collect();
        let other = ChallengeScheme::Other("Negotiate".into());
        assert_eq!(schemes, [&other, &ChallengeScheme::Basic, &ChallengeScheme::Bearer]);
        assert_eq!(several[1].realm(), Some("a, b"));
        assert_eq!(several[2].realm(), Some("https://h/t"));
        assert_eq!(several[2].service(), Some("s"));
    }

    #[test]
    fn survives_nonsense() {
        for text in [
            "",
            " ",
            ",",
            "=",
            "\"",
            "Bearer",
            "Bearer realm",
            "Bearer realm=",
            "Bearer realm=\"x",
            "=\"x\"",
            "\\",
        ] {
            let challenges = Challenge::parse_all(text);
            assert!(challenges.iter().all(|challenge| challenge.service().is_none()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn prints_what_it_parses(realm in "\\PC{1,20}", service in "\\PC{0,20}", scope in "\\PC{0,20}") {
            let challenge = Challenge::bearer(&realm, &service, &scope);
            prop_assert_eq!(Challenge::parse_all(&challenge.to_string()), [challenge]);
        }

        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            drop(Challenge::parse_all(&text));
        }
    }
}
