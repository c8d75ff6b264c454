//! One large file to and from the registry that docker makes, where that is installed.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use crate::Failure;
use crate::bench::sample::Sample;
use crate::bench::transfer::{Place, fill};
use crate::bench::ways::{bytes, print, time};
use crate::bench::{Contender, mebibytes};
use crate::process::{find, port_said, wait};

/// How often each transfer is made.
const RUNS: usize = 3;

/// Pushes and pulls one file of 512 MiB, each time into a registry that is empty.
pub(crate) fn large(contenders: &[Contender]) -> Result<(), Failure> {
    if find("docker-registry").is_none() {
        println!("\nno `docker-registry` here");
        return Ok(());
    }
    let size = bytes(512 << 20);
    let place = Place::make()?;
    fill(&place.file("in/large.bin"), size)?;
    println!("\none file of {:.0} MiB, docker-registry, {RUNS} runs each:", mebibytes(size));
    let mut pushes = vec![Sample::default(); contenders.len()];
    let mut pulls = pushes.clone();
    for _ in 0..RUNS {
        for (at, contender) in contenders.iter().enumerate() {
            let registry = Registry::start(&place)?;
            let reference = format!("localhost:{}/bench/files:1", registry.port);
            let mut push = place.command(&contender.path, "in");
            pushes[at].add(time(push.args(["push", &reference, "large.bin"]))?);
            let mut pull = place.command(&contender.path, "out");
            pulls[at].add(time(pull.args(["pull", &reference]))?);
            drop(registry);
            place.clear(&["registry", "out"])?;
        }
    }
    print("push", contenders, &pushes);
    print("pull", contenders, &pulls);
    Ok(())
}

/// A registry on a free port; killed when dropped.
struct Registry {
    child: Child,
    port: u16,
}

impl Registry {
    fn start(place: &Place) -> Result<Self, Failure> {
        let (config, log) = (place.file("registry.yml"), place.file("registry.log"));
        let failed = |error: std::io::Error| format!("docker-registry: {error}");
        let text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:0}}\n",
            place.file("registry").display()
        );
        std::fs::write(&config, text).map_err(failed)?;
        let file = File::create(&log).map_err(failed)?;
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            .spawn()
            .map_err(failed)?;
        let mut registry = Self { child, port: 0 };
        registry.port = port_said(&log, &mut registry.child)?;
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        wait(&mut self.child, std::time::Duration::from_mins(1));
    }
}
