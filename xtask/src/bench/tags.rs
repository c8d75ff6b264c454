//! A repository with very many tags: how long a page of them and a push of one more take.

use std::time::Instant;

use crate::Failure;
use crate::bench::Contender;
use crate::bench::http::Connection;
use crate::bench::registry::{CONFIG, CONFIG_DIGEST};
use crate::bench::sample::Sample;
use crate::bench::transfer::Place;
use crate::process::Server;

const REPOSITORY: &str = "bench/tags";
const MANIFEST: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;

/// Fills one repository with 1,000,000 tags, or with as many as `ORAS_BENCH_TAGS` says, then asks
/// for pages and pushes tags, one after the other.
pub(crate) fn many(contenders: &[Contender]) -> Result<(), Failure> {
    let count = std::env::var("ORAS_BENCH_TAGS").ok().and_then(|text| text.parse().ok());
    let count: usize = count.unwrap_or(1_000_000);
    let ours = &contenders[0].path;
    let place = Place::make()?;
    let root = place.file("registry");
    // Filled without syncs: only what comes after is measured.
    let server = Server::start_with(ours, &root, &["--durability", "fast"])?;
    Connection::open(server.port())?.push_blob(REPOSITORY, CONFIG_DIGEST, CONFIG)?;
    let begin = Instant::now();
    fill(server.port(), count)?;
    println!("\n{count} tags in one repository:");
    println!("  filled in {:.0} s, without syncs", begin.elapsed().as_secs_f64());
    server.stop()?;

    let server = Server::start(ours, &root)?;
    let mut connection = Connection::open(server.port())?;
    let begin = Instant::now();
    page(&mut connection, "")?;
    println!("  the first page after a start: {:.1} ms", begin.elapsed().as_secs_f64() * 1000.0);
    let (mut pages, mut pushes) = (Sample::default(), Sample::default());
    for number in 0..1000 {
        let begin = Instant::now();
        page(&mut connection, &tag(number * 7919 % count))?;
        pages.add(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        connection.push_manifest(REPOSITORY, &format!("later-{number}"), MANIFEST)?;
        pushes.add(begin.elapsed().as_secs_f64());
    }
    for (what, sample) in [("tags/list?n=100", pages), ("push of one more tag", pushes)] {
        let [middle, most, all] = [50, 99, 100].map(|share| sample.percentile(share) * 1000.0);
        println!("  {what}: median {middle:.1} ms, p99 {most:.1} ms, at worst {all:.1} ms");
    }
    println!("  the registry held {:.1} MiB at most", super::mebibytes(server.stop()?));
    Ok(())
}

fn tag(number: usize) -> String {
    format!("v{number:07}")
}

/// Pushes one manifest under all tags, over sixteen connections.
fn fill(port: u16, count: usize) -> Result<(), Failure> {
    const CLIENTS: usize = 16;
    std::thread::scope(|scope| {
        let pushing: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    let mut connection = Connection::open(port)?;
                    (client..count).step_by(CLIENTS).try_for_each(|number| {
                        connection.push_manifest(REPOSITORY, &tag(number), MANIFEST)
                    })
                })
            })
            .collect();
        pushing.into_iter().try_for_each(|pushing| pushing.join().expect("no panic"))
    })
}

/// Asks for a page of a hundred tags.
fn page(connection: &mut Connection, last: &str) -> Result<(), Failure> {
    let target = format!("/v2/{REPOSITORY}/tags/list?n=100&last={last}");
    let answer = connection.ask("GET", &target, "application/json", b"")?;
    let count = answer.body.windows(3).filter(|bytes| bytes.starts_with(b"\"v")).count();
    if answer.status == 200 && count > 0 {
        Ok(())
    } else {
        Err(format!("GET {target}: {}", answer.status))
    }
}
