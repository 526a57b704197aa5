//! The recording of a stream, written by a thread of its own: a disk that hangs holds
//! up neither results nor, for long, the wish to leave.

use std::{
    io, iter,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use bytes::Bytes;
use ser_client::{Error, audio::Recorder};
use tokio::{
    sync::{
        mpsc::{self, OwnedPermit},
        oneshot,
    },
    time::{sleep, timeout},
};

use crate::{commands::Stop, failure::Failure};

/// Chunks that may wait for the disk.
const QUEUE: usize = 32;

/// How long the disk may take for one of them.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long it may take for all that waits, when the program is to end at once.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// Keeps what is sent, in its order.
#[derive(Debug)]
pub(super) struct Tape {
    path: PathBuf,
    chunks: mpsc::Sender<Bytes>,
    outcome: oneshot::Receiver<Result<(), Error>>,
    failed: Option<Error>,
}

impl Tape {
    /// Goes on with what `recorder` has begun at `path`.
    pub(super) fn start(path: &Path, mut recorder: Recorder) -> io::Result<Self> {
        Self::writing(path, move |audio| recorder.write(audio))
    }

    fn writing(
        path: &Path,
        mut write: impl FnMut(&[u8]) -> Result<(), Error> + Send + 'static,
    ) -> io::Result<Self> {
        let (chunks, mut queue) = mpsc::channel::<Bytes>(QUEUE);
        let (ended, outcome) = oneshot::channel();
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let written =
                    iter::from_fn(|| queue.blocking_recv()).try_for_each(|audio| write(&audio));
                // Nobody may be waiting any more.
                let _ = ended.send(written);
            })?;
        Ok(Self {
            path: path.to_owned(),
            chunks,
            outcome,
            failed: None,
        })
    }

    /// A place for the next chunk. Whoever has one before the chunk is sent keeps it
    /// whatever happens next. There is none once the disk has failed: the first time
    /// this says why.
    pub(super) async fn place(&mut self) -> Result<Option<OwnedPermit<Bytes>>, String> {
        if self.failed.is_some() {
            return Ok(None);
        }
        let place = timeout(PATIENCE, self.chunks.clone().reserve_owned()).await;
        let error = match place {
            Ok(Ok(place)) => return Ok(Some(place)),
            Ok(Err(_)) => {
                let written = written(&self.path, &mut self.outcome).await;
                written.expect_err("while there are senders, only a failure ends the thread")
            }
            Err(_) => hangs(&self.path),
        };
        Err(self.failed.insert(error).to_string())
    }

    /// Waits until everything is written, or for a moment only if `stop` asks to leave.
    pub(super) async fn end(self, stop: &Stop) -> Result<(), Failure> {
        let too_late = async {
            let leave = stop.leave().await;
            sleep(LAST_WRITES).await;
            leave
        };
        tokio::select! {
            biased;
            written = self.finish() => written.map_err(Failure::Summarised),
            leave = too_late => Err(Failure::Left(leave)),
        }
    }

    /// Waits as long as the disk goes on taking what there is.
    async fn finish(self) -> Result<(), Error> {
        let Self {
            path,
            chunks,
            mut outcome,
            failed,
        } = self;
        if let Some(error) = failed {
            return Err(error);
        }
        for free in 1..=QUEUE {
            match timeout(PATIENCE, chunks.reserve_many(free)).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => break,
                Err(_) => return Err(hangs(&path)),
            }
        }
        drop(chunks);
        written(&path, &mut outcome).await
    }
}

async fn written(
    path: &Path,
    outcome: &mut oneshot::Receiver<Result<(), Error>>,
) -> Result<(), Error> {
    match timeout(PATIENCE, outcome).await {
        Ok(Ok(written)) => written,
        Ok(Err(_)) => Err(unwritable(path, io::Error::other("the recorder panicked"))),
        Err(_) => Err(hangs(path)),
    }
}

fn hangs(path: &Path) -> Error {
    let reason = format!("nothing was written for {PATIENCE:?}");
    unwritable(path, io::Error::new(io::ErrorKind::TimedOut, reason))
}

fn unwritable(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    Error::Unwritable { path, source }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use tokio::time::advance;

    use super::*;
    use crate::commands::Leave;

    /// Asks to leave at once.
    fn left() -> Stop {
        let stop = Stop::default();
        stop.press();
        stop
    }

    /// A disk that takes nothing while the sender is there.
    fn hanging() -> (Sender<()>, impl FnMut(&[u8]) -> Result<(), Error>) {
        let (never, disk) = channel();
        let hang = move |_: &[u8]| {
            let _ = disk.recv();
            Ok(())
        };
        (never, hang)
    }

    #[tokio::test]
    async fn what_is_sent_is_kept_in_its_order() {
        let (kept, all_kept) = channel();
        let mut tape = Tape::writing(Path::new("kept.wav"), move |audio| {
            kept.send(audio.to_vec()).unwrap();
            Ok(())
        })
        .unwrap();
        for number in 0..100 {
            let place = tape.place().await.unwrap().unwrap();
            place.send(Bytes::from(vec![number]));
        }
        tape.finish().await.unwrap();
        assert!(all_kept.iter().eq((0..100).map(|number| vec![number])));
    }

    #[tokio::test]
    async fn what_was_sent_before_the_program_is_left_is_kept() {
        let (begin, begun) = channel();
        let (kept, all_kept) = channel();
        let mut tape = Tape::writing(Path::new("kept.wav"), move |audio| {
            begun.recv().unwrap();
            kept.send(audio.to_vec()).unwrap();
            Ok(())
        })
        .unwrap();
        for number in 0..20 {
            let place = tape.place().await.unwrap().unwrap();
            place.send(Bytes::from(vec![number]));
        }
        assert!(all_kept.try_recv().is_err());
        (0..20).for_each(|_| begin.send(()).unwrap());
        tape.end(&left()).await.unwrap();
        assert!(all_kept.iter().eq((0..20).map(|number| vec![number])));
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_holds_nobody_up_who_leaves() {
        let (_never, hang) = hanging();
        let mut tape = Tape::writing(Path::new("kept.wav"), hang).unwrap();
        let place = tape.place().await.unwrap().unwrap();
        place.send(Bytes::from_static(b"audio"));
        let ended = tape.end(&left()).await;
        assert!(matches!(ended, Err(Failure::Left(Leave::Interrupted))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_disk_is_waited_for() {
        let (begin, begun) = channel();
        let (finish, finished) = channel();
        let slow = move |_: &[u8]| {
            begin.send(()).unwrap();
            finished.recv().unwrap();
            Ok(())
        };
        let mut tape = Tape::writing(Path::new("kept.wav"), slow).unwrap();
        for _ in 0..3 {
            let place = tape.place().await.unwrap().unwrap();
            place.send(Bytes::from_static(b"audio"));
        }
        let disk = async {
            while begun.recv().is_ok() {
                advance(PATIENCE * 2 / 3).await;
                finish.send(()).unwrap();
            }
        };
        let (written, ()) = tokio::join!(biased; tape.finish(), disk);
        written.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_given_up_on() {
        let (_never, hang) = hanging();
        let mut tape = Tape::writing(Path::new("kept.wav"), hang).unwrap();
        let mut places = 0;
        let reason = loop {
            match tape.place().await {
                Ok(place) => place.unwrap().send(Bytes::from_static(b"audio")),
                Err(reason) => break reason,
            };
            places += 1;
        };
        assert!((QUEUE..=QUEUE + 1).contains(&places), "{places}");
        assert_eq!(reason, "kept.wav: can't record: nothing was written for 3s");
        assert!(tape.place().await.unwrap().is_none());
        assert_eq!(tape.finish().await.unwrap_err().to_string(), reason);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_at_the_end_is_not_waited_for() {
        let (_never, hang) = hanging();
        let mut tape = Tape::writing(Path::new("kept.wav"), hang).unwrap();
        let place = tape.place().await.unwrap().unwrap();
        place.send(Bytes::from_static(b"audio"));
        let error = tape.finish().await.unwrap_err().to_string();
        assert!(error.contains("nothing was written for 3s"), "{error}");
    }

    #[tokio::test]
    async fn a_disk_that_is_full_says_so_once() {
        let full = |_: &[u8]| Err(unwritable(Path::new("kept.wav"), io::Error::other("full")));
        let mut tape = Tape::writing(Path::new("kept.wav"), full).unwrap();
        let reason = loop {
            match tape.place().await {
                Ok(place) => place.unwrap().send(Bytes::from_static(b"audio")),
                Err(reason) => break reason,
            };
        };
        assert_eq!(reason, "kept.wav: can't record: full");
        assert!(tape.place().await.unwrap().is_none());
        assert_eq!(tape.finish().await.unwrap_err().to_string(), reason);
    }
}
