//! Referrers as a tree, by artifact type.

use std::collections::HashMap;

use oras_client::discover::Discovered;
use oras_spec::image::MediaType;

use crate::output::yaml;
use crate::visible::visible;

/// How the tree is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether parts are colored.
    pub(super) colors: bool,
    /// Whether annotations are shown.
    pub(super) annotations: bool,
}

const GREEN: &str = "32";
const YELLOW: &str = "93";
const GRAY: &str = "90";

/// Draws what was found about the first manifest, which is called `root`; ends with a line end.
pub(super) fn draw(root: &str, found: &Discovered, style: Style) -> String {
    let mut drawing = Drawing { found, style, text: String::new() };
    drawing.text = format!("{}\n", drawing.paint(GREEN, &visible(root)));
    drawing.types(0, "");
    drawing.text
}

struct Drawing<'a> {
    found: &'a Discovered,
    style: Style,
    text: String,
}

impl Drawing<'_> {
    /// Draws the referrers of a node, one branch for each artifact type, in the order they come.
    fn types(&mut self, at: usize, indent: &str) {
        let found = self.found;
        let mut groups: Vec<(&MediaType, Vec<usize>)> = Vec::new();
        let mut places: HashMap<&MediaType, usize> = HashMap::new();
        for &referrer in &found.nodes()[at].referrers {
            let kind = &found.nodes()[referrer].descriptor.artifact_type;
            let place = *places.entry(kind).or_insert(groups.len());
            if place == groups.len() {
                groups.push((kind, Vec::new()));
            }
            groups[place].1.push(referrer);
        }
        let last = groups.len();
        for (count, (kind, members)) in groups.into_iter().enumerate() {
            let name = if kind.is_empty() { "<unknown>".into() } else { visible(kind.as_str()) };
            let name = self.paint(YELLOW, &name);
            let inner = self.branch(indent, &name, count + 1 == last);
            let last = members.len();
            for (count, member) in members.into_iter().enumerate() {
                self.referrer(member, &inner, count + 1 == last);
            }
        }
    }

    fn referrer(&mut self, at: usize, indent: &str, is_last: bool) {
        let node = &self.found.nodes()[at];
        let digest = self.paint(GREEN, node.descriptor.digest.as_str());
        let inner = self.branch(indent, &digest, is_last);
        let annotations = &node.descriptor.annotations;
        if self.style.annotations && !annotations.is_empty() {
            let name = self.paint(GRAY, "[annotations]");
            let pairs = self.branch(&inner, &name, node.referrers.is_empty());
            let last = annotations.len();
            for (count, (key, value)) in annotations.iter().enumerate() {
                self.branch(&pairs, &yaml::pair(key, value), count + 1 == last);
            }
        }
        self.types(at, &inner);
    }

    /// Draws a line and returns the indent of what is below it.
    fn branch(&mut self, indent: &str, label: &str, is_last: bool) -> String {
        let (edge, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        for part in [indent, edge, label, "\n"] {
            self.text.push_str(part);
        }
        format!("{indent}{below}")
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.style.colors { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
