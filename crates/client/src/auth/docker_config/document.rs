//! The text of a `config.json`: the few fields we know, and all others as they were.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oras_spec::{RepositoryName, json};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{HUB_KEY, HUB_NAMES};
use crate::auth::Credential;
use crate::{Error, ErrorKind, Result};

const AUTHS: &str = "auths";
const CREDS_STORE: &str = "credsStore";
const CRED_HELPERS: &str = "credHelpers";

/// A configuration file, read.
pub(super) struct Document {
    /// Everything but `auths`.
    fields: BTreeMap<String, Box<RawValue>>,
    auths: BTreeMap<String, Box<RawValue>>,
    store: String,
    helpers: BTreeMap<String, String>,
}

/// One entry of `auths`.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
    #[serde(default)]
    registrytoken: Option<String>,
}

impl Document {
    /// Reads the text of the file at `path`; blank text is an empty file.
    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Self> {
        let failed = |error: serde_json::Error| {
            let message = format!(
                "failed to decode config file {}: invalid config format: {error}",
                path.display()
            );
            Error::new(ErrorKind::Invalid, message)
        };
        let mut fields: BTreeMap<String, Box<RawValue>> = if text.trim_ascii().is_empty() {
            BTreeMap::new()
        } else {
            serde_json::from_slice(text).map_err(failed)?
        };
        let auths = match fields.remove(AUTHS) {
            Some(raw) => serde_json::from_str::<Option<_>>(raw.get()).map_err(failed)?,
            None => None,
        };
        let store = match fields.get(CREDS_STORE) {
            Some(raw) => serde_json::from_str::<Option<_>>(raw.get()).map_err(failed)?,
            None => None,
        };
        let helpers = match fields.get(CRED_HELPERS) {
            Some(raw) => serde_json::from_str::<Option<_>>(raw.get()).map_err(failed)?,
            None => None,
        };
        Ok(Self {
            fields,
            auths: auths.unwrap_or_default(),
            store: store.unwrap_or_default(),
            helpers: helpers.unwrap_or_default(),
        })
    }

    /// Returns the helper that keeps the credential for `key`.
    pub(super) fn helper(&self, key: &str) -> Option<HelperName<'_>> {
        let exact = self.helpers.get_key_value(key);
        let own = exact.or_else(|| self.helpers.iter().find(|(name, _)| means(name, key)));
        let own = own.map(|(entry, name)| HelperName { name, entry: Some(entry) });
        let all = HelperName { name: &self.store, entry: None };
        Some(own.unwrap_or(all)).filter(|helper| !helper.name.is_empty())
    }

    /// Returns what the file itself has under `name`, which it has.
    pub(super) fn credential(&self, name: &str) -> Result<Option<Credential>> {
        let invalid = |why: &str| {
            let message = format!("failed to decode auth field: invalid config format: {why}");
            Error::new(ErrorKind::Invalid, message)
        };
        // The words of the decoder would quote the secret.
        let entry: Entry = serde_json::from_str(self.auths[name].get())
            .map_err(|_| invalid("not an object of texts"))?;
        let mut credential = Credential {
            username: entry.username.unwrap_or_default(),
            password: entry.password.unwrap_or_default(),
            identity_token: entry.identitytoken.unwrap_or_default(),
            registry_token: entry.registrytoken.unwrap_or_default(),
        };
        if let Some(auth) = entry.auth.filter(|auth| !auth.is_empty()) {
            let decoded = STANDARD.decode(auth).map_err(|_| invalid("illegal base64 data"))?;
            let decoded = String::from_utf8(decoded).map_err(|_| invalid("not UTF-8"))?;
            let (username, password) = decoded.split_once(':').ok_or_else(|| {
                invalid("auth does not conform to the base64(username:password) format")
            })?;
            username.clone_into(&mut credential.username);
            password.trim_matches('\0').clone_into(&mut credential.password);
        }
        Ok(Some(credential))
    }

    /// Tells whether the file itself has anything for `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.find(key, None).is_some()
    }

    /// Finds the name of the entry for `key`: one for the repository or what is above it, the
    /// longest first; then the key itself; then one that spells the same host in another way,
    /// `https://` before `http://`.
    pub(super) fn find(&self, key: &str, repository: Option<&RepositoryName>) -> Option<&str> {
        let mut path = repository.map_or("", |repository| repository.as_str());
        while !path.is_empty() {
            let is_it = |host: &&str| self.auths.contains_key(&format!("{host}/{path}"));
            if let Some(host) = names_of(key).into_iter().find(is_it) {
                let name = format!("{host}/{path}");
                return self.auths.get_key_value(&name).map(|(name, _)| name.as_str());
            }
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        if let Some((name, _)) = self.auths.get_key_value(key) {
            return Some(name);
        }
        let rank = |name: &&str| match name.split_once("://") {
            Some(("https", _)) => 0,
            Some(_) => 1,
            None => 2,
        };
        let names = self.auths.keys().map(String::as_str);
        names.filter(|name| means(name, key)).min_by_key(rank)
    }

    /// Keeps `credential` under `key`.
    pub(super) fn put(&mut self, key: &str, credential: &Credential) {
        let mut entry = BTreeMap::new();
        if !credential.username.is_empty() || !credential.password.is_empty() {
            let pair = format!("{}:{}", credential.username, credential.password);
            entry.insert("auth", STANDARD.encode(pair));
        }
        if !credential.identity_token.is_empty() {
            entry.insert("identitytoken", credential.identity_token.clone());
        }
        if !credential.registry_token.is_empty() {
            entry.insert("registrytoken", credential.registry_token.clone());
        }
        let entry = to_raw_value(&entry).expect("texts are JSON");
        self.auths.insert(key.to_owned(), entry);
    }

    /// Removes every entry that would be found for `key`; tells whether there was one.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        let before = self.auths.len();
        self.auths.retain(|name, _| name != key && !means(name, key));
        self.auths.len() != before
    }

    /// Prints the file: keys sorted, indented by tabs, no final newline.
    pub(super) fn print(&self) -> Vec<u8> {
        let auths = to_raw_value(&self.auths).expect("texts are JSON");
        let mut fields: BTreeMap<&str, &RawValue> =
            self.fields.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
        fields.insert(AUTHS, &auths);
        let text = json::to_vec(&fields);
        json::indent_by(&text, "\t").expect("it has just been printed")
    }
}

/// The name of a helper, and the key it stands under if it is not the one for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HelperName<'a> {
    pub(super) name: &'a str,
    pub(super) entry: Option<&'a str>,
}

/// Returns the names of the host whose credential is kept under `key`.
fn names_of(key: &str) -> Vec<&str> {
    if key == HUB_KEY { HUB_NAMES.to_vec() } else { vec![key] }
}

/// Tells whether `name`, a key of the file, is a spelling of `key`: with a scheme, the path of an
/// API, or one of the names of Docker Hub. Other paths without a scheme are those of repositories.
fn means(name: &str, key: &str) -> bool {
    let (has_scheme, rest) = match name.split_once("://") {
        Some(("https" | "http", rest)) => (true, rest),
        _ => (false, name),
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_whole = has_scheme || matches!(path.trim_end_matches('/'), "" | "v1" | "v2");
    is_whole && names_of(key).contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(Path::new("/c.json"), text.as_bytes()).expect("a config")
    }

    fn auth(text: &str) -> String {
        STANDARD.encode(text)
    }

    fn held(document: &Document, key: &str) -> Option<Credential> {
        document.credential(document.find(key, None)?).expect("good")
    }

    #[test]
    fn an_entry_for_a_repository_or_above_it_comes_first_and_serves_nothing_else() {
        let document = document(
            r#"{"auths":{"q.io":{},"q.io/org":{},"q.io/org/team/app":{},"docker.io/me":{},"r.io/x":{}}}"#,
        );
        for (key, repository, expected) in [
            ("q.io", "org/team/app", Some("q.io/org/team/app")),
            ("q.io", "org/team", Some("q.io/org")),
            ("q.io", "organ/x", Some("q.io")),
            (HUB_KEY, "me/app", Some("docker.io/me")),
            (HUB_KEY, "other/app", None),
            ("r.io", "x", Some("r.io/x")),
            ("r.io", "y", None),
        ] {
            let repository = repository.parse().expect("a name");
            assert_eq!(document.find(key, Some(&repository)), expected, "{key} {repository}");
        }
        assert_eq!(document.find("r.io", None), None);
    }

    #[test]
    fn finds_an_entry_however_its_key_is_spelled() {
        for name in [
            "h:5000",
            "http://h:5000",
            "https://h:5000",
            "https://h:5000/",
            "https://h:5000/v1/",
            "http://h:5000/v2/",
            "h:5000/",
            "h:5000/v1",
            "h:5000/v1/",
            "h:5000/v2/",
        ] {
            let text = format!(r#"{{"auths":{{"{name}":{{"auth":"{}"}}}}}}"#, auth("u:p:q"));
            assert_eq!(held(&document(&text), "h:5000"), Some(Credential::password("u", "p:q")));
            assert_eq!(held(&document(&text), "h"), None, "{name}");
        }
        for name in ["https://index.docker.io/v1/", "docker.io", "index.docker.io"] {
            let text = format!(r#"{{"auths":{{"{name}":{{"identitytoken":"t"}}}}}}"#);
            let found = held(&document(&text), HUB_KEY);
            assert_eq!(found, Some(Credential::identity_token("t")), "{name}");
        }
    }

    #[test]
    fn zeros_around_a_password_are_no_part_of_it() {
        let text = format!(r#"{{"auths":{{"h":{{"auth":"{}"}}}}}}"#, auth("u:p\0\0"));
        assert_eq!(held(&document(&text), "h"), Some(Credential::password("u", "p")));
    }

    #[test]
    fn the_exact_key_comes_first_and_https_before_http() {
        let entry = |user: &str| format!(r#"{{"auth":"{}"}}"#, auth(&format!("{user}:p")));
        let all = format!(
            r#"{{"auths":{{"http://h":{},"https://h/":{},"h":{}}}}}"#,
            entry("http"),
            entry("https"),
            entry("exact")
        );
        let mut document = document(&all);
        for expected in ["exact", "https", "http"] {
            assert_eq!(held(&document, "h").expect("found").username, expected);
            let name = document.find("h", None).expect("found").to_owned();
            document.auths.remove(&name);
        }
    }

    #[test]
    fn a_helper_for_the_registry_comes_before_the_one_for_all() {
        let document =
            document(r#"{"credsStore":"all","credHelpers":{"h":"own","docker.io":"hub"}}"#);
        let helper = |key| document.helper(key).map(|helper| (helper.name, helper.entry));
        assert_eq!(helper("h"), Some(("own", Some("h"))));
        assert_eq!(helper(HUB_KEY), Some(("hub", Some("docker.io"))));
        assert_eq!(helper("x"), Some(("all", None)));
    }

    #[test]
    fn keeps_what_it_does_not_know_and_prints_as_go_does() {
        let mut document = document(
            r#"{"zeta":{"b":1.50,"a":[]},"HttpHeaders":{"X":"<y>"},"auths":{"old":{"auth":"eA==","email":"e"}}}"#,
        );
        document.put("localhost:5000", &Credential::password("hello", "oras-test"));
        let text = String::from_utf8(document.print()).expect("UTF-8");
        assert_eq!(
            text,
            concat!(
                "{\n\t\"HttpHeaders\": {\n\t\t\"X\": \"<y>\"\n\t},\n",
                "\t\"auths\": {\n",
                "\t\t\"localhost:5000\": {\n\t\t\t\"auth\": \"aGVsbG86b3Jhcy10ZXN0\"\n\t\t},\n",
                "\t\t\"old\": {\n\t\t\t\"auth\": \"eA==\",\n\t\t\t\"email\": \"e\"\n\t\t}\n",
                "\t},\n",
                "\t\"zeta\": {\n\t\t\"b\": 1.50,\n\t\t\"a\": []\n\t}\n}"
            )
        );
    }

    #[test]
    fn removes_every_spelling() {
        let mut document = document(r#"{"auths":{"http://h/":{},"h":{},"i":{}}}"#);
        assert!(document.remove("h"));
        assert!(!document.has("h") && document.has("i"));
        assert!(!document.remove("h"));
    }

    #[test]
    fn says_what_is_wrong_without_quoting_secrets() {
        let message = |text: &str| {
            let document = Document::parse(Path::new("/c.json"), text.as_bytes());
            let error = document.and_then(|document| document.credential("h").map(drop));
            error.expect_err(text).to_string()
        };
        assert_eq!(
            message("{"),
            "failed to decode config file /c.json: invalid config format: EOF while parsing an object at line 1 column 1"
        );
        let prefix = "failed to decode auth field: invalid config format: ";
        for (entry, why) in [
            (r#"{"auth":"canary!"}"#.to_owned(), "illegal base64 data"),
            (
                format!(r#"{{"auth":"{}"}}"#, auth("canary")),
                "auth does not conform to the base64(username:password) format",
            ),
            (r#""canary""#.to_owned(), "not an object of texts"),
        ] {
            assert_eq!(
                message(&format!(r#"{{"auths":{{"h":{entry}}}}}"#)),
                format!("{prefix}{why}")
            );
        }
    }

    #[test]
    fn blank_and_null_are_empty() {
        for text in ["", " \n", "{}", r#"{"auths":null,"credsStore":null,"credHelpers":null}"#] {
            let document = document(text);
            assert_eq!(held(&document, "h"), None);
            assert_eq!(document.helper("h"), None);
        }
    }
}
