//! Files that are read again while the registry runs: certificates, users, the policy.

use std::sync::Arc;
use std::time::Duration;

use oras_server::serve::tls::Tls;

use super::access::Access;
use super::listen;
use super::log::AccessLog;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(2);

/// Reads the files again and again until dropped; says when something changed, or is wrong. What is
/// wrong changes nothing, and is told once.
pub(super) async fn keep_reading(mut access: Access, tls: Option<Tls>, log: Arc<AccessLog>) {
    let tls = tls.map(Arc::new);
    let mut told: Vec<String> = Vec::new();
    loop {
        tokio::time::sleep(PERIOD).await;
        let certificate = tls.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut outcomes = vec![("users and policy", access.reload())];
            if let Some(tls) = &certificate {
                outcomes.push(("certificate", listen::reload(tls)));
            }
            (access, outcomes)
        });
        let Ok((back, outcomes)) = reading.await else { return };
        access = back;
        let mut wrong = Vec::new();
        for (what, outcome) in outcomes {
            match outcome {
                Ok(true) => log.note(&format!("{what} read again")),
                Ok(false) => {}
                Err(error) => wrong.push(format!("{what} not read again: {error}")),
            }
        }
        for error in wrong.iter().filter(|error| !told.contains(*error)) {
            log.note(error);
        }
        told = wrong;
    }
}
