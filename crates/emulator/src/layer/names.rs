//! Which names there are.

use http::StatusCode;
use oras_spec::distribution::Operation;

use crate::ask::{Ask, End, Outcome};
use crate::emulator::Emulator;
use crate::profile::Quirk;

/// Refuses what is asked of repositories that are not there, or could not be.
pub(crate) fn check(emulator: &Emulator, ask: &Ask) -> Outcome<()> {
    let Some(name) = ask.repository() else { return Ok(()) };
    let parts = name.split('/').count();
    let least = emulator.find(|quirk| match quirk {
        Quirk::NameParts(least) => Some(*least),
        _ => None,
    });
    if least.is_some_and(|least| parts < least) {
        let message = format!("invalid number of path components: {parts}");
        return Err(emulator.refuse(StatusCode::BAD_REQUEST, "NAME_INVALID", &message).into());
    }
    let is_there = emulator.state().repositories.contains(name);
    if is_there {
        return Ok(());
    }
    let are_first =
        emulator.find(|quirk| matches!(quirk, Quirk::RepositoriesFirst(_)).then_some(()));
    if are_first.is_some() {
        let opens = matches!(
            ask.operation,
            Some(
                Operation::StartUpload { .. }
                    | Operation::MountBlob { .. }
                    | Operation::PushBlob { .. }
            )
        );
        if opens && emulator.has(Quirk::EndsConnection) {
            return Err(End::Cut);
        }
        let message = format!(
            "The repository with name '{name}' does not exist in the registry with id '012345678910'"
        );
        return Err(emulator.refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", &message).into());
    }
    if emulator.has(Quirk::MadeByTokens) {
        let message = "repository not found";
        return Err(emulator.refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message).into());
    }
    Ok(())
}
