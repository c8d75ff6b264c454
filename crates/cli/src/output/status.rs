//! Events as plain lines: `Uploaded  8f434346648f hi.txt`.

use std::sync::{Arc, Mutex, PoisonError};

use oras_client::{Event, Observer};
use oras_spec::Algorithm;
use oras_spec::image::Descriptor;

use super::Printer;
use crate::error::{CliError, Result};
use crate::visible::visible;

/// The words of one family of commands, padded to the same width.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prompts {
    pub(crate) started: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) exists: &'static str,
    pub(crate) skipped: &'static str,
    pub(crate) mounted: &'static str,
    /// For content that came under another title already.
    pub(crate) restored: &'static str,
    /// For documents whose bytes have arrived; where there is such a word, a document is said to
    /// be started when its bytes arrive, and not when what it points at is done.
    pub(crate) fetched: Option<&'static str>,
    /// For transfers that are done, on a terminal.
    pub(crate) done: &'static str,
}

/// What push, attach, blob push and manifest push say.
pub(crate) const PUSH: Prompts = Prompts {
    started: "Uploading",
    copied: "Uploaded ",
    exists: "Exists   ",
    skipped: "Skipped  ",
    mounted: "Mounted  ",
    restored: "Exists   ",
    fetched: None,
    done: "Uploaded ",
};

/// What cp says.
pub(crate) const COPY: Prompts = Prompts {
    started: "Copying",
    copied: "Copied ",
    exists: "Exists ",
    skipped: "Skipped",
    mounted: "Mounted",
    restored: "Skipped",
    fetched: None,
    done: "Copied ",
};

/// What backup says.
pub(crate) const BACKUP: Prompts = Prompts {
    started: "Pulling  ",
    copied: "Pulled   ",
    exists: "Exists   ",
    skipped: "Skipped  ",
    mounted: "Mounted  ",
    restored: "Skipped  ",
    fetched: None,
    done: "Pulled   ",
};

/// What restore says.
pub(crate) const RESTORE: Prompts = Prompts {
    started: "Pushing  ",
    copied: "Pushed   ",
    exists: "Exists   ",
    skipped: "Skipped  ",
    mounted: "Mounted  ",
    restored: "Skipped  ",
    fetched: None,
    done: "Pushed   ",
};

/// What pull says.
pub(crate) const PULL: Prompts = Prompts {
    started: "Downloading",
    copied: "Downloaded ",
    exists: "Exists     ",
    skipped: "Skipped    ",
    mounted: "Mounted    ",
    restored: "Restored   ",
    fetched: Some("Processing "),
    done: "Pulled     ",
};

/// Prints what happens as it happens.
#[derive(Debug)]
pub(crate) struct Status {
    prompts: &'static Prompts,
    /// Whether descriptors without a title are spoken of.
    verbose: bool,
    printer: Arc<Printer>,
    failure: Mutex<Option<CliError>>,
}

impl Status {
    pub(crate) fn new(prompts: &'static Prompts, verbose: bool, printer: Arc<Printer>) -> Self {
        Self { prompts, verbose, printer, failure: Mutex::new(None) }
    }

    /// Returns the first error of writing a line, which an observer cannot.
    pub(crate) fn finish(&self) -> Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), Err)
    }

    fn line(&self, prompt: &str, descriptor: &Descriptor) {
        if !self.verbose && descriptor.title().is_none() {
            return;
        }
        if let Err(error) = self.printer.line(&status_line(prompt, descriptor)) {
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

impl Observer for Status {
    fn event(&self, event: Event<'_>) {
        let prompts = self.prompts;
        match event {
            Event::Started(descriptor)
                if prompts.fetched.is_some() && descriptor.media_type.is_document() => {}
            Event::Started(descriptor) => self.line(prompts.started, descriptor),
            Event::Fetched(descriptor) => {
                if let Some(fetched) = prompts.fetched {
                    self.line(prompts.started, descriptor);
                    self.line(fetched, descriptor);
                }
            }
            Event::Copied(descriptor) => self.line(prompts.copied, descriptor),
            Event::Exists(descriptor) => self.line(prompts.exists, descriptor),
            Event::Skipped(descriptor) => self.line(prompts.skipped, descriptor),
            Event::Mounted(descriptor) => self.line(prompts.mounted, descriptor),
            Event::Restored(descriptor) => self.line(prompts.restored, descriptor),
            _ => {}
        }
    }
}

/// `<prompt> <short digest> <name>`.
pub(crate) fn status_line(prompt: &str, descriptor: &Descriptor) -> String {
    format!("{prompt} {} {}", short_digest(descriptor), visible(name(descriptor)))
}

/// The title if there is one, even an empty one, else the media type.
pub(crate) fn name(descriptor: &Descriptor) -> &str {
    descriptor.title().unwrap_or_else(|| descriptor.media_type.as_str())
}

/// Twelve characters for SHA-256, everything for other algorithms.
fn short_digest(descriptor: &Descriptor) -> &str {
    let digest = &descriptor.digest;
    match digest.algorithm() {
        Algorithm::Sha256 => &digest.encoded()[..12],
        Algorithm::Sha384 | Algorithm::Sha512 => digest.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::{MediaType, annotation};

    use super::*;
    use crate::output::tests::captured;

    fn titled(title: &str) -> Descriptor {
        let mut descriptor = Descriptor::of(MediaType::IMAGE_LAYER, b"hi");
        descriptor.annotations.insert(annotation::TITLE.into(), title.into());
        descriptor
    }

    fn manifest() -> Descriptor {
        Descriptor::of(MediaType::IMAGE_MANIFEST, b"manifest")
    }

    #[test]
    fn prints_a_push_as_users_know_it() {
        let (printer, stdout, stderr) = captured();
        let status = Status::new(&PUSH, true, printer);
        status.event(Event::Exists(&Descriptor::empty_json()));
        status.event(Event::Started(&titled("hi.txt")));
        status.event(Event::Moved(&titled("hi.txt"), 2));
        status.event(Event::Copied(&titled("hi.txt")));
        status.event(Event::Restored(&titled("again.txt")));
        status.finish().expect("memory");
        assert_eq!(
            stdout.text(),
            "Exists    44136fa355b3 application/vnd.oci.empty.v1+json\n\
             Uploading 8f434346648f hi.txt\n\
             Uploaded  8f434346648f hi.txt\n\
             Exists    8f434346648f again.txt\n"
        );
        assert_eq!(stderr.text(), "");
    }

    #[test]
    fn prints_a_pull_with_documents_around_their_layers() {
        let (printer, stdout, _) = captured();
        let status = Status::new(&PULL, true, printer);
        status.event(Event::Fetched(&manifest()));
        status.event(Event::Started(&titled("hi.txt")));
        status.event(Event::Copied(&titled("hi.txt")));
        status.event(Event::Started(&manifest()));
        status.event(Event::Copied(&manifest()));
        let lines: Vec<String> = stdout.text().lines().map(|line| line[..11].to_owned()).collect();
        assert_eq!(
            lines,
            ["Downloading", "Processing ", "Downloading", "Downloaded ", "Downloaded "]
        );
    }

    #[test]
    fn speaks_only_of_titles_when_told_to_be_brief() {
        let (printer, stdout, _) = captured();
        let status = Status::new(&PUSH, false, printer);
        status.event(Event::Copied(&manifest()));
        status.event(Event::Copied(&titled("")));
        assert_eq!(stdout.text(), "Uploaded  8f434346648f \n");
    }

    #[test]
    fn long_digests_are_shown_whole_and_names_cannot_command_the_terminal() {
        let digest = Algorithm::Sha512.digest(b"x");
        let mut descriptor = Descriptor::new("a/b".into(), digest.clone(), 1);
        descriptor.annotations.insert(annotation::TITLE.into(), "\u{1b}[2J".into());
        assert_eq!(status_line("Exists   ", &descriptor), format!("Exists    {digest} \\x1b[2J"));
    }
}
