//! URLs, taken apart and put together as Go's `net/url` does.

use std::net::Ipv6Addr;

use super::{Call, Function, Type};
use crate::buffer::append;
use crate::error::Failure;
use crate::quote::quote;
use crate::value::{Text, Value};

use Type::{Map as Dict, Text as Str};

pub(super) const FUNCTIONS: &[Function] =
    &[Function::fixed("urlParse", &[Str], parse), Function::fixed("urlJoin", &[Dict], join)];

/// The parts of a URL, decoded.
#[derive(Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<User>,
    host: String,
    path: Vec<u8>,
    query: String,
    fragment: Vec<u8>,
}

struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Where in a URL something stands; each place has characters of its own that need no escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Fragment,
    Host,
    Path,
    User,
}

impl Place {
    fn plain(self) -> &'static str {
        match self {
            Self::Fragment => "!$&()*+,/:;=?@",
            Self::Host => "!\"$&'()*+,:;<=>[]",
            Self::Path => "$&+,/:;=@",
            Self::User => "$&+,;=",
        }
    }

    fn needs_escape(self, byte: u8) -> bool {
        let character = char::from(byte);
        !(byte.is_ascii_alphanumeric()
            || "-_.~".contains(character)
            || self.plain().contains(character))
    }
}

fn parse(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.str(0);
    let url = Url::parse(&text).map_err(|error| format!("unable to parse url: {error}"))?;
    let hostname = url.hostname().to_owned();
    let userinfo = url.user.as_ref().map(User::to_text).unwrap_or_default();
    let parts = [
        ("scheme", Text::from(url.scheme)),
        ("host", url.host.into()),
        ("hostname", hostname.into()),
        ("path", url.path.into()),
        ("query", url.query.into()),
        ("opaque", url.opaque.into()),
        ("fragment", url.fragment.into()),
        ("userinfo", userinfo.into()),
    ];
    Ok(Value::map(parts.map(|(name, part)| (Text::from(name), Value::Text(part)))))
}

fn join(call: &Call<'_>) -> Result<Value, Failure> {
    let map = call.map(0);
    let bytes = |name: &str| match map.get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Text(text)) => Ok(text.as_bytes().to_vec()),
        Some(value) if value.is_nil() => Err(Failure::from(super::NIL_POINTER)),
        Some(value) => {
            let kind = value.kind_name();
            Err(format!("unable to parse {name} key, must be of type string, but {kind} found")
                .into())
        }
    };
    let part = |name| Ok::<_, Failure>(String::from_utf8_lossy(&bytes(name)?).into_owned());
    let url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: bytes("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: bytes("fragment")?,
        user: user_of(&part("userinfo")?)?,
    };
    Ok(Value::text(url.to_text()))
}

fn user_of(userinfo: &str) -> Result<Option<User>, Failure> {
    if userinfo.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(&format!("proto://{userinfo}@host"));
    let url = url.map_err(|error| format!("unable to parse userinfo in dict: {error}"))?;
    Ok(url.user)
}

impl Url {
    fn parse(text: &str) -> Result<Self, String> {
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let shown =
            |text: &str, error: String| format!("parse {}: {error}", quote(text.as_bytes()));
        let mut url = Self::parse_before_fragment(before).map_err(|error| shown(before, error))?;
        url.fragment = unescape(fragment, Place::Fragment).map_err(|error| shown(text, error))?;
        Ok(url)
    }

    fn parse_before_fragment(text: &str) -> Result<Self, String> {
        let mut url = Self::default();
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text == "*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, rest) = split_scheme(text)?;
        url.scheme = scheme.to_lowercase();
        let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        query.clone_into(&mut url.query);
        if !rest.starts_with('/') {
            if !scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let has_authority = !scheme.is_empty() || !rest.starts_with("///");
        if let Some(behind) = rest.strip_prefix("//").filter(|_| has_authority) {
            let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
            rest = path;
            url.parse_authority(authority)?;
        }
        url.path = unescape(rest, Place::Path)?;
        Ok(url)
    }

    fn parse_authority(&mut self, authority: &str) -> Result<(), String> {
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };
        self.host = self.parse_host(host)?;
        let Some(userinfo) = userinfo else { return Ok(()) };
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
        if !userinfo.chars().all(is_allowed) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = match userinfo.split_once(':') {
            Some((name, password)) => (name, Some(unescape(password, Place::User)?)),
            None => (userinfo, None),
        };
        self.user = Some(User { name: unescape(name, Place::User)?, password });
        Ok(())
    }

    fn parse_host(&self, host: &str) -> Result<String, String> {
        let check_port = |port: &str| {
            let is_port = port
                .strip_prefix(':')
                .map_or(port.is_empty(), |digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let bad = || format!("invalid port {} after host", quote(port.as_bytes()));
            is_port.then_some(()).ok_or_else(bad)
        };
        match host.rfind('[') {
            Some(0) => {}
            Some(_) => return Err("invalid IP-literal".to_owned()),
            None => {
                // Only schemes that are not the web's may have more colons than one.
                let is_web = matches!(&*self.scheme, "http" | "https");
                let colon = if is_web { host.find(':') } else { host.rfind(':') };
                check_port(&host[colon.unwrap_or(host.len())..])?;
                return unescape_host(host);
            }
        }
        let end = host.rfind(']').ok_or("missing ']' in host")?;
        check_port(&host[end + 1..])?;
        let address = unescape_host(&host[1..end])?;
        let without_zone = address.split('%').next().unwrap_or(&address);
        if without_zone.parse::<Ipv6Addr>().is_err() {
            let shown = quote(address.as_bytes());
            return Err(format!("invalid host: ParseAddr({shown}): unable to parse IP"));
        }
        Ok(format!("[{address}]{}", &host[end + 1..]))
    }

    /// The host without its port and brackets.
    fn hostname(&self) -> &str {
        let host = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.host,
        };
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        if self.opaque.is_empty() {
            self.write_hierarchy(&mut text);
        } else {
            text.push_str(&self.opaque);
        }
        if !self.query.is_empty() {
            text.push('?');
            text.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            text.push('#');
            text.push_str(&escape(&self.fragment, Place::Fragment));
        }
        text
    }

    fn write_hierarchy(&self, text: &mut String) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            text.push_str("//");
            if let Some(user) = &self.user {
                text.push_str(&user.to_text());
                text.push('@');
            }
            text.push_str(&escape(self.host.as_bytes(), Place::Host));
        }
        let path = if self.path == b"*" { "*".to_owned() } else { escape(&self.path, Place::Path) };
        if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
            text.push('/');
        }
        if text.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
            text.push_str("./");
        }
        text.push_str(&path);
    }
}

impl User {
    fn to_text(&self) -> String {
        let name = escape(&self.name, Place::User);
        match &self.password {
            Some(password) => format!("{name}:{}", escape(password, Place::User)),
            None => name,
        }
    }
}

/// Splits off what stands before the first colon, if it can be a scheme.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let length = text.find(|c| !is_scheme(c)).unwrap_or(text.len());
    match text[length..].strip_prefix(':') {
        Some(_) if length == 0 => Err("missing protocol scheme".to_owned()),
        Some(rest) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Ok((&text[..length], rest))
        }
        _ => Ok(("", text)),
    }
}

fn unescape_host(text: &str) -> Result<String, String> {
    let bytes = unescape(text, Place::Host)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unescape(text: &str, place: Place) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let invalid = |escape: &[u8]| format!("invalid URL escape {}", quote(escape));
    while let [byte, behind @ ..] = rest {
        if *byte != b'%' {
            if place == Place::Host && byte.is_ascii() && place.needs_escape(*byte) {
                return Err(format!("invalid character {} in host name", quote(&[*byte])));
            }
            bytes.push(*byte);
            rest = behind;
            continue;
        }
        let shown = &rest[..rest.len().min(3)];
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| invalid(shown))?;
        if place == Place::Host && code < 0x80 && code != b'%' {
            return Err(invalid(shown));
        }
        bytes.push(code);
        rest = &behind[2..];
    }
    Ok(bytes)
}

fn escape(text: &[u8], place: Place) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        if place.needs_escape(byte) {
            append(&mut out, format_args!("%{byte:02X}"));
        } else {
            out.push(char::from(byte));
        }
    }
    out
}
