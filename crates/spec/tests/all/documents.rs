//! Properties of documents and of JSON: decoding undoes encoding, and no bytes cause a panic.

use std::fmt::Debug;

use bytes::Bytes;
use oras_spec::image::{
    ArtifactManifest, Descriptor, Document, ImageConfig, Index, Manifest, MediaType,
};
use oras_spec::json;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::strategies::{descriptor, index, json as any_json, manifest, platform};

fn decodes_what_it_encodes<T>(value: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let compact = json::to_vec(value);
    prop_assert_eq!(&serde_json::from_slice::<T>(&compact).expect("what was encoded"), value);
    let pretty = json::to_vec_pretty(value);
    prop_assert_eq!(&serde_json::from_slice::<T>(&pretty).expect("what was encoded"), value);
    prop_assert_eq!(json::indent(&compact).expect("JSON"), pretty);
    Ok(())
}

/// Reads `bytes` as everything they could be. What is accepted keeps its bytes and has a digest of
/// them.
fn read(bytes: &[u8]) {
    drop(Document::sniff(bytes));
    drop(json::indent(bytes));
    drop(serde_json::from_slice::<ImageConfig>(bytes));
    for media_type in MediaType::DOCUMENTS {
        if let Ok(document) = Document::parse(&media_type, Bytes::copy_from_slice(bytes)) {
            assert_eq!(document.bytes(), bytes);
            assert!(document.successors().len() <= bytes.len());
            assert!(document.as_manifest().is_none() || document.as_index().is_none());
        }
    }
}

proptest! {
    #[test]
    fn descriptors_decode_as_they_encode(descriptor in descriptor(), platform in platform()) {
        decodes_what_it_encodes(&descriptor)?;
        decodes_what_it_encodes(&platform)?;
    }

    #[test]
    fn manifests_decode_as_they_encode(manifest in manifest()) {
        decodes_what_it_encodes(&manifest)?;
        let bytes = Bytes::from(json::to_vec(&manifest));
        prop_assert_eq!(Document::sniff(&bytes), Some(MediaType::IMAGE_MANIFEST));
        let document = Document::parse(&MediaType::IMAGE_MANIFEST, bytes.clone()).expect("ours");
        prop_assert_eq!(document.as_manifest(), Some(&manifest));
        prop_assert_eq!(document.subject(), manifest.subject.as_ref());
        prop_assert_eq!(document.bytes(), &bytes);
        prop_assert!(Document::parse(&MediaType::IMAGE_INDEX, bytes).is_err());
    }

    #[test]
    fn indexes_decode_as_they_encode(index in index()) {
        decodes_what_it_encodes(&index)?;
        let bytes = Bytes::from(json::to_vec(&index));
        prop_assert_eq!(Document::sniff(&bytes), Some(MediaType::IMAGE_INDEX));
        let document = Document::parse(&MediaType::IMAGE_INDEX, bytes.clone()).expect("ours");
        prop_assert_eq!(document.as_index(), Some(&index));
        prop_assert!(Document::parse(&MediaType::IMAGE_MANIFEST, bytes).is_err());
    }

    #[test]
    fn artifact_manifests_decode_as_they_encode(
        blobs in prop::collection::vec(descriptor(), 0..3),
        subject in prop::option::of(descriptor()),
    ) {
        let artifact = ArtifactManifest {
            media_type: MediaType::ARTIFACT_MANIFEST,
            artifact_type: "a/b".into(),
            blobs,
            subject,
            annotations: [("k".to_owned(), "v".to_owned())].into(),
        };
        decodes_what_it_encodes(&artifact)?;
        let bytes = Bytes::from(json::to_vec(&artifact));
        let document = Document::parse(&MediaType::ARTIFACT_MANIFEST, bytes).expect("ours");
        let expected: Vec<&Descriptor> =
            artifact.subject.iter().chain(&artifact.blobs).collect();
        let successors = document.successors();
        prop_assert_eq!(successors.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn indenting_changes_blanks_only(value in any_json()) {
        let compact = json::to_vec(&value);
        let indented = json::indent(&compact).expect("JSON");
        prop_assert_eq!(&serde_json::from_slice::<serde_json::Value>(&indented).expect("JSON"), &value);
        prop_assert_eq!(&json::to_vec_pretty(&value), &indented);
        prop_assert_eq!(&json::indent(&indented).expect("JSON"), &indented);
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in any::<Vec<u8>>()) {
        read(&bytes);
    }

    #[test]
    fn no_text_like_json_causes_a_panic(text in "[\\[\\]{}\",:\\\\ue0-9+-]{0,40}") {
        read(text.as_bytes());
    }

    #[test]
    fn no_damage_to_a_document_causes_a_panic(
        bytes in prop_oneof![
            manifest().prop_map(|manifest| json::to_vec(&manifest)),
            index().prop_map(|index| json::to_vec(&index)),
        ],
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<Option<u8>>()), 1..4),
    ) {
        let mut bytes = bytes;
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            match byte {
                Some(byte) => bytes[place] = byte,
                None => bytes.truncate(place.max(1)),
            }
        }
        read(&bytes);
    }
}

#[test]
fn no_depth_causes_a_panic() {
    for text in ["[", "{\"config\":", "{\"layers\":[{\"platform\":", "{\"subject\":{\"x\":["] {
        read(text.repeat(50_000).as_bytes());
    }
    let mut closed = br#"{"x":"#.repeat(5000);
    closed.push(b'1');
    closed.extend(b"}".repeat(5000));
    read(&closed);
}

#[test]
fn reads_manifests_of_the_size_that_registries_take() {
    let annotations = (0..390).map(|number| (format!("key-{number}"), "v".repeat(10_000)));
    let manifest = Manifest {
        annotations: annotations.collect(),
        ..Manifest::new(Descriptor::empty_json(), vec![])
    };
    let bytes = Bytes::from(json::to_vec(&manifest));
    assert!(bytes.len() > 3_900_000);
    assert!(Document::parse(&MediaType::IMAGE_MANIFEST, bytes).is_ok());
    let wide = Index::new(vec![Descriptor::empty_json(); 20_000]);
    let bytes = Bytes::from(json::to_vec(&wide));
    let document = Document::parse(&MediaType::IMAGE_INDEX, bytes).expect("an index");
    assert_eq!(document.successors().len(), 20_000);
}
