//! A registry in your own program: one user, a directory, a port, until Enter is pressed.
//!
//! ```sh
//! cargo run --package oras-server --example embed
//! oras repo ls --plain-http --username ada --password lovelace 127.0.0.1:5000
//! ```

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use oras_server::Registry;
use oras_server::auth::Users;
use oras_server::serve::{ServeOptions, Server};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program says what it does")]
#[expect(clippy::disallowed_methods, reason = "a program decides where its files are")]
async fn main() -> Result<(), Box<dyn Error>> {
    let users = Arc::new(Users::single("ada", "lovelace")?);
    let root = std::env::temp_dir().join("oras-embedded");
    let registry = Registry::builder().directory(&root).authenticator(users).build()?;

    let address = SocketAddr::from(([127, 0, 0, 1], 5000));
    let server = Server::bind(address, registry.into_service(), ServeOptions::default()).await?;
    println!("serving {} on http://{}", root.display(), server.local_addr());
    println!("press Enter to stop");

    let enter = tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new()));
    server.run(async { drop(enter.await) }).await?;
    Ok(())
}
