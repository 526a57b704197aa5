//! Streams as state machines: any sequence of what clients, transport, operator and clock
//! can do to two of them.
//!
//! Nothing panics, nothing hangs, every stream gets its status, all that it says is as the
//! protocol promises, and nothing is left of it. A stream that ended well is resumed behind
//! one of its results, and says the rest again.

#![no_main]

use std::{sync::LazyLock, time::Duration};

use libfuzzer_sys::fuzz_target;
use prost::Message;
use ser_fuzz::{
    client::Client,
    clock,
    requests::{at_known_rate, configs},
    said::Said,
    seeds,
    server::Small,
    sound::babble,
};
use ser_proto::v1::{
    AudioFormat, Encoding, Muted, Resume, StreamStarted, StreamingConfig,
    streaming_recognize_request::Request,
};
use ser_server::{config::LimitsConfig, fuzzing::Sessions};

static SMALL: LazyLock<Small> = LazyLock::new(Small::start);

/// Samples of one chunk at most: 2 s.
const LONGEST_SOUND: u16 = 16_000;

/// Takes an input apart.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// As many bytes as the first of them says, or as there are.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }

    fn limits(&mut self) -> Option<LimitsConfig> {
        let bits = self.byte()?;
        let seconds = |bit: u8, few: u64, many: u64| {
            Duration::from_secs(if bits & bit == 0 { many } else { few })
        };
        let mut limits = LimitsConfig {
            live_ahead: seconds(1, 1, 10),
            stream_age: seconds(2, 5, 86_400),
            stream_audio: seconds(4, 3, 86_400),
            idle: seconds(8, 2, 30),
            ..LimitsConfig::default()
        };
        if bits & 16 != 0 {
            limits.open_streams = 2.try_into().expect("not zero");
        }
        if bits & 32 != 0 {
            limits.chunk_bytes = 4_000;
        }
        Some(limits)
    }

    fn action(&mut self) -> Option<Action> {
        Some(match self.byte()? % 11 {
            0 => Action::Configure(StreamingConfig::decode(self.bytes()?).ok()?),
            1 => {
                let samples = u16::from_le_bytes([self.byte()?, self.byte()?]) % LONGEST_SOUND;
                let loudness = self.byte()?;
                Action::Speak(babble(
                    samples.into(),
                    f64::from(loudness) / 255.0,
                    loudness.into(),
                ))
            }
            2 => Action::Speak(self.bytes()?.to_vec()),
            3 => Action::Mute,
            4 => Action::SayNothing,
            5 => Action::Fail,
            6 => Action::Wait(Duration::from_millis(100) * self.byte()?.into()),
            7 => Action::Read,
            8 => Action::Drain(Duration::from_secs(self.byte()?.into())),
            9 => Action::HalfClose,
            _ => Action::GoAway,
        })
    }
}

/// What happens to a stream.
enum Action {
    Configure(StreamingConfig),
    Speak(Vec<u8>),
    Mute,
    SayNothing,
    Fail,
    Wait(Duration),
    Read,
    /// The server begins to stop.
    Drain(Duration),
    HalfClose,
    /// The client is gone without a word.
    GoAway,
}

async fn act(client: &mut Option<Client>, action: Action, sessions: &Sessions) {
    let (Some(open), action) = (client.as_mut(), action) else {
        return;
    };
    match action {
        Action::Configure(config) => open.configure(at_known_rate(config)),
        Action::Speak(audio) => drop(open.speak(audio)),
        Action::Mute => drop(open.send(Some(Request::Muted(Muted {})))),
        Action::SayNothing => drop(open.send(None)),
        Action::Fail => open.fail(),
        Action::Wait(time) => clock::pass(&SMALL, time).await,
        Action::Read => {
            clock::pass(&SMALL, Duration::ZERO).await;
            open.read();
        }
        Action::Drain(time) => sessions.drain(time),
        Action::HalfClose => open.half_close(),
        Action::GoAway => *client = None,
    }
}

/// Plays an input.
async fn play(mut input: Input<'_>) -> Option<()> {
    let limits = input.limits()?;
    let told = usize::from(input.byte()?);
    let sessions = SMALL.server.sessions(limits.clone());
    let mut clients = [Client::open(&sessions).ok(), Client::open(&sessions).ok()];
    while let Some(which) = input.byte() {
        let Some(action) = input.action() else { break };
        act(&mut clients[usize::from(which & 1)], action, &sessions).await;
    }
    for client in clients.iter_mut().flatten() {
        client.half_close();
    }
    let mut said = None;
    for (which, client) in clients.into_iter().enumerate() {
        if let Some(mut client) = client {
            client.read_to_end(&SMALL).await;
            if which == 0 {
                said = Some((client.said, client.audio));
            }
        }
    }
    check_released(&sessions).await;
    let (said, audio) = said?;
    if can_be_compared(&said) {
        let told = told % (said.results.len() + 1);
        resume(&said, &audio, told, limits).await;
    }
    Some(())
}

/// A stream that ended well, that was a new one, and whose results bring all that it takes
/// to say the same again.
fn can_be_compared(said: &Said) -> bool {
    let is_new = |started: &StreamStarted| started.exact.is_none();
    matches!(said.end, Some(Ok(())))
        && said.started.as_ref().is_some_and(is_new)
        && said.effective().checkpoints
}

/// Nothing is held any more.
async fn check_released(sessions: &Sessions) {
    clock::pass(&SMALL, Duration::ZERO).await;
    assert_eq!(sessions.in_use(), 0);
    for model in SMALL.server.models().list() {
        assert_eq!(model.open_streams(), 0, "{}", model.id());
        assert!(model.batcher().is_serving(), "{}", model.id());
    }
}

/// Goes on behind the first `told` results of a stream that ended well, on another server.
async fn resume(said: &Said, audio: &[u8], told: usize, limits: LimitsConfig) {
    let effective = said.effective();
    let resume = told.checked_sub(1).map(|last| {
        let last = &said.results[last];
        Resume {
            replay_from_sample: last.replay_from_sample,
            results: told as u64,
            end_sample: last.end_sample,
            channel: last.channel,
            checkpoint: last.checkpoint.clone(),
        }
    });
    let resume = resume.unwrap_or_default();
    let from = usize::try_from(resume.replay_from_sample).expect("in memory");
    let rest = &audio[from * frame_bytes(effective.audio.expect("a format"))..];
    let config = StreamingConfig {
        resume: Some(resume),
        ..effective.clone()
    };
    // Not so old that it ends too early, too.
    let limits = LimitsConfig {
        stream_age: Duration::from_secs(86_400),
        idle: Duration::from_secs(30),
        chunk_bytes: 128 << 10,
        ..limits
    };
    let sessions = SMALL.server.sessions(limits);
    let again = Client::whole(&SMALL, &sessions, config, rest).await;
    compare(said, &again, told);
    check_released(&sessions).await;
}

fn compare(said: &Said, again: &Said, told: usize) {
    assert!(matches!(again.end, Some(Ok(()))), "{again:?}");
    let started = again.started.as_ref().expect("a stream that has started");
    assert_eq!(started.exact, Some(true));
    assert_eq!(again.results, said.results[told..]);
    assert_eq!(again.summaries, said.summaries);
}

fn frame_bytes(format: AudioFormat) -> usize {
    let sample = match format.encoding() {
        Encoding::S16le => 2,
        Encoding::F32le => 4,
        _ => 1,
    };
    sample * format.channels as usize
}

fn seeds() -> Vec<Vec<u8>> {
    let speak = |loudness: u8| vec![0, 1, 0, 60, loudness];
    let configure = |which: u8, config: &StreamingConfig| {
        let config = StreamingConfig {
            checkpoints: config.pace == 0,
            ..config.clone()
        }
        .encode_to_vec();
        let length = u8::try_from(config.len()).expect("a short config");
        [&[which, 0, length], &config[..]].concat()
    };
    let ends: [&[u8]; 6] = [
        &[0, 9],
        &[0, 3, 0, 6, 100, 0, 7, 0, 1, 0, 50, 80, 0, 9],
        &[0, 8, 3, 0, 6, 100, 0, 7],
        &[0, 10],
        &[0, 5],
        &[0, 6, 255, 0, 7],
    ];
    let configs = configs();
    let mut seeds = Vec::new();
    for (at, end) in ends.into_iter().enumerate() {
        for (number, config) in configs.iter().enumerate() {
            let limits = [0, 1, 2, 4, 8, 48][(at + number) % 6];
            let other = configure(1, &configs[(number + 1) % configs.len()]);
            let loudness = [40, 90, 255][(at + number) % 3];
            let parts: [&[u8]; 8] = [
                &[limits, 3 * number as u8 + 1],
                &configure(0, config),
                &speak(loudness),
                &[0, 7],
                &other,
                &speak(60),
                &[1, 2, 3, 1, 2, 3],
                end,
            ];
            seeds.push(parts.concat());
        }
    }
    seeds
}

fuzz_target!(
    init: {
        LazyLock::force(&SMALL);
        seeds::write(seeds());
    },
    |data: &[u8]| {
        clock::run(play(Input(data)));
    }
);
