//! Live audio from the sound devices of this machine.
//!
//! The sound system's callback copies audio into a ring and does nothing else; a
//! thread of its own takes it from there to the network. While the network is held
//! up, the ring keeps the last five seconds.

mod capture;
mod device;
mod format;
mod losses;
mod ring;
mod watch;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use bytes::Bytes;
use ser_proto::v1::AudioFormat;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

pub use device::{Device, DeviceState, NativeFormat};

use self::{
    capture::{Handles, Opened},
    losses::{Bursts, Losses},
};
use super::{Oddity, frame_bytes, time_of};
use crate::Error;

/// How long the sound system may take to answer, and how long a device may deliver
/// nothing: longer than a wireless headset takes to wake up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long what is still to be had of a recording that is to end may take. It lies in
/// memory, beside what the device hands over last.
const LAST_AUDIO: Duration = Duration::from_secs(1);

/// Every device that can be recorded from, the default one first and what hears no
/// microphone last, in the order that numbers count them in.
///
/// # Errors
///
/// [`Error::NoMicrophone`] where there is no sound system, [`Error::SoundSystem`].
pub async fn devices() -> Result<Vec<Device>, Error> {
    let (found, devices) = oneshot::channel();
    let look = move || {
        capture::silence_alsa();
        // Whoever asked may have gone.
        let _ = found.send(device::list());
    };
    let started = thread::Builder::new().spawn(look);
    started.map_err(no_thread)?;
    answer(devices).await
}

/// A device that records. Dropping it closes the device.
#[derive(Debug)]
pub struct Microphone {
    name: String,
    format: AudioFormat,
    /// Taken by the first wish for audio.
    start: Option<oneshot::Sender<()>>,
    audio: mpsc::Receiver<Result<Bytes, Error>>,
    thread: Thread,
    /// What the device hands over next is the last.
    stopping: Arc<AtomicBool>,
    losses: Arc<Losses>,
    dropped: Bursts,
    overruns: Bursts,
    changes: Bursts,
}

impl Microphone {
    /// Opens a device in its own format, to be read at most `chunk` at a time. `wanted`
    /// is its name or identifier, its place in [`devices`] counted from 0, or a part of
    /// the name or identifier that fits one microphone only; without it, the default
    /// microphone of the system is opened. Nothing is recorded before the first
    /// [`next_chunk`](Self::next_chunk).
    ///
    /// # Errors
    ///
    /// [`Error::NoMicrophone`], [`Error::UnknownMicrophone`],
    /// [`Error::AmbiguousMicrophone`], [`Error::MicrophoneBusy`],
    /// [`Error::MicrophoneDenied`], [`Error::MicrophoneFormat`],
    /// [`Error::MicrophoneFailed`] and [`Error::SoundSystem`].
    pub async fn open(wanted: Option<&str>, chunk: Duration) -> Result<Self, Error> {
        let (found, opened) = oneshot::channel();
        let (start, started) = oneshot::channel();
        // The ring is what holds audio back, not this.
        let (sender, audio) = mpsc::channel(1);
        let stopping = Arc::<AtomicBool>::default();
        let losses = Arc::<Losses>::default();
        let handles = Handles {
            opened: found,
            start: started,
            audio: sender,
            stopping: Arc::clone(&stopping),
            losses: Arc::clone(&losses),
        };
        capture::spawn(wanted.map(str::to_owned), chunk, handles).map_err(no_thread)?;
        let Opened {
            name,
            format,
            thread,
        } = answer(opened).await?;
        Ok(Self {
            name,
            format,
            start: Some(start),
            audio,
            thread,
            stopping,
            losses,
            dropped: Bursts::default(),
            overruns: Bursts::default(),
            changes: Bursts::default(),
        })
    }

    /// What people call the device.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the bytes are to be read: the device's own rate and channels, and the
    /// nearest encoding that the protocol has.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// What was recorded since the last call, at most 64 KiB, or `None` when it was
    /// [stopped](Self::stop). The first call starts the device. Cancelling a call loses
    /// no audio.
    ///
    /// # Errors
    ///
    /// [`Error::MicrophoneLost`] when the device is unplugged or the sound system ends,
    /// [`Error::MicrophoneSilent`] when it delivers nothing, not even silence.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(start) = self.start.take() {
            // A thread that has ended says why instead of audio.
            let _ = start.send(());
        }
        match timeout(PATIENCE, self.audio.recv()).await {
            Ok(Some(audio)) => audio.map(Some),
            Ok(None) if self.stopping.load(Ordering::Relaxed) => Ok(None),
            Ok(None) => Err(Error::MicrophoneLost {
                device: self.name.clone(),
                reason: "the recording ended".to_owned(),
            }),
            Err(_) => Err(Error::MicrophoneSilent {
                device: self.name.clone(),
                waited: PATIENCE,
            }),
        }
    }

    /// What befell the audio, told once for each burst of losses.
    pub fn take_oddity(&mut self) -> Option<Oddity> {
        let now = Instant::now();
        if let Some(blocks) = self.dropped.look(count(&self.losses.dropped), now) {
            return Some(Oddity::Dropped(length(blocks)));
        }
        if let Some(times) = self.overruns.look(count(&self.losses.overruns), now) {
            return Some(Oddity::Overrun(times));
        }
        let changes = self.changes.rest(count(&self.losses.changes));
        changes.map(|_| Oddity::OtherMicrophone)
    }

    /// Records no more. What was recorded up to now is still to be had.
    pub fn stop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // A device that hasn't started yet needn't.
        self.start = None;
        self.thread.unpark();
    }

    /// Closes the device. Gives what is not told yet: of the audio was lost what is
    /// still to be had, and the last `unsent` bytes that were had.
    pub async fn close(mut self, unsent: usize) -> Vec<Oddity> {
        self.stop();
        let mut unsent = unsent;
        // A sound system that hangs has nothing more to give.
        let _ = timeout(LAST_AUDIO, async {
            while let Ok(Some(audio)) = self.next_chunk().await {
                unsent += audio.len();
            }
        })
        .await;
        let blocks = self.dropped.rest(count(&self.losses.dropped));
        let dropped = length(blocks.unwrap_or(0)) + self.length_of(unsent);
        let dropped = (!dropped.is_zero()).then_some(Oddity::Dropped(dropped));
        let overruns = self.overruns.rest(count(&self.losses.overruns));
        let untold = [dropped, overruns.map(Oddity::Overrun)];
        untold.into_iter().flatten().collect()
    }

    fn length_of(&self, bytes: usize) -> Duration {
        let frames = bytes / frame_bytes(&self.format);
        time_of(frames as u64, self.format.sample_rate)
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.audio.close();
        self.thread.unpark();
    }
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Of blocks that the ring dropped.
fn length(blocks: u64) -> Duration {
    let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
    capture::BLOCK.saturating_mul(blocks)
}

/// What a thread that talks to the sound system finds.
async fn answer<T>(found: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    let silent = |reason: &str| Error::SoundSystem {
        reason: reason.to_owned(),
    };
    match timeout(PATIENCE, found).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(silent("it ended without an answer")),
        Err(_) => Err(silent(&format!("no answer within {PATIENCE:?}"))),
    }
}

fn no_thread(error: io::Error) -> Error {
    Error::SoundSystem {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use ser_proto::v1::Encoding;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_device_that_hangs_is_not_waited_for_at_the_end() {
        let (hanging, audio) = mpsc::channel(1);
        let microphone = Microphone {
            name: "stuck".to_owned(),
            format: AudioFormat {
                encoding: Encoding::S16le.into(),
                sample_rate: 16_000,
                channels: 1,
            },
            start: None,
            audio,
            thread: thread::current(),
            stopping: Arc::default(),
            losses: Arc::default(),
            dropped: Bursts::default(),
            overruns: Bursts::default(),
            changes: Bursts::default(),
        };
        hanging
            .send(Ok(Bytes::from(vec![0; 16_000])))
            .await
            .unwrap();
        let closing = tokio::time::Instant::now();
        let untold = microphone.close(16_000).await;
        assert_eq!(closing.elapsed(), LAST_AUDIO);
        assert_eq!(untold, [Oddity::Dropped(Duration::from_secs(1))]);
    }
}
