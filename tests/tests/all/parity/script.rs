//! Transcripts as data: cases, the commands in them, and what each is to say.

use std::collections::BTreeMap;

use super::expect::Line;

/// A transcript: cases that are played one after the other in one sandbox.
pub(super) struct Script {
    pub(super) name: String,
    /// The registry behind `$HOST`, and those behind `$OTHER` and `$ANOTHER`.
    pub(super) registries: BTreeMap<&'static str, String>,
    /// What a scripted registry answers, by method and path.
    pub(super) answers: BTreeMap<String, Vec<String>>,
    pub(super) cases: Vec<Case>,
}

/// One row of the table.
pub(super) struct Case {
    /// Where it begins in the file.
    pub(super) line: usize,
    /// The sections it covers; none if it only prepares others.
    pub(super) sections: Vec<String>,
    pub(super) title: String,
    pub(super) steps: Vec<Step>,
}

/// A command and what it is to say.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) command: String,
    /// Whether standard error is a terminal.
    pub(super) is_on_terminal: bool,
    pub(super) stdout: Vec<Line>,
    pub(super) stderr: Vec<Line>,
    /// The exit code; nothing if it follows from the first word on standard error.
    code: Option<i32>,
}

impl Step {
    /// Returns the exit code that is expected: 1 where an error is, or what is said.
    pub(super) fn code(&self) -> i32 {
        let is_error = |line: &Line| line.text().starts_with("Error");
        self.code.unwrap_or_else(|| i32::from(self.stderr.iter().any(is_error)))
    }
}

impl Script {
    /// Reads a transcript.
    ///
    /// # Errors
    ///
    /// The line that is not understood.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut script = Self {
            name: name.to_owned(),
            registries: BTreeMap::from([("HOST", "open".to_owned())]),
            answers: BTreeMap::new(),
            cases: Vec::new(),
        };
        let mut answer = String::new();
        let mut rows: Vec<String> = Vec::new();
        let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            let wrong = || format!("{name}.txt:{line_number}: what is this? {line}");
            match mark {
                "" | "#" => {}
                "registry" => drop(script.registries.insert("HOST", rest.to_owned())),
                "other" => drop(script.registries.insert("OTHER", rest.to_owned())),
                "another" => drop(script.registries.insert("ANOTHER", rest.to_owned())),
                "answer" => {
                    rest.clone_into(&mut answer);
                    script.answers.insert(answer.clone(), Vec::new());
                }
                "<" => {
                    let lines = script.answers.get_mut(&answer).ok_or_else(wrong)?;
                    lines.push(rest.to_owned());
                }
                "==" => {
                    script.spread(&mut rows);
                    script.cases.push(Case::titled(line_number, rest));
                }
                "@" => rows.push(rest.to_owned()),
                "@=" => drop(sets.insert(rest.to_owned(), std::mem::take(&mut rows))),
                "@@" => rows.extend(sets.get(rest).ok_or_else(wrong)?.iter().cloned()),
                _ => {
                    let case = script.cases.last_mut().ok_or_else(wrong)?;
                    case.add(line_number, mark, rest).ok_or_else(wrong)?;
                }
            }
        }
        script.spread(&mut rows);
        Ok(script)
    }

    /// Makes the last case as many as it has rows, each with the values of one.
    fn spread(&mut self, rows: &mut Vec<String>) {
        if rows.is_empty() {
            return;
        }
        let pattern = self.cases.pop().expect("rows stand in a case");
        for row in rows.drain(..) {
            let values: Vec<(&str, &str)> =
                row.split(" ; ").filter_map(|value| value.split_once('=')).collect();
            let fill = |text: &str| {
                values.iter().fold(text.to_owned(), |text, (name, value)| {
                    text.replace(&format!("%{name}%"), value)
                })
            };
            let fill_all = |lines: &[Line]| lines.iter().map(|line| line.map(fill)).collect();
            let steps = pattern.steps.iter().map(|step| Step {
                command: fill(&step.command),
                stdout: fill_all(&step.stdout),
                stderr: fill_all(&step.stderr),
                ..step.clone()
            });
            self.cases.push(Case {
                line: pattern.line,
                sections: pattern.sections.clone(),
                title: format!("{} ({row})", pattern.title),
                steps: steps.collect(),
            });
        }
    }
}

impl Case {
    fn titled(line: usize, rest: &str) -> Self {
        let words = rest.split(' ');
        let is_section = |word: &&str| word.starts_with('§');
        let sections: Vec<String> =
            words.clone().take_while(is_section).map(str::to_owned).collect();
        let title = words.skip_while(is_section).collect::<Vec<_>>().join(" ");
        Self { line, sections, title, steps: Vec::new() }
    }

    /// Takes a line of the case; nothing if it is none.
    fn add(&mut self, line: usize, mark: &str, rest: &str) -> Option<()> {
        if mark == "$" || mark == "T$" {
            self.steps.push(Step {
                line,
                command: rest.to_owned(),
                is_on_terminal: mark == "T$",
                stdout: Vec::new(),
                stderr: Vec::new(),
                code: None,
            });
            return Some(());
        }
        let step = self.steps.last_mut()?;
        match mark {
            ">" => step.command.extend(["\n", rest]),
            "O|" => step.stdout.push(Line::Text(rest.to_owned())),
            "E|" => step.stderr.push(Line::Text(rest.to_owned())),
            "O~" => step.stdout.push(Line::Anywhere(rest.to_owned())),
            "E~" => step.stderr.push(Line::Anywhere(rest.to_owned())),
            "O+" => step.stdout.push(Line::Later(rest.to_owned())),
            "O..." => step.stdout.push(Line::Rest),
            "E..." => step.stderr.push(Line::Rest),
            "?" => step.code = Some(rest.parse().ok()?),
            _ => return None,
        }
        Some(())
    }
}
