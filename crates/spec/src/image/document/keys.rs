//! Keys: checks that every reader of a document finds the same values under them.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::Quoted;

/// Refuses JSON in which a key stands twice in one object, or in which a key is a field of the
/// specification but for the case of its letters.
///
/// Of a key that stands twice some readers take the first value and others the last; Go's
/// `encoding/json` reads `Layers` as `layers` and others ignore it. Either way two programs that
/// trust one digest would see two documents. Unknown keys are free, as long as none stands twice.
///
/// # Errors
///
/// If there is such a key, if `bytes` are not one JSON value, or if that is deeper than 127 levels.
pub(super) fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Place::Document.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Where in a document a value stands, as far as that decides which keys are known there.
#[derive(Clone, Copy)]
enum Place {
    Document,
    Descriptor,
    Descriptors,
    Platform,
    Elsewhere,
}

impl Place {
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Document => &[
                "schemaVersion",
                "mediaType",
                "artifactType",
                "config",
                "layers",
                "blobs",
                "manifests",
                "subject",
                "annotations",
            ],
            Self::Descriptor => &[
                "mediaType",
                "digest",
                "size",
                "urls",
                "annotations",
                "data",
                "platform",
                "artifactType",
            ],
            Self::Platform => &["architecture", "os", "os.version", "os.features", "variant"],
            Self::Descriptors | Self::Elsewhere => &[],
        }
    }

    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Document, "config" | "subject") => Self::Descriptor,
            (Self::Document, "layers" | "blobs" | "manifests") => Self::Descriptors,
            (Self::Descriptor, "platform") => Self::Platform,
            _ => Self::Elsewhere,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let item = if let Self::Descriptors = self { Self::Descriptor } else { Self::Elsewhere };
        while items.next_element_seed(item)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if let Some(field) = self.fields().iter().find(|field| is_miswritten(&key, field)) {
                return Err(Error::custom(format!("key {} is not `{field}`", Quoted(&key))));
            }
            entries.next_value_seed(self.below(&key))?;
            if seen.contains(&key) {
                return Err(Error::custom(format!("duplicate key {}", Quoted(&key))));
            }
            seen.insert(key);
        }
        Ok(())
    }
}

/// Tells whether `key` is not `field` but equals it where case is ignored, as Go ignores it: the
/// Kelvin sign is a K there, and the long s an S.
fn is_miswritten(key: &str, field: &str) -> bool {
    let folded = key.chars().map(|character| match character {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        other => other.to_ascii_lowercase(),
    });
    key != field && folded.eq(field.chars().map(|character| character.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_key_that_stands_twice_wherever_it_is() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"annotations":{"k":"1","k":"2"}}"#,
            r#"{"layers":[{"annotations":{"k":"1","k":"2"}}]}"#,
            r#"{"custom":[[{"deep":{"x":null,"y":2,"x":[]}}]]}"#,
        ] {
            let error = check(bad.as_bytes()).expect_err(bad).to_string();
            assert!(error.starts_with("duplicate key"), "{error}");
        }
    }

    #[test]
    fn refuses_fields_in_another_case_where_they_are_known() {
        for bad in [
            r#"{"Layers":[]}"#,
            r#"{"MEDIATYPE":"a/b"}"#,
            r#"{"manife\u017fts":[]}"#,
            r#"{"config":{"Digest":"x"}}"#,
            r#"{"manifests":[{"platform":{"OS":"linux"}}]}"#,
            r#"{"subject":{"ſize":1}}"#,
        ] {
            let error = check(bad.as_bytes()).expect_err(bad).to_string();
            assert!(error.starts_with("key "), "{error}");
        }
    }

    #[test]
    fn lets_every_other_key_be() {
        for good in [
            "null",
            r#"{"custom":{"Layers":1,"layers":-2.5e3},"annotations":{"K":"1","k":"2","Size":""}}"#,
            r#"{"layers":[{"custom":[true,"x"]},{"custom":[]}],"x":{"k":{"k":{"k":1}}}}"#,
        ] {
            check(good.as_bytes()).expect(good);
        }
    }

    #[test]
    fn refuses_what_is_no_json_or_too_deep() {
        for bad in ["", "{}{}", "\u{feff}{}", "{\"a\"}", "[1,]", &"[".repeat(100_000)] {
            assert!(check(bad.as_bytes()).is_err());
        }
        assert!(check(&[b'"', 0xff, b'"']).is_err());
    }
}
