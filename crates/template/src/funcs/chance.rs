//! The functions of sprig that are not offered, and why.

/// Tells why a function that sprig has is not offered; empty for all other names.
pub(crate) fn why_not_offered(name: &str) -> &'static str {
    match name {
        "randAlphaNum" | "randAlpha" | "randAscii" | "randNumeric" | "randBytes" | "randInt"
        | "shuffle" | "uuidv4" => "the same template must render the same text twice",
        "bcrypt"
        | "htpasswd"
        | "derivePassword"
        | "genPrivateKey"
        | "buildCustomCert"
        | "genCA"
        | "genCAWithKey"
        | "genSelfSignedCert"
        | "genSelfSignedCertWithKey"
        | "genSignedCert"
        | "genSignedCertWithKey"
        | "encryptAES"
        | "decryptAES" => "templates make no keys and no secrets",
        "getHostByName" => "templates do not use the network",
        _ => "",
    }
}
