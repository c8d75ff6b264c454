//! What commands that pack files share: annotations, path checks, the exported manifest.

use std::collections::BTreeMap;
use std::path::Path;

use super::dating::{self, Dating};
use super::file_reference::FileReference;
use super::remote;
use crate::command::Invocation;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// The annotations that go with what is packed, by what they annotate.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    by_name: BTreeMap<String, BTreeMap<String, String>>,
}

impl Annotations {
    /// Takes the annotations of the manifest.
    pub(crate) fn take_manifest(&mut self) -> BTreeMap<String, String> {
        self.by_name.remove("$manifest").unwrap_or_default()
    }

    /// Takes the annotations of the config.
    pub(crate) fn take_config(&mut self) -> BTreeMap<String, String> {
        self.by_name.remove("$config").unwrap_or_default()
    }

    /// Tells whether there are annotations of the manifest.
    pub(crate) fn are_of_manifest(&self) -> bool {
        self.by_name.get("$manifest").is_some_and(|annotations| !annotations.is_empty())
    }

    /// Returns the annotations of a file, by its path exactly as typed.
    pub(crate) fn of_file(&self, path: &str) -> Option<&BTreeMap<String, String>> {
        self.by_name.get(path)
    }
}

/// What the group reads.
#[derive(Debug)]
pub(crate) struct Packer {
    /// The files, in order.
    pub(crate) files: Vec<FileReference>,
    /// The annotations.
    pub(crate) annotations: Annotations,
    /// The times of what is packed.
    pub(crate) dating: Dating,
    /// The title of what is read from standard input.
    pub(crate) input_title: String,
}

/// The file that is standard input; `./-` is one of that name.
pub(crate) const INPUT: &str = "-";

/// How large an annotation file may be, in bytes: as large as the manifest it goes into.
const MAX_ANNOTATION_FILE: u64 = 4 * 1024 * 1024;

/// Declares the group.
pub(crate) fn flags() -> Vec<Flag> {
    vec![
        annotation(),
        Flag::text("annotation-file", "path of the annotation file"),
        Flag::text("export-manifest", "path of the pushed manifest").word("path"),
        Flag::switch("disable-path-validation", "skip path validation"),
        dating::flag(),
        Flag::text("stdin-filename", "`name` of the file that is read from standard input as -")
            .word("name")
            .default("stdin"),
    ]
}

/// Declares `--annotation`.
pub(crate) fn annotation() -> Flag {
    Flag::list("annotation", "manifest annotations").short('a')
}

impl Packer {
    /// Reads the group; `files` are the arguments that name files.
    ///
    /// # Errors
    ///
    /// About the first of: a file reference without path, absolute paths, standard input that is
    /// wanted twice, both sources of annotations at once, an annotation file or an annotation that
    /// is none, a time that is none.
    pub(crate) fn read(
        invocation: &Invocation,
        context: &Context,
        files: &[String],
    ) -> Result<Self> {
        let parsed = &invocation.parsed;
        let files: Vec<FileReference> =
            files.iter().map(|file| FileReference::parse(file)).collect::<Result<_>>()?;
        if !parsed.switch("disable-path-validation") {
            refuse_absolute(&files)?;
        }
        check_input(invocation, &files)?;
        let pairs = parsed.list("annotation");
        let annotations = match parsed.some_text("annotation-file") {
            Some(_) if !pairs.is_empty() => {
                let message = "`--annotation` and `--annotation-file` cannot be both specified";
                return Err(CliError::new(message));
            }
            Some(file) => Annotations {
                by_name: load(&context.environment.path(file)).ok_or_else(|| bad_file(file))?,
            },
            None if pairs.is_empty() => Annotations::default(),
            None => Annotations {
                by_name: BTreeMap::from([("$manifest".to_owned(), of_pairs(pairs)?)]),
            },
        };
        let dating = dating::read(invocation, &context.environment)?;
        let input_title = parsed.text("stdin-filename").to_owned();
        Ok(Self { files, annotations, dating, input_title })
    }
}

/// Checks that standard input is read once at most, and has a name.
fn check_input(invocation: &Invocation, files: &[FileReference]) -> Result<()> {
    match files.iter().filter(|file| file.path == INPUT).count() {
        0 => Ok(()),
        1 if invocation.parsed.text("stdin-filename").is_empty() => {
            Err(CliError::new("`--stdin-filename` must not be empty"))
        }
        1 => remote::check_input(invocation, INPUT),
        _ => Err(CliError::new("`-` reads standard input, which cannot be read twice")
            .with_recommendation("A file of that name is ./-")),
    }
}

fn refuse_absolute(files: &[FileReference]) -> Result<()> {
    let is_absolute = |file: &&FileReference| Path::new(&file.path).is_absolute();
    let absolute: Vec<&str> =
        files.iter().filter(is_absolute).map(|file| file.path.as_str()).collect();
    if absolute.is_empty() {
        return Ok(());
    }
    Err(CliError::new(format!(
        "absolute file path detected. If it's intentional, use --disable-path-validation flag \
         to skip this check: {}",
        absolute.join(", ")
    )))
}

/// Reads `key=value` pairs.
///
/// # Errors
///
/// If one has no `=`, or a key comes twice.
pub(crate) fn of_pairs(pairs: &[String]) -> Result<BTreeMap<String, String>> {
    let mut annotations = BTreeMap::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            CliError::new("annotation value doesn't match the required format").with_recommendation(
                "Please use the correct format in the flag: --annotation \"key=value\"",
            )
        })?;
        if annotations.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(CliError::new(format!("duplicate annotation key: {key}, ")));
        }
    }
    Ok(annotations)
}

/// Annotations in which `null` stands for nothing wherever an object or a text is wanted, as Go
/// has it.
type Nullable = BTreeMap<String, Option<BTreeMap<String, Option<String>>>>;

/// Reads the first JSON value of the file.
fn load(path: &Path) -> Option<BTreeMap<String, BTreeMap<String, String>>> {
    use std::io::Read as _;

    let file = std::fs::File::open(path).ok()?.take(MAX_ANNOTATION_FILE);
    let values = serde_json::Deserializer::from_reader(std::io::BufReader::new(file));
    let by_name: Option<Nullable> = values.into_iter().next()?.ok()?;
    let strings = |annotations: BTreeMap<String, Option<String>>| {
        annotations.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
    };
    let by_name = by_name.unwrap_or_default().into_iter();
    Some(by_name.map(|(name, map)| (name, strings(map.unwrap_or_default()))).collect())
}

fn bad_file(file: &str) -> CliError {
    let message = "invalid annotation json file: failed to load annotations from";
    CliError::new(format!("{message} {file}")).with_recommendation(
        "Annotation file doesn't match the required format. Please refer to the document at \
         https://oras.land/docs/how_to_guides/manifest_annotations",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[&str]) -> Result<BTreeMap<String, String>> {
        of_pairs(&pairs.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn splits_annotations_at_the_first_equals_sign() {
        let found = pairs(&["a=1=2", "=x", "y="]).expect("good");
        assert_eq!(found["a"], "1=2");
        assert_eq!(found[""], "x");
        assert_eq!(found["y"], "");
        assert!(
            pairs(&["key"]).expect_err("bad").to_string().starts_with(
                "Error: annotation value doesn't match the required format\nPlease use"
            )
        );
        let twice = pairs(&["x=1", "x=2"]).expect_err("bad").to_string();
        assert_eq!(twice, "Error: duplicate annotation key: x, ");
    }
}
