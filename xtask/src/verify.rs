//! `cargo xtask verify`: what takes too long for every commit.

use std::path::PathBuf;

use crate::stopwatch::Stopwatch;
use crate::{Error, Workspace, ci, deploy, foreign, onnxruntime, prometheus, test, triton};

/// Everything that `ci` runs, with the tests on corpora; then the exports of other
/// frameworks anew, clients of other servers, a real Prometheus against a server, what
/// `deploy/` holds, and each benchmark once.
pub(crate) fn run(workspace: &Workspace, corpora: Option<PathBuf>) -> Result<(), Error> {
    let corpora = test::corpora(corpora)?;
    if corpora.is_none() {
        println!("xtask: no corpora named; the tests that need them are skipped");
    }
    let mut watch = Stopwatch::default();
    let (tally, tested) = ci::timed(workspace, &mut watch, corpora.as_deref());
    let exported = tested.and_then(|()| watch.time("exports", || foreign::verify(workspace)));
    let asked = exported.and_then(|()| watch.time("triton", || triton::verify(workspace)));
    let scraped = asked.and_then(|()| watch.time("prometheus", || prometheus::verify(workspace)));
    let deployed = scraped.and_then(|()| watch.time("deploy", || deploy::run(workspace)));
    let result = deployed.and_then(|()| {
        let once = workspace
            .cargo()
            .args(["bench", "--workspace", "--bench", "*", "--", "--test"])
            .env("ORT_DYLIB_PATH", onnxruntime::library(workspace)?);
        Ok(watch.time("bench", || once.run())?)
    });
    println!("\n{watch}\n{tally}");
    result
}
