//! Strategies: how to make every value that the types can hold.

use oras_spec::image::{Descriptor, Index, Manifest, MediaType, Platform};
use oras_spec::{Algorithm, Digest, RegistryName, RepositoryName, Tag, TagOrDigest};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

pub(crate) fn digest() -> impl Strategy<Value = Digest> {
    (0..3_usize, any::<[u8; 8]>()).prop_map(|(index, bytes)| Algorithm::ALL[index].digest(&bytes))
}

pub(crate) fn registry_name() -> impl Strategy<Value = RegistryName> {
    let host = prop_oneof![
        "[a-zA-Z0-9][a-zA-Z0-9_-]{0,8}(\\.[a-zA-Z0-9_-]{1,5}){0,3}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
    ];
    (host, option::of(any::<u16>())).prop_map(|(host, port)| {
        let text = port.map_or(host.clone(), |port| format!("{host}:{port}"));
        text.parse().expect("a host and a port make a registry")
    })
}

pub(crate) fn repository_name() -> impl Strategy<Value = RepositoryName> {
    "[a-z0-9]{1,4}(([._]|__|-{1,3})[a-z0-9]{1,3}){0,2}(/[a-z0-9]{1,4}([._-][a-z0-9]{1,3}){0,2}){0,3}"
        .prop_map(|text| text.parse().expect("the grammar makes a repository"))
}

pub(crate) fn tag() -> impl Strategy<Value = Tag> {
    "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
        .prop_map(|text| text.parse().expect("the grammar makes a tag"))
}

pub(crate) fn tag_or_digest() -> impl Strategy<Value = TagOrDigest> {
    prop_oneof![tag().prop_map(TagOrDigest::from), digest().prop_map(TagOrDigest::from)]
}

/// Any text, the characters that JSON and Go treat specially more often than others.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        proptest::char::range('\0', '\u{7f}'),
        proptest::sample::select(vec![
            '<', '>', '&', '"', '\\', '\u{2028}', '\u{2029}', '\u{fffd}'
        ]),
    ];
    vec(character, 0..12).prop_map(String::from_iter)
}

fn media_type() -> impl Strategy<Value = MediaType> {
    prop_oneof![
        Just(MediaType::default()),
        Just(MediaType::IMAGE_MANIFEST),
        Just(MediaType::IMAGE_LAYER),
        text().prop_map(MediaType::from),
    ]
}

pub(crate) fn platform() -> impl Strategy<Value = Platform> {
    (text(), text(), text(), vec(text(), 0..3), text()).prop_map(
        |(architecture, os, os_version, os_features, variant)| Platform {
            architecture,
            os,
            os_version,
            os_features,
            variant,
        },
    )
}

pub(crate) fn descriptor() -> impl Strategy<Value = Descriptor> {
    let base = (media_type(), digest(), 0..=i64::MAX.cast_unsigned());
    let rest = (
        vec(text(), 0..3),
        btree_map(text(), text(), 0..4),
        vec(any::<u8>(), 0..20),
        option::of(platform()),
        media_type(),
    );
    (base, rest).prop_map(|(base, (urls, annotations, data, platform, artifact_type))| {
        let (media_type, digest, size) = base;
        Descriptor { media_type, digest, size, urls, annotations, data, platform, artifact_type }
    })
}

pub(crate) fn manifest() -> impl Strategy<Value = Manifest> {
    (
        media_type(),
        descriptor(),
        vec(descriptor(), 0..4),
        option::of(descriptor()),
        btree_map(text(), text(), 0..4),
    )
        .prop_map(|(artifact_type, config, layers, subject, annotations)| Manifest {
            artifact_type,
            subject,
            annotations,
            ..Manifest::new(config, layers)
        })
}

pub(crate) fn index() -> impl Strategy<Value = Index> {
    (
        media_type(),
        vec(descriptor(), 0..4),
        option::of(descriptor()),
        btree_map(text(), text(), 0..4),
    )
        .prop_map(|(artifact_type, manifests, subject, annotations)| Index {
            artifact_type,
            subject,
            annotations,
            ..Index::new(manifests)
        })
}

/// Any JSON value whose numbers are whole.
pub(crate) fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            btree_map(text(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
