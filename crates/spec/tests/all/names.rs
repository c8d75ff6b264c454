//! Properties of digests, names and references: what is printed is what was parsed.

use std::fmt::{Debug, Display};
use std::path::{Component, Path};
use std::str::FromStr;

use oras_spec::image::{MediaType, Platform, layout};
use oras_spec::{
    Algorithm, Digest, Quoted, Reference, RegistryName, RepositoryName, Tag, TagOrDigest,
};
use proptest::prelude::*;

use crate::strategies::{digest, registry_name, repository_name, tag, tag_or_digest, text};

/// Whatever parses prints as it was written; nothing that prints fails to parse.
fn prints_what_it_parses<T: FromStr + Display>(text: &str) -> Result<(), TestCaseError> {
    if let Ok(value) = text.parse::<T>() {
        prop_assert_eq!(value.to_string(), text);
    }
    Ok(())
}

fn parses_what_it_prints<T>(value: &T) -> Result<(), TestCaseError>
where
    T: FromStr + Display + PartialEq + Debug,
    T::Err: Debug,
{
    prop_assert_eq!(&value.to_string().parse::<T>().expect("what was printed"), value);
    Ok(())
}

/// Tells whether a path made of a name stays below where it starts: every component an ordinary one.
fn stays_below(path: &str) -> bool {
    !path.contains(['\\', '\0'])
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
        && Path::new(path).components().count() == path.split('/').count()
}

/// Text that is nearly a name, so that the grammars' edges are met often.
fn nearly_a_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[.:/]{1,3}",
        "[a-cA:@/._-]{0,12}",
        "[a-z0-9./:_-]{1,20}",
        "(sha256|sha512|md5)[:-][0-9a-fA]{0,66}",
        text()
    ]
}

proptest! {
    #[test]
    fn every_digest_parses_as_it_prints(digest in digest()) {
        parses_what_it_prints(&digest)?;
        prop_assert_eq!(digest.encoded().len(), digest.algorithm().encoded_length());
        prop_assert_eq!(format!("{}:{}", digest.algorithm(), digest.encoded()), digest.as_str());
        parses_what_it_prints(&digest.algorithm())?;
        let json = serde_json::to_string(&digest).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Digest>(&json).expect("a digest"), digest);
    }

    #[test]
    fn a_digest_does_not_depend_on_how_bytes_are_cut(
        bytes in any::<Vec<u8>>(),
        cuts in prop::collection::vec(0..200_usize, 0..5),
    ) {
        for algorithm in Algorithm::ALL {
            let mut hasher = algorithm.hasher();
            let mut rest = bytes.as_slice();
            for cut in &cuts {
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                hasher.update(head);
                rest = tail;
            }
            hasher.update(rest);
            prop_assert_eq!(hasher.finish(), algorithm.digest(&bytes));
        }
    }

    #[test]
    fn every_name_parses_as_it_prints(
        registry in registry_name(),
        repository in repository_name(),
        tag in tag(),
        either in tag_or_digest(),
    ) {
        parses_what_it_prints(&registry)?;
        parses_what_it_prints(&repository)?;
        parses_what_it_prints(&tag)?;
        prop_assert!(tag.is_conformant());
        prop_assert_eq!(TagOrDigest::parse(either.as_str()), Ok(either));
        let rebuilt = registry.port().map_or(registry.host().to_owned(), |port| {
            format!("{}:{port}", registry.host())
        });
        prop_assert_eq!(rebuilt, registry.as_str());
    }

    #[test]
    fn every_reference_parses_as_it_prints(
        registry in registry_name(),
        repository in repository_name(),
        either in prop::option::of(tag_or_digest()),
    ) {
        let reference = Reference::new(registry, repository, either);
        parses_what_it_prints(&reference)?;
        prop_assert!(reference.to_string().starts_with(&reference.path()));
    }

    #[test]
    fn whatever_is_a_name_prints_as_it_was_written(text in nearly_a_name()) {
        prints_what_it_parses::<Digest>(&text)?;
        prints_what_it_parses::<Algorithm>(&text)?;
        prints_what_it_parses::<RegistryName>(&text)?;
        prints_what_it_parses::<RepositoryName>(&text)?;
        prints_what_it_parses::<Tag>(&text)?;
        if let Ok(either) = TagOrDigest::parse(&text) {
            prop_assert_eq!(either.as_str(), &text);
        }
        if let Ok(tag) = Tag::free_form(&text) {
            prop_assert_eq!(tag.is_conformant(), text.parse::<Tag>().is_ok());
        }
        if let Ok(reference) = text.parse::<Reference>() {
            parses_what_it_prints(&reference)?;
        }
    }

    #[test]
    fn no_name_leaves_the_directory_it_is_put_in(text in nearly_a_name(), digest in digest()) {
        for name in [
            text.parse::<RegistryName>().map(|name| name.to_string()),
            text.parse::<RepositoryName>().map(|name| name.to_string()),
            text.parse::<Tag>().map(|name| name.to_string()),
        ].into_iter().flatten() {
            prop_assert!(stays_below(&name), "{}", name);
        }
        prop_assert!(stays_below(&layout::blob_path(&digest)));
    }

    #[test]
    fn a_media_type_of_the_grammar_is_valid_and_one_wrong_character_breaks_it(
        kind in "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}",
        subtype in "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}",
        place in any::<prop::sample::Index>(),
        wrong in "[^A-Za-z0-9!#$&^_.+-]",
    ) {
        let good = format!("{kind}/{subtype}");
        prop_assert_eq!(MediaType::from(good.as_str()).validate(), Ok(()));
        let mut bad = good.clone();
        bad.insert_str(place.index(good.len() + 1), &wrong);
        prop_assert!(MediaType::from(bad.as_str()).validate().is_err(), "{}", bad);
        let mut dull = good.clone();
        dull.insert(if place.index(2) == 0 { 0 } else { kind.len() + 1 }, '-');
        prop_assert!(MediaType::from(dull).validate().is_err());
    }

    #[test]
    fn a_platform_parses_as_it_prints(text in "[a-z0-9/:.]{0,20}", architecture in "[a-z0-9]{1,5}") {
        if let Ok(platform) = Platform::parse(&text, &architecture) {
            prop_assert_eq!(Platform::parse(&platform.to_string(), "unused"), Ok(platform.clone()));
            prop_assert!(platform.satisfies(&platform));
        }
    }

    #[test]
    fn a_quoted_text_has_nothing_that_moves_a_terminal(text in text()) {
        let quoted = Quoted(&text).to_string();
        prop_assert!(!quoted.contains(char::is_control));
        prop_assert!(quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"'));
    }
}
