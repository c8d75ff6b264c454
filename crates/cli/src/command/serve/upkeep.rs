//! What a registry does beside serving: collects garbage, and reads its blobs to see that they are
//! what they were.

use std::sync::Arc;
use std::time::Duration;

use oras_server::{CheckOptions, CollectOptions, Registry};

use crate::args::garbage::{self, Collector, duration};
use crate::command::Invocation;
use crate::error::{Result, chain};
use crate::flag::{Choice, Flag};
use crate::output::Printer;
use crate::output::human;

static DURABILITIES: Choice = Choice { noun: "durability", words: &["full", "fast"] };

/// When what is done.
pub(super) struct Upkeep {
    collect_every: Option<Duration>,
    collect: CollectOptions,
    check_every: Option<Duration>,
    check: CheckOptions,
}

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    let mut flags = vec![
        Flag::choice(
            "durability",
            &DURABILITIES,
            "full: what is acknowledged survives a power cut; fast: only the end of the program",
        )
        .default("full"),
        Flag::text("gc-interval", "how often garbage is collected; 0s for never")
            .word("duration")
            .default("1h"),
        Flag::text("scrub-interval", "how often all blobs are read and checked; 0s for never")
            .word("duration")
            .default("7d"),
        Flag::number("scrub-rate", "10", "how many MiB of blobs are read a second to check them"),
    ];
    flags.extend(garbage::flags(Collector::Serving));
    flags
}

/// Reads the group, except the durability.
///
/// # Errors
///
/// If a value is not what its flag takes.
pub(super) fn read(invocation: &Invocation) -> Result<Upkeep> {
    let parsed = &invocation.parsed;
    let interval = |name: &str| {
        let interval = duration(name, parsed.text(name))?;
        Ok((!interval.is_zero()).then_some(interval))
    };
    let mut check = CheckOptions::default();
    check.repair = true;
    check.only_blobs = true;
    let rate = u64::try_from(parsed.number("scrub-rate")).unwrap_or(0).max(1);
    check.bytes_per_second = Some(rate.saturating_mul(1 << 20));
    Ok(Upkeep {
        collect_every: interval("gc-interval")?,
        collect: garbage::read(parsed, Collector::Serving)?,
        check_every: interval("scrub-interval")?,
        check,
    })
}

/// Starts it, for as long as the program runs. It waits first: who starts wants to serve.
pub(super) fn start(upkeep: Upkeep, registry: &Registry, printer: &Arc<Printer>) {
    let Upkeep { collect_every, collect, check_every, check } = upkeep;
    if let Some(interval) = collect_every {
        let (registry, printer) = (registry.clone(), Arc::clone(printer));
        drop(tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                collect_once(&registry, &collect, &printer).await;
            }
        }));
    }
    if let Some(interval) = check_every {
        let (registry, printer) = (registry.clone(), Arc::clone(printer));
        drop(tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                check_once(&registry, &check, &printer).await;
            }
        }));
    }
}

async fn collect_once(registry: &Registry, options: &CollectOptions, printer: &Arc<Printer>) {
    let log = Arc::clone(printer);
    let collected = registry
        .collect(options, move |found| log.note(&format!("gc: {found}: {}", found.reason())))
        .await;
    match collected {
        Ok(collected) if collected.bytes > 0 => {
            printer.note(&format!("gc: freed {}", human::bytes(collected.bytes)));
        }
        Ok(_) => {}
        Err(error) => printer.note(&format!("gc: {}", chain(&error))),
    }
}

async fn check_once(registry: &Registry, options: &CheckOptions, printer: &Arc<Printer>) {
    let log = Arc::clone(printer);
    let checked = registry.check(options, move |fault| log.note(&format!("scrub: {fault}"))).await;
    if let Err(error) = checked {
        printer.note(&format!("scrub: {}", chain(&error)));
    }
}
