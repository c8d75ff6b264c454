//! The walk of a copy: a to-do list instead of recursion.
//!
//! Each digest is one node. A node is visited: it is there already, or it is a blob and is
//! transferred, or it is a document and is read, and its successors are put on the list. A
//! document is transferred once nothing it points at is left to do. No job waits for another, so
//! the number of jobs in flight is the one bound there need be. The list is a stack: the walk goes
//! deep before it goes wide, and few documents are in memory at a time.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use oras_spec::distribution::ErrorCode;
use oras_spec::image::{Descriptor, Document};
use oras_spec::{Digest, Tag};

use super::node::{Node, State, Way};
use super::transfer::{Found, Transfer};
use super::{CopyOptions, Existing, SMALL};
use crate::graph::{MAX_DEPTH, MAX_NODES};
use crate::{Error, ErrorKind, Event, Result, Source, Target};

/// How many bytes of documents a walk holds at the same time: 256 MiB.
const MAX_HELD: usize = 256 * 1024 * 1024;

/// Where a walk starts and how it ends.
#[derive(Debug)]
pub(super) struct Root<'a> {
    pub(super) descriptor: Descriptor,
    /// The root, if it is a document and was read already.
    pub(super) document: Option<Document>,
    pub(super) tag: Option<&'a Tag>,
}

/// One walk over one graph.
pub(super) struct Walk<'a> {
    transfer: Transfer<'a>,
    tag: Option<&'a Tag>,
    nodes: Vec<Node>,
    /// A registry keeps documents and blobs apart, so a digest may have to be copied as both.
    index: HashMap<(Digest, bool), usize>,
    jobs: Vec<Job>,
    held: usize,
}

enum Job {
    Visit(usize),
    Write(usize),
}

/// What a job came to.
enum Done {
    Visited(usize, Found),
    Written(usize),
    Kept(usize),
    Refused(usize, Error),
}

const ROOT: usize = 0;

impl<'a> Walk<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        target: &'a dyn Target,
        options: &'a CopyOptions,
    ) -> Self {
        Self {
            transfer: Transfer::new(source, target, options),
            tag: None,
            nodes: Vec::new(),
            index: HashMap::new(),
            jobs: Vec::new(),
            held: 0,
        }
    }

    /// Copies everything from `root` down.
    pub(super) async fn run(mut self, root: Root<'a>) -> Result<()> {
        self.tag = root.tag;
        self.node(&root.descriptor, 0)?;
        self.nodes[ROOT].bytes = root.document.map(|document| document.bytes().clone());
        self.work().await?;
        if let Err(error) = self.finish().await {
            self.send_root(error)?;
            self.work().await?;
        }
        Ok(())
    }

    /// Copies everything from all of `roots` down, each node once, and tells whether `wanted` was
    /// among what it met.
    pub(super) async fn run_all(
        mut self,
        roots: &[Descriptor],
        wanted: &Descriptor,
    ) -> Result<bool> {
        // The list is a stack: what is put there last is begun first.
        for root in roots.iter().rev() {
            self.node(root, 0)?;
        }
        self.work().await?;
        let key = (wanted.digest.clone(), wanted.media_type.is_document());
        Ok(self.index.contains_key(&key))
    }

    /// Does what is on the list, and all that comes of it.
    async fn work(&mut self) -> Result<()> {
        let mut running = FuturesUnordered::new();
        // How many of those are large.
        let mut large = 0;
        loop {
            while let Some(job) = self.jobs.pop() {
                let is_large = self.is_large(&job);
                if !self.has_room(is_large, large, running.len()) {
                    self.jobs.push(job);
                    break;
                }
                large += usize::from(is_large);
                let started = self.start(&job);
                running.push(async move { (is_large, started.await) });
            }
            let Some((is_large, done)) = running.next().await else { break };
            large -= usize::from(is_large);
            self.settle(done?)?;
        }
        drop(running);
        match self.nodes.iter().find(|node| node.state == State::Open) {
            Some(node) => Err(cycle(&node.descriptor)),
            None => Ok(()),
        }
    }

    fn is_large(&self, job: &Job) -> bool {
        let (Job::Visit(at) | Job::Write(at)) = *job;
        self.nodes[at].descriptor.size > SMALL
    }

    /// Tells whether one more job may be started beside so many.
    fn has_room(&self, is_large: bool, large: usize, running: usize) -> bool {
        let CopyOptions { concurrency, further_small, .. } = *self.transfer.options;
        let concurrency = concurrency.max(1);
        running < concurrency + further_small && (!is_large || large < concurrency)
    }

    fn start(&mut self, job: &Job) -> BoxFuture<'a, Result<Done>> {
        let transfer = self.transfer.clone();
        match *job {
            Job::Visit(at) => {
                let node = &mut self.nodes[at];
                let (descriptor, bytes) = (Arc::clone(&node.descriptor), node.bytes.take());
                let (ask, tag) = (node.way == Way::Ask, self.tag_of(at));
                Box::pin(async move {
                    let found = transfer.visit(descriptor, bytes, ask, tag).await?;
                    Ok(Done::Visited(at, found))
                })
            }
            Job::Write(at) if self.nodes[at].way == Way::Keep => {
                Box::pin(async move { Ok(Done::Kept(at)) })
            }
            Job::Write(at) => {
                let renamed = self.renamed(at);
                let (tag, node) = (self.tag_of(at), &self.nodes[at]);
                let descriptor = Arc::clone(&node.descriptor);
                let bytes = node.bytes.clone().expect("a document is written after it was read");
                Box::pin(async move {
                    Ok(match transfer.document(descriptor, bytes, renamed, tag).await {
                        Ok(()) => Done::Written(at),
                        Err(error) => Done::Refused(at, error),
                    })
                })
            }
        }
    }

    fn settle(&mut self, done: Done) -> Result<()> {
        match done {
            Done::Visited(at, Found::Present(bytes)) => {
                self.nodes[at].bytes = bytes;
                self.present(at);
            }
            Done::Visited(at, Found::Kept(bytes, successors)) => {
                self.nodes[at].way = Way::Keep;
                self.open(at, bytes, successors)?;
            }
            Done::Kept(at) => {
                if let Some(bytes) = &self.nodes[at].bytes {
                    self.held -= bytes.len();
                }
                // The root may have to be sent again under its tag.
                if at != ROOT {
                    self.nodes[at].bytes = None;
                }
                self.present(at);
            }
            Done::Visited(at, Found::Document(bytes, successors)) => {
                self.open(at, bytes, successors)?;
            }
            Done::Visited(at, Found::Blob) | Done::Written(at) => {
                self.nodes[at].state = State::Copied;
                if let Some(bytes) = self.nodes[at].bytes.take() {
                    self.held -= bytes.len();
                }
                self.release(at);
            }
            Done::Refused(at, error) => self.heal(at, error)?,
        }
        Ok(())
    }

    /// Notes that the target has something.
    fn present(&mut self, at: usize) {
        self.nodes[at].state = State::Present;
        if !self.nodes[at].quiet && (at != ROOT || !self.is_retagged()) {
            self.say(Event::Exists(&self.nodes[at].descriptor));
        }
        self.release(at);
    }

    /// Puts a document's successors on the list.
    fn open(&mut self, at: usize, bytes: Bytes, successors: Vec<Descriptor>) -> Result<()> {
        self.held += bytes.len();
        if self.held > MAX_HELD {
            return Err(too_large(format!("documents of more than {MAX_HELD} bytes are open")));
        }
        self.nodes[at].bytes = Some(bytes);
        let depth = self.nodes[at].depth + 1;
        let mark = self.jobs.len();
        let mut children = Vec::with_capacity(successors.len());
        for descriptor in successors {
            let known = self.nodes.len();
            let child = self.node(&descriptor, depth)?;
            if child == known {
                self.nodes[child].quiet = self.nodes[at].way == Way::Keep;
            }
            self.wait(at, child);
            children.push((child, descriptor));
        }
        self.jobs[mark..].reverse();
        self.nodes[at].successors = children;
        if self.nodes[at].waiting == 0 {
            self.jobs.push(Job::Write(at));
        }
        Ok(())
    }

    /// Finds the node of a descriptor, or makes it and puts it on the list.
    fn node(&mut self, descriptor: &Descriptor, depth: usize) -> Result<usize> {
        let is_document = descriptor.media_type.is_document();
        let key = (descriptor.digest.clone(), is_document);
        if let Some(&at) = self.index.get(&key) {
            let known = &self.nodes[at].descriptor;
            if known.size == descriptor.size {
                return Ok(at);
            }
            let (one, other) = (known.size, descriptor.size);
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("{} is said to have {one} bytes and {other} bytes", descriptor.digest),
            ));
        }
        if depth > MAX_DEPTH {
            return Err(too_large(format!("the graph is more than {MAX_DEPTH} documents deep")));
        }
        if self.nodes.len() == MAX_NODES {
            return Err(too_large(format!("the graph has more than {MAX_NODES} nodes")));
        }
        let at = self.nodes.len();
        let is_sent = is_document && self.transfer.options.existing == Existing::Descend;
        self.nodes.push(Node {
            descriptor: Arc::new(descriptor.clone()),
            depth,
            way: if is_sent { Way::Send } else { Way::Ask },
            quiet: false,
            state: State::Open,
            parents: Vec::new(),
            waiting: 0,
            bytes: None,
            successors: Vec::new(),
            titles: vec![descriptor.title().map(str::to_owned)],
            healed: false,
        });
        self.index.insert(key, at);
        self.jobs.push(Job::Visit(at));
        Ok(at)
    }

    /// Lets a parent wait for a child. All children of one parent come one after another, so one
    /// that comes twice has that parent last.
    fn wait(&mut self, parent: usize, child: usize) {
        let node = &mut self.nodes[child];
        if node.state == State::Open && node.parents.last() != Some(&parent) {
            node.parents.push(parent);
            self.nodes[parent].waiting += 1;
        }
    }

    /// Lets those go on who waited for a node that is done now.
    fn release(&mut self, at: usize) {
        for parent in std::mem::take(&mut self.nodes[at].parents) {
            self.nodes[parent].waiting -= 1;
            if self.nodes[parent].waiting == 0 {
                self.jobs.push(Job::Write(parent));
            }
        }
    }

    /// Lists a document's successors whose bytes are done, but under another title.
    fn renamed(&mut self, at: usize) -> Vec<Descriptor> {
        let successors = std::mem::take(&mut self.nodes[at].successors);
        let mut renamed = Vec::new();
        for (child, descriptor) in &successors {
            let title = descriptor.title();
            let titles = &mut self.nodes[*child].titles;
            if titles.iter().all(|known| known.as_deref() != title) {
                titles.push(title.map(str::to_owned));
                renamed.push(descriptor.clone());
            }
        }
        self.nodes[at].successors = successors;
        renamed
    }

    /// Sends what the target said it had and now misses, then the document again, once.
    fn heal(&mut self, at: usize, error: Error) -> Result<()> {
        let present = |walk: &Self, &(child, _): &(usize, Descriptor)| {
            (walk.nodes[child].state == State::Present).then_some(child)
        };
        let mut children: Vec<usize> =
            self.nodes[at].successors.iter().filter_map(|pair| present(self, pair)).collect();
        if self.nodes[at].healed || children.is_empty() || !is_missing_successor(&error) {
            return Err(error);
        }
        self.nodes[at].healed = true;
        children.dedup();
        for child in children {
            if self.nodes[child].state == State::Present {
                self.nodes[child].state = State::Open;
                self.nodes[child].way = Way::Send;
                self.jobs.push(Job::Visit(child));
            }
            self.wait(at, child);
        }
        Ok(())
    }

    /// Points the tag at a root that was there already.
    async fn finish(&self) -> Result<()> {
        let Some(tag) = self.tag.filter(|_| self.nodes[ROOT].state == State::Present) else {
            return Ok(());
        };
        let root = &self.nodes[ROOT];
        self.transfer.tag(&root.descriptor, root.bytes.clone(), tag).await
    }

    /// Sends a root that the target has and yet refuses under a tag, with what is missing below it.
    fn send_root(&mut self, error: Error) -> Result<()> {
        if !is_missing_successor(&error) || !self.nodes[ROOT].descriptor.media_type.is_document() {
            return Err(error);
        }
        self.nodes[ROOT].state = State::Open;
        self.nodes[ROOT].way = Way::Send;
        self.jobs.push(Job::Visit(ROOT));
        Ok(())
    }

    /// Tells whether a root that is there is written again under the tag, without a word.
    fn is_retagged(&self) -> bool {
        self.tag.is_some() && self.transfer.target.tags_by_push()
    }

    fn tag_of(&self, at: usize) -> Option<&'a Tag> {
        self.tag.filter(|_| at == ROOT)
    }

    fn say(&self, event: Event<'_>) {
        self.transfer.options.observer.event(event);
    }
}

fn cycle(root: &Descriptor) -> Error {
    let message = format!("what {} points at leads back to itself", root.digest);
    Error::new(ErrorKind::Invalid, message)
}

fn too_large(message: String) -> Error {
    Error::new(ErrorKind::LimitExceeded, message)
}

/// Tells whether a target refused a document because something it points at is missing.
fn is_missing_successor(error: &Error) -> bool {
    let missing =
        [ErrorCode::ManifestBlobUnknown, ErrorCode::BlobUnknown, ErrorCode::ManifestUnknown];
    error.kind() == ErrorKind::NotFound
        || error.response().is_some_and(|response| {
            response.body.errors.iter().any(|entry| missing.contains(&entry.code))
        })
}
