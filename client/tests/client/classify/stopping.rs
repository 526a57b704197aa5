//! What is left when there is no wish for more.

use std::sync::Arc;

use rustix::process::Signal;
use tokio::sync::{Semaphore, mpsc};

use super::{answer, number, recordings, text};
use crate::support::{fake::FakeServer, program::start};

#[tokio::test]
async fn ctrl_c_leaves_what_is_there() {
    let (waiting, mut waits) = mpsc::unbounded_channel();
    let server = FakeServer::start(move |mut call| {
        let waiting = waiting.clone();
        async move {
            call.accept().await;
            // The second never ends; the third waits behind it.
            if number(&mut call).await == 1 {
                waiting.send(()).unwrap();
                std::future::pending::<()>().await;
            }
            answer(&call).await;
        }
    });
    let folder = recordings(3);
    let mut program = start(&server.address, &["classify", text(folder.path())]);
    assert!(program.line().await.contains("0.wav"));
    waits.recv().await.unwrap();
    program.signal(Signal::INT);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(!ended.stdout.contains("1.wav"), "{ended:?}");
    for said in ["stopping; press Ctrl-C again", " not tried"] {
        assert!(
            ended.stderr.contains(said),
            "{said:?} is missing: {ended:?}"
        );
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_ends_the_work() {
    let (sent, mut clips) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(1));
    let server = FakeServer::start({
        let gate = Arc::clone(&gate);
        move |mut call| {
            let (sent, gate) = (sent.clone(), Arc::clone(&gate));
            async move {
                call.accept().await;
                sent.send(number(&mut call).await).unwrap();
                gate.acquire().await.unwrap().forget();
                answer(&call).await;
            }
        }
    });
    let folder = recordings(200);
    let arguments = ["classify", text(folder.path()), "--jobs", "1"];
    let mut program = start(&server.address, &arguments);
    assert!(program.line().await.contains("happy"));
    program.close_stdout();
    // More than one: while another test forks, the pipe still has a reader.
    let release = tokio::spawn(async move {
        while clips.recv().await.is_some() {
            gate.add_permits(1);
        }
    });
    let ended = program.end().await;
    release.abort();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("error"), "{ended:?}");
    assert!(
        !ended.stderr.contains(" clips, "),
        "it isn't through: {ended:?}"
    );
}
