//! `<file>[:<type>]`: a file and the media type it is to have.

use crate::error::{CliError, Result};

/// A file as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileReference {
    /// The path, as typed.
    pub(crate) path: String,
    /// What stands behind the colon; nothing if that is empty.
    pub(crate) media_type: Option<String>,
}

impl FileReference {
    /// Splits at the last colon. On Windows a colon behind a drive's letter belongs to the path.
    ///
    /// # Errors
    ///
    /// If there is no path, or on Windows one with characters that no path has.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (path, media_type) = split(text, cfg!(windows))?;
        Ok(Self {
            path: path.to_owned(),
            media_type: media_type.filter(|text| !text.is_empty()).map(str::to_owned),
        })
    }
}

/// Splits `<path>[:<rest>]`; also the form of `--oci-layout` references.
///
/// # Errors
///
/// As [`FileReference::parse`].
pub(crate) fn split(text: &str, is_windows: bool) -> Result<(&str, Option<&str>)> {
    let drive = if is_windows { drive_end(text) } else { 0 };
    let (path, rest) = match text[drive..].rfind(':') {
        Some(colon) => (&text[..drive + colon], Some(&text[drive + colon + 1..])),
        None => (text, None),
    };
    if path.is_empty() {
        return Err(CliError::new(format!("found empty file path in \"{text}\"")));
    }
    if is_windows && path[drive..].contains(['<', '>', ':', '"', '|', '?', '*']) {
        return Err(CliError::new(format!("reserved characters found in the file path: {path}")));
    }
    Ok((path, rest))
}

/// Returns the length of a drive such as `C:` that a backslash follows.
fn drive_end(text: &str) -> usize {
    match text.as_bytes() {
        [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic() => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, is_windows: bool) -> Option<(&str, Option<&str>)> {
        split(text, is_windows).ok()
    }

    #[test]
    fn splits_at_the_last_colon() {
        for (text, path, rest) in [
            ("hi.txt", "hi.txt", None),
            ("hi.txt:text/plain", "hi.txt", Some("text/plain")),
            ("hi:txt:", "hi:txt", Some("")),
            ("./a/b.c:d", "./a/b.c", Some("d")),
            ("C:\\x", "C", Some("\\x")),
        ] {
            assert_eq!(parts(text, false), Some((path, rest)), "{text}");
        }
        assert_eq!(parts(":type", false), None);
        assert_eq!(parts("", false), None);
        assert_eq!(
            FileReference::parse("hi:txt:").expect("good"),
            FileReference { path: "hi:txt".to_owned(), media_type: None }
        );
    }

    #[test]
    fn knows_the_drives_of_windows() {
        for (text, path, rest) in [
            ("C:\\x", "C:\\x", None),
            ("C:\\x:text/plain", "C:\\x", Some("text/plain")),
            ("a:b", "a", Some("b")),
            ("x\\y:z", "x\\y", Some("z")),
        ] {
            assert_eq!(parts(text, true), Some((path, rest)), "{text}");
        }
        assert_eq!(parts("a?b", true), None);
        assert_eq!(parts("C:\\a*b:t", true), None);
    }
}
