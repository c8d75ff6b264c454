//! The flags a command declares, as data: parsing, help and completion read the same table.

pub(crate) mod help;
pub(crate) mod parse;

use std::borrow::Cow;

/// One flag of one command.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// The name behind the two dashes.
    pub(crate) name: Cow<'static, str>,
    /// The letter behind a single dash.
    pub(crate) short: Option<char>,
    /// What values it takes, and what happens when it is repeated.
    pub(crate) kind: Kind,
    /// The word that stands for the value in help.
    pub(crate) word: &'static str,
    /// The value if the flag is not given, as it would be typed.
    pub(crate) default: Cow<'static, str>,
    /// What it is for, in the imperative; further lines are indented under the first.
    pub(crate) help: Cow<'static, str>,
    /// What to say when it is used; such a flag does not show in help.
    pub(crate) deprecated: Option<&'static str>,
    /// Whether the command cannot do without it; commands check that themselves when it is time.
    pub(crate) required: bool,
}

/// What values a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`; takes no separate word.
    Switch,
    /// Any text; the last one counts.
    Text,
    /// A whole number; the last one counts.
    Number,
    /// One of a few words; the last one counts.
    Choice(&'static Choice),
    /// Any text, each occurrence adds one.
    List,
    /// Any text, each occurrence adds what stands between its commas.
    CommaList,
}

/// The words that a [`Kind::Choice`] flag takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What the flag chooses, for the message about a word that is none of them.
    pub(crate) noun: &'static str,
    /// The words.
    pub(crate) words: &'static [&'static str],
}

impl Flag {
    fn new(name: impl Into<Cow<'static, str>>, kind: Kind, help: &'static str) -> Self {
        let word = match kind {
            Kind::Switch => "",
            Kind::Text | Kind::Choice(_) => "string",
            Kind::Number => "int",
            Kind::List => "stringArray",
            Kind::CommaList => "strings",
        };
        Self {
            name: name.into(),
            short: None,
            kind,
            word,
            default: Cow::Borrowed(""),
            help: Cow::Borrowed(help),
            deprecated: None,
            required: false,
        }
    }

    /// Declares a flag that is given or not.
    pub(crate) fn switch(name: impl Into<Cow<'static, str>>, help: &'static str) -> Self {
        Self::new(name, Kind::Switch, help).default("false")
    }

    /// Declares a flag with a text.
    pub(crate) fn text(name: impl Into<Cow<'static, str>>, help: &'static str) -> Self {
        Self::new(name, Kind::Text, help)
    }

    /// Declares a flag with a number.
    pub(crate) fn number(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Number, help).default(default)
    }

    /// Declares a flag with one of a few words.
    pub(crate) fn choice(
        name: impl Into<Cow<'static, str>>,
        choice: &'static Choice,
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Choice(choice), help)
    }

    /// Declares a flag that may be given several times.
    pub(crate) fn list(name: impl Into<Cow<'static, str>>, help: &'static str) -> Self {
        Self::new(name, Kind::List, help)
    }

    /// Declares a flag whose values may also be joined by commas.
    pub(crate) fn comma_list(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::CommaList, help)
    }

    /// Gives it a letter.
    pub(crate) fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// Says which word stands for its value in help.
    pub(crate) fn word(mut self, word: &'static str) -> Self {
        self.word = word;
        self
    }

    /// Says what it is if it is not given.
    pub(crate) fn default(mut self, default: &'static str) -> Self {
        self.default = Cow::Borrowed(default);
        self
    }

    /// Hides it, and says `note` when it is used.
    pub(crate) fn deprecated(mut self, note: &'static str) -> Self {
        self.deprecated = Some(note);
        self
    }

    /// Says that the command cannot do without it.
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Tells whether a value of its own word is expected behind it.
    pub(crate) fn takes_word(&self) -> bool {
        self.kind != Kind::Switch
    }

    /// The name with its dashes, and the letter before it if it has one, as messages show it.
    fn shown(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}, --{}", self.name),
            None => format!("--{}", self.name),
        }
    }
}
