//! The argument of `backup` and `restore`: a repository, and which of its tags.

use oras_spec::{Quoted, Reference, Tag};

use crate::error::{CliError, Result};

/// A repository and some of its tags.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// The repository; what else the reference says is in `tags`.
    pub(crate) repository: Reference,
    /// The tags; none for all there are.
    pub(crate) tags: Vec<Tag>,
}

impl Selection {
    /// Reads `<registry>/<repository>[:<tag>[,<tag>...]]`.
    ///
    /// # Errors
    ///
    /// If it names a digest, or a tag that is none.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(CliError::new("artifact reference cannot be empty"));
        }
        let shown = Quoted(text);
        if text.contains('@') {
            let message = format!("digest references are not supported: {shown}");
            return Err(CliError::new(message));
        }
        let mut parts = text.split(',');
        let first = parts.next().unwrap_or_default();
        let repository: Reference = first.parse().map_err(|error| {
            CliError::new(format!("invalid reference {}: {error}", Quoted(first)))
        })?;
        let further: Vec<&str> = parts.collect();
        let empty = || CliError::new(format!("empty tag in reference {shown}"));
        let mut tags: Vec<Tag> = match repository.tag_or_digest().and_then(|found| found.tag()) {
            Some(tag) => vec![tag.clone()],
            None if further.is_empty() => Vec::new(),
            None => return Err(empty()),
        };
        for name in further {
            if name.is_empty() {
                return Err(empty());
            }
            let tag: Tag = name.parse().map_err(|error| {
                let tag = Quoted(name);
                CliError::new(format!(
                    "invalid tag {tag} in reference {shown}: invalid reference: {error}"
                ))
            })?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(Self { repository, tags })
    }
}

/// Says how many tags there are, and which: a few on the same line, many each on its own.
pub(crate) fn found(place: &str, tags: &[Tag]) -> String {
    /// How many tags fit on a line.
    const FEW: usize = 5;
    let names: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    let count = names.len();
    if count <= FEW {
        format!("Found {count} tag(s) in {place}: {}", names.join(", "))
    } else {
        format!("Found {count} tag(s) in {place}:\n{}", names.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_repository_and_tags() {
        for (text, tags) in [
            ("localhost:5000/a/b", &[][..]),
            ("localhost:5000/a/b:", &[]),
            ("localhost:5000/a/b:v1", &["v1"]),
            ("localhost:5000/a/b:v1,v2,v1", &["v1", "v2"]),
        ] {
            let selection = Selection::parse(text).expect("good");
            assert_eq!(selection.repository.path(), "localhost:5000/a/b");
            assert_eq!(selection.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), tags, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_others() {
        for (text, complaint) in [
            ("", "artifact reference cannot be empty"),
            ("h/r@sha256:x", "digest references are not supported: \"h/r@sha256:x\""),
            ("h/r:v1,", "empty tag in reference \"h/r:v1,\""),
            ("h/r,v1", "empty tag in reference \"h/r,v1\""),
            ("h/r:,v1", "empty tag in reference \"h/r:,v1\""),
            (
                "h/r:v1,b+d",
                "invalid tag \"b+d\" in reference \"h/r:v1,b+d\": invalid reference: invalid tag \"b+d\"",
            ),
            ("r", "invalid reference \"r\": invalid reference: missing registry or repository"),
            ("h/r:b+d", "invalid reference \"h/r:b+d\": invalid reference: invalid tag \"b+d\""),
        ] {
            let error = Selection::parse(text).expect_err("bad").to_string();
            assert_eq!(error, format!("Error: {complaint}"), "{text}");
        }
    }

    #[test]
    fn lists_many_tags_on_lines_of_their_own() {
        let tags = |count: usize| -> Vec<Tag> {
            (0..count).map(|number| format!("v{number}").parse().expect("a tag")).collect()
        };
        assert_eq!(found("h/r", &tags(2)), "Found 2 tag(s) in h/r: v0, v1");
        assert_eq!(found("h/r", &tags(5)), "Found 5 tag(s) in h/r: v0, v1, v2, v3, v4");
        assert_eq!(found("h/r", &tags(6)), "Found 6 tag(s) in h/r:\nv0\nv1\nv2\nv3\nv4\nv5");
    }
}
