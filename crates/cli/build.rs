//! Tells the program which compiler built it.

#[expect(clippy::disallowed_methods, reason = "cargo talks to build scripts by variables")]
fn main() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| text.split_whitespace().nth(1).map(str::to_owned));
    let version = version.as_deref().unwrap_or("unknown");
    println!("cargo::rustc-env=ORAS_RUST_VERSION={version}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
}
