//! `--tls-self-signed`: a certificate for this machine, kept until it expires or its names change.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oras_server::serve::tls::{SelfSigned, Tls, TlsFiles};

use crate::error::{CliError, Result, chain, system_text};

/// How long before it expires a certificate is made anew.
const MARGIN: Duration = Duration::from_hours(24 * 30);

/// Returns the names clients may know the listener by.
pub(super) fn names(address: SocketAddr, url: Option<&str>) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !address.ip().is_unspecified() {
        names.push(address.ip().to_string());
    }
    let host = url.and_then(|url| url.parse::<http::Uri>().ok());
    if let Some(host) = host.as_ref().and_then(http::Uri::host) {
        names.push(host.trim_start_matches('[').trim_end_matches(']').to_owned());
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns the file with the certificate of the authority.
pub(super) fn authority(directory: &Path) -> PathBuf {
    directory.join("authority.pem")
}

/// Returns the files of a certificate for `names` that is good for a while, made if need be.
///
/// Clients that trust the authority go on doing so while the certificate is the same.
pub(super) fn files(directory: &Path, names: &[String], now: SystemTime) -> Result<TlsFiles> {
    let files = TlsFiles {
        certificate: directory.join("certificate.pem"),
        key: directory.join("key.pem"),
        client_authorities: None,
    };
    let is_good = fs::read_to_string(directory.join("names"))
        .is_ok_and(|text| lasts(&text, names, now) && Tls::from_files(files.clone()).is_ok());
    if !is_good {
        let made = SelfSigned::new(names, now).map_err(|error| CliError::new(chain(&error)))?;
        write(directory, &files, &made, names).map_err(|error| {
            let directory = directory.display();
            CliError::new(format!("failed to write to {directory}: {}", system_text(&error)))
        })?;
    }
    Ok(files)
}

/// Tells whether the note beside a certificate says that it is for these names, and for long enough.
fn lasts(note: &str, names: &[String], now: SystemTime) -> bool {
    let mut lines = note.lines();
    let expires = lines.next().and_then(|line| line.parse().ok());
    let expires = expires.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    expires.is_some_and(|expires| now + MARGIN < expires) && lines.eq(names.iter())
}

/// The note comes last, and goes first: with it, everything is whole.
fn write(
    directory: &Path,
    files: &TlsFiles,
    made: &SelfSigned,
    names: &[String],
) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let note = directory.join("names");
    match fs::remove_file(&note) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    put(&files.key, &made.key)?;
    put(&files.certificate, &made.certificate)?;
    put(&authority(directory), &made.authority)?;
    let seconds = made.expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    put(&note, &format!("{seconds}\n{}\n", names.join("\n")))
}

/// Writes a file that only its owner can read, in place of what was there.
fn put(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_certificate_until_it_expires_or_has_other_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let now = SystemTime::now();
        let here = names("127.0.0.1:5000".parse().expect("an address"), None);
        assert_eq!(here, ["127.0.0.1", "::1", "localhost"]);
        let read = |files: &TlsFiles| fs::read_to_string(&files.certificate).expect("there");
        let first = read(&files(directory.path(), &here, now).expect("made"));
        assert_eq!(read(&files(directory.path(), &here, now).expect("kept")), first);
        let url = Some("https://registry.example:8443");
        let more = names("192.0.2.1:1".parse().expect("an address"), url);
        assert_eq!(more, ["127.0.0.1", "192.0.2.1", "::1", "localhost", "registry.example"]);
        let second = read(&files(directory.path(), &more, now).expect("made"));
        assert_ne!(second, first);
        let soon = now + Duration::from_hours(24 * 370);
        assert_ne!(read(&files(directory.path(), &more, soon).expect("made")), second);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("a directory");
        let written = files(directory.path(), &["localhost".to_owned()], SystemTime::now());
        let key = written.expect("made").key;
        let mode = fs::metadata(key).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
