//! What a template may know beside its data, and what it may spend.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use regex::Regex;

use crate::date::{Date, Zone};
use crate::error::Failure;

/// What a template can learn of the world around it: nothing, unless it is said here.
///
/// This crate reads no clock, no environment and no files. Whoever renders a template for a user
/// hands in what that user may see:
///
/// ```
/// use oras_template::{Template, World};
///
/// let world = World::new()
///     .with_now(std::time::SystemTime::UNIX_EPOCH)
///     .with_variables(|name| (name == "USER").then(|| "ada".to_owned()));
/// let template = Template::parse("greeting", r#"{{env "USER"}}, {{now | date "2006"}}"#)?;
/// assert_eq!(template.render_in(&serde_json::Value::Null, &world)?, "ada, 1970");
/// # Ok::<(), oras_template::TemplateError>(())
/// ```
#[derive(Default)]
pub struct World<'w> {
    now: Option<SystemTime>,
    variables: Option<LookUp<'w, String>>,
    zones: Option<LookUp<'w, Vec<u8>>>,
}

/// Finds something by its name.
#[expect(clippy::type_complexity, reason = "this is the name for the complex type")]
struct LookUp<'w, T>(Box<dyn Fn(&str) -> Option<T> + 'w>);

impl<'w> World<'w> {
    /// Makes a world without a clock, with the zone UTC alone and no environment variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the clock at `now`. Without a clock, functions that need one fail.
    #[must_use]
    pub fn with_now(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// Answers `env` and `expandenv` by `look_up`. Without it every variable is empty.
    #[must_use]
    pub fn with_variables(mut self, look_up: impl Fn(&str) -> Option<String> + 'w) -> Self {
        self.variables = Some(LookUp(Box::new(look_up)));
        self
    }

    /// Finds time zones by `look_up`, which gets a name such as `Europe/Berlin`, or `Local` for
    /// the zone of whoever is asking, and returns the bytes of a file of the time zone database
    /// ([RFC 9636](https://www.rfc-editor.org/rfc/rfc9636)).
    ///
    /// The name comes from the template: do not join it to a path unchecked. A zone that is not
    /// found is UTC.
    #[must_use]
    pub fn with_zones(mut self, look_up: impl Fn(&str) -> Option<Vec<u8>> + 'w) -> Self {
        self.zones = Some(LookUp(Box::new(look_up)));
        self
    }
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

/// The most steps of one rendering. A step is a command, an item of a list that a function makes,
/// or 32 bytes of text that it makes.
pub(crate) const MAX_STEPS: u64 = 1 << 25;

/// The most regular expressions that a rendering keeps compiled.
const MAX_PATTERNS: usize = 64;

/// One rendering: what it may know, what it may still spend, and what it need not do twice.
pub(crate) struct Session<'s> {
    world: &'s World<'s>,
    steps: Cell<u64>,
    most_steps: u64,
    patterns: RefCell<BTreeMap<String, Regex>>,
    zones: RefCell<BTreeMap<String, Zone>>,
}

impl<'s> Session<'s> {
    pub(crate) fn new(world: &'s World<'s>) -> Self {
        Self::with_steps(world, MAX_STEPS)
    }

    /// Starts a rendering that may take another number of steps.
    pub(crate) fn with_steps(world: &'s World<'s>, steps: u64) -> Self {
        Self {
            world,
            steps: Cell::new(steps),
            most_steps: steps,
            patterns: RefCell::default(),
            zones: RefCell::default(),
        }
    }

    /// Takes steps off those that are left.
    pub(crate) fn spend(&self, steps: usize) -> Result<(), Failure> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let left = self.steps.get().checked_sub(steps).ok_or_else(|| {
            Failure::from(format!("the template takes more than {} steps", self.most_steps))
        })?;
        self.steps.set(left);
        Ok(())
    }

    /// The present, in the local zone.
    pub(crate) fn now(&self) -> Result<Date, Failure> {
        let now = self.world.now.ok_or("no clock was given")?;
        let epoch = Date::from_unix(0, 0);
        let nanoseconds = match now.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
        };
        Ok(epoch.plus(nanoseconds).in_zone(self.zone("Local")))
    }

    /// The zone of a name; UTC if it is not known.
    pub(crate) fn zone(&self, name: &str) -> Zone {
        if matches!(name, "" | "UTC") {
            return Zone::Utc;
        }
        if let Some(zone) = self.zones.borrow().get(name) {
            return zone.clone();
        }
        let bytes = self.world.zones.as_ref().and_then(|look_up| look_up.0(name));
        let zone = bytes.and_then(|bytes| Zone::from_tzif(name, &bytes)).unwrap_or(Zone::Utc);
        self.zones.borrow_mut().insert(name.to_owned(), zone.clone());
        zone
    }

    /// The value of an environment variable; empty if it is not known.
    pub(crate) fn variable(&self, name: &str) -> String {
        self.world.variables.as_ref().and_then(|look_up| look_up.0(name)).unwrap_or_default()
    }

    /// Compiles a regular expression, or takes the one from the last time.
    pub(crate) fn pattern(
        &self,
        text: &str,
        compile: impl FnOnce() -> Result<Regex, Failure>,
    ) -> Result<Regex, Failure> {
        if let Some(pattern) = self.patterns.borrow().get(text) {
            return Ok(pattern.clone());
        }
        let pattern = compile()?;
        let mut patterns = self.patterns.borrow_mut();
        if patterns.len() < MAX_PATTERNS {
            patterns.insert(text.to_owned(), pattern.clone());
        }
        Ok(pattern)
    }
}
