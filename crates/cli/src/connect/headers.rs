//! Headers of the user's own, for every request to a registry.

use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use oras_spec::Quoted;

use crate::error::{CliError, Result};

/// Makes headers of names and values, which no log shows.
///
/// # Errors
///
/// If one is none.
pub(super) fn read(pairs: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let invalid = |_: &dyn fmt::Display| {
            let header = format!("{name}: {value}");
            CliError::new(format!("invalid header: {}", Quoted(&header)))
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| invalid(&error))?;
        let mut value = HeaderValue::from_str(value).map_err(|error| invalid(&error))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}
