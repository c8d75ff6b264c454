//! A proxy before a registry, which turns requests away in words of its own.

use http::header::CONNECTION;
use http::{Method, StatusCode};
use oras_spec::distribution::Operation;

use crate::ask::{Ask, Outcome, Reply, reply_with, set};
use crate::emulator::Emulator;
use crate::profile::Quirk;

/// Turns away what is too large or comes too often.
pub(crate) fn check(emulator: &Emulator, ask: &Ask) -> Outcome<()> {
    let largest = emulator.find(|quirk| match quirk {
        Quirk::LargestManifest(largest) => Some(*largest),
        _ => None,
    });
    let is_put = matches!(ask.operation, Some(Operation::PutManifest { .. }));
    if is_put && largest.is_some_and(|largest| ask.body.len() as u64 > largest) {
        return Err(page(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large").into());
    }
    let busy = emulator.find(|quirk| match quirk {
        Quirk::BusyProxy(times) => Some(*times),
        _ => None,
    });
    let is_get = ask.method == Method::GET && ask.uri.path().contains("/manifests/");
    let Some(times) = busy.filter(|_| is_get) else { return Ok(()) };
    let mut state = emulator.state();
    if state.turned_away == times {
        return Ok(());
    }
    state.turned_away += 1;
    drop(state);
    Err(page(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests").into())
}

/// Ends the connection with the answer, where that is done.
pub(crate) fn finish(emulator: &Emulator, answer: &mut Reply) {
    if emulator.has(Quirk::ClosesConnections) {
        set(answer, &CONNECTION, "close");
    }
}

/// A page of nginx.
fn page(status: StatusCode, words: &str) -> Reply {
    let title = format!("{} {words}", status.as_u16());
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    reply_with(status, "text/html", body)
}
