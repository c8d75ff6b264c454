//! Whether to believe a registry about where its token service is.

use url::Url;

use crate::transport::WebOrigin;
use crate::transport::origin::is_private;
use crate::{Error, ErrorKind, Result};

/// Reads `realm` and holds it to the rules: http or https, not http if the registry is https, no
/// user, and no literal address of a network the registry itself is not on.
pub(super) fn check(realm: &str, registry: &WebOrigin) -> Result<Url> {
    let refused = |why: String| Error::new(ErrorKind::Server, why);
    let url = Url::parse(realm)
        .map_err(|error| refused(format!("invalid bearer realm \"{realm}\": {error}")))?;
    match url.scheme() {
        "http" if registry.is_https => {
            return Err(refused(format!(
                "bearer realm \"{realm}\" uses http but registry was contacted over https"
            )));
        }
        "http" | "https" => {}
        scheme => {
            return Err(refused(format!(
                "bearer realm \"{realm}\" uses unsupported scheme \"{scheme}\""
            )));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("bearer realm carries a user".to_owned()));
    }
    let uri: http::Uri = url
        .as_str()
        .parse()
        .map_err(|error| refused(format!("invalid bearer realm \"{realm}\": {error}")))?;
    let origin = WebOrigin::of(&uri);
    if let Some(origin) = origin
        && origin.host != registry.host
        && origin.address().is_some_and(is_private)
    {
        return Err(refused(format!(
            "bearer realm host \"{}\" is a loopback, link-local, private, or unspecified address",
            origin.host
        )));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(registry: &str, realm: &str) -> std::result::Result<(), String> {
        let registry = WebOrigin::of(&registry.parse().expect("a URI")).expect("an origin");
        check(realm, &registry).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn believes_what_registries_really_say() {
        for (registry, realm) in [
            ("https://registry-1.docker.io", "https://auth.docker.io/token"),
            ("https://public.ecr.aws", "https://public.ecr.aws/token/"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token?x=1"),
            ("http://localhost:5000", "http://localhost:5001/token"),
        ] {
            assert_eq!(checked(registry, realm), Ok(()));
        }
    }

    #[test]
    fn refuses_realms_nobody_should_send_a_password_to() {
        let https = "https://registry.example";
        let local = |host: &str| {
            Err(format!(
                "bearer realm host \"{host}\" is a loopback, link-local, private, or unspecified address"
            ))
        };
        assert_eq!(
            checked(https, "http://auth.example/token"),
            Err("bearer realm \"http://auth.example/token\" uses http but registry was contacted over https".into())
        );
        assert_eq!(
            checked(https, "ftp://auth.example/token"),
            Err("bearer realm \"ftp://auth.example/token\" uses unsupported scheme \"ftp\"".into())
        );
        assert_eq!(checked(https, "https://127.0.0.1/token"), local("127.0.0.1"));
        assert_eq!(checked(https, "https://0x7f.1/token"), local("127.0.0.1"));
        assert_eq!(checked(https, "https://[::]/token"), local("::"));
        assert_eq!(checked(https, "https://169.254.169.254/token"), local("169.254.169.254"));
        assert_eq!(checked(https, "https://10.1.2.3/token"), local("10.1.2.3"));
        assert_eq!(checked("http://localhost:5000", "http://127.0.0.1/token"), local("127.0.0.1"));
        assert!(checked(https, "https://user:pass@auth.example/token").is_err());
        assert!(checked(https, "/token").is_err());
        assert!(checked(https, "").is_err());
    }
}
