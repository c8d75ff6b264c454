//! Which of the things an artifact points at are pulled, and what is said of the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oras_client::{Event, Observer};
use oras_spec::Digest;
use oras_spec::image::{Descriptor, Document, annotation};

use crate::args::file_reference::FileReference;

/// Chooses, and remembers what was chosen.
pub(super) struct Choice {
    config: Option<FileReference>,
    include_subject: bool,
    observer: Arc<dyn Observer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the config that was asked for has been found.
    has_config: bool,
    /// Whether anything without a title was left out.
    left_out: bool,
    /// The titled layers of each document.
    titled: HashMap<Digest, Vec<Descriptor>>,
    /// Those of documents that are done.
    layers: Vec<Descriptor>,
}

impl Choice {
    pub(super) fn new(
        config: Option<FileReference>,
        include_subject: bool,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { config, include_subject, observer, state: Mutex::default() }
    }

    /// Returns what of a document is pulled: layers, then the subject, then the config.
    pub(super) fn successors(&self, document: &Document) -> Vec<Descriptor> {
        let mut nodes = self.nodes(document);
        let titled =
            nodes.iter().filter(|node| node.title().is_some_and(|title| !title.is_empty()));
        let titled: Vec<Descriptor> = titled.cloned().collect();
        if let Some(config) = document.as_manifest().map(|manifest| &manifest.config) {
            nodes.push(self.named(config));
        }
        self.state().titled.insert(document.descriptor().digest, titled);
        nodes.retain(|node| self.is_wanted(node));
        nodes
    }

    fn nodes(&self, document: &Document) -> Vec<Descriptor> {
        let config = document.as_manifest().map(|manifest| manifest.config.digest.clone());
        let mut nodes = document.successors();
        let subject = document.subject().map(|_| nodes.remove(0));
        if config.is_some() {
            nodes.remove(0);
        }
        nodes.extend(subject.filter(|_| self.include_subject));
        nodes
    }

    /// Gives the config the name that was asked for, if it is the first of the type asked for.
    fn named(&self, config: &Descriptor) -> Descriptor {
        let mut config = config.clone();
        if let Some(wanted) = &self.config
            && wanted
                .media_type
                .as_deref()
                .is_none_or(|wanted| wanted == config.media_type.as_str())
        {
            let mut state = self.state();
            if !state.has_config {
                state.has_config = true;
                config.annotations.insert(annotation::TITLE.to_owned(), wanted.path.clone());
            }
        }
        config
    }

    /// Tells whether a node is pulled. Documents are, for what they lead to; `{}` is passed over
    /// in silence; for anything else there is no name to pull it to.
    fn is_wanted(&self, node: &Descriptor) -> bool {
        if node.title().is_some_and(|title| !title.is_empty()) {
            return true;
        }
        let empty = Descriptor::empty_json();
        if node.digest == empty.digest && node.size == empty.size {
            return false;
        }
        self.state().left_out = true;
        if node.media_type.is_document() {
            return true;
        }
        self.observer.event(Event::Skipped(node));
        false
    }

    /// Takes notice of documents that are done.
    pub(super) fn hear(&self, event: Event<'_>) {
        if let Event::Copied(descriptor) = event
            && descriptor.media_type.is_document()
        {
            let mut state = self.state();
            let layers = state.titled.remove(&descriptor.digest).unwrap_or_default();
            state.layers.extend(layers);
        }
    }

    /// Returns the layers that were written, those of each document in their order.
    pub(super) fn layers(&self) -> Vec<Descriptor> {
        self.state().layers.clone()
    }

    /// Tells whether there was more than what has a name.
    pub(super) fn left_out(&self) -> bool {
        self.state().left_out
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether a layer is a packed directory.
pub(super) fn is_directory(layer: &Descriptor) -> bool {
    layer.annotations.get(annotation::CONTENT_UNPACK).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use oras_spec::image::{Index, Manifest, MediaType};
    use oras_spec::json;

    use super::*;

    fn titled(title: &str) -> Descriptor {
        let mut layer = Descriptor::of("text/plain".into(), title.as_bytes());
        layer.annotations.insert(annotation::TITLE.into(), title.into());
        layer
    }

    fn document(manifest: &Manifest) -> Document {
        let bytes = Bytes::from(json::to_vec(manifest));
        Document::parse(&MediaType::IMAGE_MANIFEST, bytes).expect("a manifest")
    }

    fn choice(config: Option<&str>, include_subject: bool) -> Choice {
        let config = config.map(|text| FileReference::parse(text).expect("a reference"));
        Choice::new(config, include_subject, Arc::new(()))
    }

    #[test]
    fn takes_what_has_a_name_and_passes_over_the_empty_config() {
        let layers =
            vec![titled("a"), Descriptor::of("text/plain".into(), b"no name"), titled("b")];
        let document = document(&Manifest::new(Descriptor::empty_json(), layers));
        let choice = choice(None, false);
        let chosen: Vec<_> =
            choice.successors(&document).iter().map(|d| d.title().map(str::to_owned)).collect();
        assert_eq!(chosen, [Some("a".to_owned()), Some("b".to_owned())]);
        assert!(choice.left_out());
        let complete = self::document(&Manifest::new(Descriptor::empty_json(), vec![titled("a")]));
        let choice = self::choice(None, false);
        choice.successors(&complete);
        assert!(!choice.left_out());
        assert!(choice.layers().is_empty());
        choice.hear(Event::Copied(&complete.descriptor()));
        assert_eq!(choice.layers(), [titled("a")]);
    }

    #[test]
    fn gives_the_config_a_name_once_and_only_for_the_right_type() {
        let config = Descriptor::of("application/x".into(), b"config");
        let document = document(&Manifest::new(config.clone(), vec![titled("a")]));
        let choice = choice(Some("c.json:application/x"), false);
        let chosen = choice.successors(&document);
        assert_eq!(chosen[1].title(), Some("c.json"));
        assert!(!choice.left_out());
        assert_eq!(choice.successors(&document).len(), 1, "only the first config gets the name");
        let other = self::choice(Some("c.json:application/y"), false);
        assert_eq!(other.successors(&document).len(), 1);
        assert!(other.left_out());
    }

    #[test]
    fn follows_subjects_only_when_asked_and_indexes_always() {
        let mut manifest = Manifest::new(Descriptor::empty_json(), vec![titled("a")]);
        let subject = Descriptor::of(MediaType::IMAGE_MANIFEST, b"subject");
        manifest.subject = Some(subject.clone());
        let document = document(&manifest);
        assert_eq!(choice(None, false).successors(&document), [titled("a")]);
        assert_eq!(choice(None, true).successors(&document), [titled("a"), subject.clone()]);
        let bytes = Bytes::from(json::to_vec(&Index::new(vec![subject.clone()])));
        let index = Document::parse(&MediaType::IMAGE_INDEX, bytes).expect("an index");
        let choice = choice(None, false);
        assert_eq!(choice.successors(&index), [subject]);
        assert!(choice.left_out());
    }
}
