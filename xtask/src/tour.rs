//! `cargo xtask tour`: the main job, shown against the registry that the binary carries.

mod place;
mod story;

use std::time::Instant;

use crate::Failure;
use crate::process::build_release;
use place::Place;
use story::Step;

/// Builds the binary, starts two registries, one open and one with a password, and tells the story
/// three times: to anybody, with the password on the command line, and with a stored login.
pub(crate) fn run() -> Result<(), Failure> {
    let binary = build_release()?;
    let start = Instant::now();
    let place = Place::open(&binary)?;
    let told = tell(&place);
    if told.is_err() {
        place.show_logs();
    }
    // Also after a failure: nothing is left behind.
    let closed = place.close();
    told.and_then(|steps| closed.map(|()| steps)).map(|steps| {
        println!("\nThe servers are stopped and their directory is gone.");
        println!("{steps} steps done and checked in {:.1} s", start.elapsed().as_secs_f32());
    })
}

/// Runs all steps in order and returns how many there were.
fn tell(place: &Place) -> Result<usize, Failure> {
    let has_jq = crate::process::find("jq").is_some();
    if !has_jq {
        println!("jq is not installed: `--pretty` takes its place below");
    }
    let mut count = 0;
    for chapter in story::chapters(place.open_host(), place.closed_host(), has_jq) {
        println!("\n# {}", chapter.title);
        for step in &chapter.steps {
            println!("$ {}", step.line);
            show(place, step).map_err(|failure| format!("\n{}\n  failed: {failure}", step.line))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Runs one step, shows what it printed and checks it.
fn show(place: &Place, step: &Step) -> Result<(), Failure> {
    let finished = place.shell(&step.line)?;
    if !finished.output.is_empty() {
        println!("{}", finished.output.trim_end());
    }
    if finished.success == step.refused {
        let wanted = if step.refused { "refused" } else { "done" };
        return Err(format!("it was to be {wanted}"));
    }
    for wanted in &step.prints {
        if !finished.output.contains(wanted.as_str()) {
            return Err(format!("it did not print {wanted:?}"));
        }
    }
    for (name, wanted) in &step.files {
        let found = place.read(name)?;
        if found != *wanted {
            return Err(format!("{name} holds {found:?}, not {wanted:?}"));
        }
        println!("  ✓ {name} holds {wanted:?}");
    }
    Ok(())
}
