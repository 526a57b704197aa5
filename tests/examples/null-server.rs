//! A server that computes nothing, on one thread, to measure what a client can drive.
//!
//!     cargo run --release -p ser-tests --example null-server -- 127.0.0.1:50051

use std::{env, error::Error, sync::Arc};

use ser_tests::null_server::{Behaviour, Traffic, serve};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("expected ADDRESS:PORT")?;
    let listener = TcpListener::bind(address).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    serve(listener, Behaviour::default(), Arc::new(Traffic::default())).await?;
    Ok(())
}
