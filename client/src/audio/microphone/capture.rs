//! The thread that a device is opened, read and closed on: on some systems its
//! handle may not leave the thread that made it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use bytes::Bytes;
use cpal::{
    BufferSize, ErrorKind, SampleFormat, SupportedBufferSize, SupportedStreamConfig,
    traits::{DeviceTrait, StreamTrait},
};
use crossbeam_queue::ArrayQueue;
use ser_proto::v1::AudioFormat;
use tokio::sync::{mpsc, oneshot};

use super::{
    device, format,
    losses::Losses,
    ring::{self, Reader},
    watch::Watch,
};
use crate::{
    Error,
    audio::{frame_bytes, frames_in, raw::MAX_CHUNK_BYTES},
};

/// The longest time between two pieces of audio that a device is asked for. Longer ones
/// would add to the lag. Sound servers and drivers keep only one or two of them for a
/// program that is held up, so shorter ones lose audio on a busy machine; whoever wants
/// them asks for short chunks. The device's own default is no choice: sound servers
/// take it as permission to collect two seconds.
const PERIOD: Duration = Duration::from_millis(100);

/// The ring is counted in blocks of this length, whatever the device hands over.
pub(super) const BLOCK: Duration = Duration::from_millis(10);

/// How much audio the ring holds while the network is held up.
pub(super) const RING: Duration = Duration::from_secs(5);

/// How long a device that is to stop may take for the period that is under way.
const LAST_PERIOD: Duration = Duration::from_millis(300);

/// How long the sound system may take for one request.
const SOUND_SYSTEM: Duration = Duration::from_secs(5);

/// A device that waits for its first wish for audio.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) format: AudioFormat,
    /// Parked while there is nothing to do.
    pub(super) thread: Thread,
}

/// What the other side holds of a capture. The thread ends when it is dropped.
pub(super) struct Handles {
    pub(super) opened: oneshot::Sender<Result<Opened, Error>>,
    pub(super) start: oneshot::Receiver<()>,
    pub(super) audio: mpsc::Sender<Result<Bytes, Error>>,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) losses: Arc<Losses>,
}

/// Opens the device that `wanted` means, and reads at most `chunk` from it at a time.
pub(super) fn spawn(wanted: Option<String>, chunk: Duration, handles: Handles) -> io::Result<()> {
    thread::Builder::new()
        .name("microphone".to_owned())
        .spawn(move || {
            silence_alsa();
            let (stopping, losses) = (handles.stopping, handles.losses);
            let capture = Capture::open(wanted.as_deref(), chunk, stopping, losses);
            let (opened, capture) = match capture {
                Ok((opened, capture)) => (Ok(opened), Some(capture)),
                Err(error) => (Err(error), None),
            };
            // Nobody may be waiting any more; then nobody wants audio either.
            let _ = handles.opened.send(opened);
            if let Some(capture) = capture {
                capture.run(handles.start, &handles.audio);
            }
        })?;
    Ok(())
}

/// Keeps alsa-lib from writing to the terminal what is said here anyway, on this
/// thread.
pub(super) fn silence_alsa() {
    #[cfg(target_os = "linux")]
    // Without it there are more words, and no harm.
    let _ = alsa::Output::local_error_handler();
}

struct Capture {
    name: String,
    stream: cpal::Stream,
    native: SampleFormat,
    reader: Reader,
    /// In native samples.
    chunk_bytes: usize,
    _watch: Option<Watch>,
    stopping: Arc<AtomicBool>,
    /// Why nothing comes from the device any more, or not from this one.
    end: Arc<ArrayQueue<String>>,
}

impl Capture {
    fn open(
        wanted: Option<&str>,
        chunk: Duration,
        stopping: Arc<AtomicBool>,
        losses: Arc<Losses>,
    ) -> Result<(Opened, Self), Error> {
        let found = device::find(wanted)?;
        let (device, name) = (&found.device, found.name.clone());
        let problem = |error: cpal::Error| match error.kind() {
            // The default device is a name that may stand for nothing.
            ErrorKind::DeviceNotAvailable if wanted.is_none() => Error::NoMicrophone,
            _ => device::problem(&name, &error),
        };
        let config = device.default_input_config().map_err(problem)?;
        let format = format::declared(&name, &config)?;
        let native = config.sample_format();
        let native_bytes = native.sample_size() * usize::from(config.channels());
        let frames = |length| frames_in(length, config.sample_rate());

        let blocks = RING.as_millis() / BLOCK.as_millis();
        let (writer, reader) = ring::ring(
            frames(BLOCK) * native_bytes,
            usize::try_from(blocks).expect("a small constant"),
            Arc::clone(&losses),
        );
        let mut writer = Some(writer);
        let last = Arc::clone(&stopping);
        let end = Arc::new(ArrayQueue::new(1));
        let thread = thread::current();
        let awake = thread.clone();
        let stream = device
            .build_input_stream_raw(
                cpal::StreamConfig {
                    buffer_size: period(&config, chunk),
                    ..config.config()
                },
                native,
                move |audio, _| {
                    let Some(ring) = &mut writer else { return };
                    ring.write(audio.bytes());
                    if last.load(Ordering::Relaxed) {
                        writer = None;
                    }
                    awake.unpark();
                },
                {
                    let (awake, ended) = (thread.clone(), Arc::clone(&end));
                    move |error| {
                        match error.kind() {
                            ErrorKind::Xrun => {
                                losses.overruns.fetch_add(1, Ordering::Relaxed);
                            }
                            ErrorKind::DeviceChanged => {
                                losses.changes.fetch_add(1, Ordering::Relaxed);
                            }
                            // Audio goes on.
                            ErrorKind::RealtimeDenied => {}
                            // The first says most.
                            _ => drop(ended.push(error.to_string())),
                        }
                        awake.unpark();
                    }
                },
                Some(SOUND_SYSTEM),
            )
            .map_err(problem)?;
        let watch = {
            let (awake, ended) = (thread.clone(), Arc::clone(&end));
            Watch::over(found, move |reason| {
                drop(ended.push(reason.to_owned()));
                awake.unpark();
            })
        };
        let capture = Self {
            name: name.clone(),
            stream,
            native,
            reader,
            chunk_bytes: native_bytes * chunk_frames(frames(chunk), native_bytes, format),
            _watch: watch.map_err(super::no_thread)?,
            stopping,
            end,
        };
        let opened = Opened {
            name,
            format,
            thread,
        };
        Ok((opened, capture))
    }

    /// Sends audio from the first wish for it on, until nobody wants more of it or the
    /// device is lost.
    fn run(mut self, start: oneshot::Receiver<()>, audio: &mpsc::Sender<Result<Bytes, Error>>) {
        if start.blocking_recv().is_err() {
            return;
        }
        if let Err(error) = self.stream.play() {
            let _ = audio.blocking_send(Err(device::problem(&self.name, &error)));
            return;
        }
        // Until when the last audio is waited for.
        let mut stopped = None;
        while !audio.is_closed() {
            let now = Instant::now();
            if self.stopping.load(Ordering::Relaxed) {
                stopped.get_or_insert(now + LAST_PERIOD);
            }
            // Looked for first: what was recorded before it still leaves.
            let lost = self.end.pop();
            let over = self.reader.is_over() || stopped.is_some_and(|end| end <= now);
            loop {
                let native = self.reader.read(self.chunk_bytes);
                if native.is_empty() {
                    break;
                }
                let chunk = format::encode(self.native, &native);
                if audio.blocking_send(Ok(chunk)).is_err() {
                    return;
                }
            }
            if let Some(reason) = lost {
                let device = self.name;
                let _ = audio.blocking_send(Err(Error::MicrophoneLost { device, reason }));
                return;
            }
            if over {
                return;
            }
            match stopped {
                None => thread::park(),
                Some(end) => thread::park_timeout(end - now),
            }
        }
    }
}

/// Of `frames`, which take `native_bytes` each on the device, as many as are at most
/// 64 KiB there and in `format`: a chunk is one request.
fn chunk_frames(frames: usize, native_bytes: usize, format: AudioFormat) -> usize {
    frames.min(MAX_CHUNK_BYTES / native_bytes.max(frame_bytes(&format)))
}

/// `chunk`, at most [`PERIOD`], or what the device has nearest to it.
fn period(config: &SupportedStreamConfig, chunk: Duration) -> BufferSize {
    let frames = frames_in(chunk.min(PERIOD), config.sample_rate());
    let frames = u32::try_from(frames).expect("a period of a rate that was checked");
    match *config.buffer_size() {
        SupportedBufferSize::Range { min, max } => BufferSize::Fixed(frames.clamp(min, max)),
        SupportedBufferSize::Unknown => BufferSize::Default,
    }
}

#[cfg(test)]
mod tests {
    use ser_proto::v1::Encoding;

    use super::*;

    #[test]
    fn a_chunk_is_one_request_on_its_way_out_too() {
        let format = AudioFormat {
            encoding: Encoding::S16le.into(),
            sample_rate: 96_000,
            channels: 2,
        };
        // 8 bits on the device, 16 in the request.
        assert_eq!(chunk_frames(96_000, 2, format), 16_384);
        assert_eq!(chunk_frames(960, 2, format), 960);
        let wide = AudioFormat {
            encoding: Encoding::F32le.into(),
            ..format
        };
        // 64 bits on the device, 32 in the request.
        assert_eq!(chunk_frames(96_000, 16, wide), 4_096);
    }

    #[test]
    fn the_period_is_what_the_device_has_nearest_to_a_chunk() {
        let config = |buffer_size| {
            let config = SupportedStreamConfig::new(2, 48_000, buffer_size, SampleFormat::F32);
            period(&config, Duration::from_millis(20))
        };
        let range = |min, max| config(SupportedBufferSize::Range { min, max });
        assert_eq!(range(1, 100_000), BufferSize::Fixed(960));
        assert_eq!(range(2_048, 8_192), BufferSize::Fixed(2_048));
        assert_eq!(range(16, 512), BufferSize::Fixed(512));
        assert_eq!(config(SupportedBufferSize::Unknown), BufferSize::Default);
        let range = SupportedBufferSize::Range {
            min: 1,
            max: 100_000,
        };
        let config = SupportedStreamConfig::new(2, 48_000, range, SampleFormat::F32);
        let longest = period(&config, Duration::from_secs(5));
        assert_eq!(longest, BufferSize::Fixed(4_800));
    }
}
