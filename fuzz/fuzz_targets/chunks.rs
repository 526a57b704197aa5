//! Bytes of audio, cut anywhere, to rows of features.
//!
//! Whatever the bytes are, nothing panics. Wherever they are cut, the same samples,
//! rows and errors come out, to the bit. A front end that is resumed behind any of the
//! rows gives the others.

#![no_main]

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use libfuzzer_sys::fuzz_target;
use ser_features::{
    ChannelCount, ChannelSelection, Encoding, FrontEnd, FrontEndParams, FrontEndPlan, PcmFormat,
    PcmReader, SampleRate, Segment, Trigger, WindowParams, WindowRequest,
};
use ser_fuzz::{seeds, sound::babble};

/// What the first bytes of an input choose.
const HEADER: usize = 6;

const RATES: [u32; 3] = [8_000, 11_025, 16_000];

/// So small that a few hundred samples fill a window.
const FRONT_END: &str = r#"
sample_rate = 8000
n_fft = 64
hop_length = 32
window = "hann"
n_mels = 8
f_min = 0.0
f_max = 4000.0
mel_scale = "slaney"
mel_norm = "slaney"
amin = 1e-10
"#;

const WINDOWS: &str = r#"
window = 8
hop = 2
shortest_window = 4
longest_window = 16
shortest_hop = 1
"#;

/// A plan of each kind for each rate.
static PLANS: LazyLock<Vec<Arc<FrontEndPlan>>> = LazyLock::new(|| {
    let rates = RATES.map(|hz| SampleRate::new(hz).expect("a rate"));
    rates.into_iter().flat_map(plans).collect()
});

fn plans(rate: SampleRate) -> [Arc<FrontEndPlan>; 4] {
    let windowed = |features: &str, short: &str| {
        let params = params(features);
        let windows: WindowParams =
            toml::from_str(&format!("{WINDOWS}short = \"{short}\"")).expect("windows");
        FrontEndPlan::windowed(&params, &windows, WindowRequest::default(), rate)
    };
    let mfcc = "features = \"mfcc\"\nn_mfcc = 5\ntop_db = 80.0\nreduce = \"mean\"";
    let rows = "features = \"log-mel\"\nreduce = \"none\"";
    let recurrent = FrontEndPlan::recurrent(&params(rows), 4, rate);
    [
        windowed(mfcc, "reduce"),
        windowed(rows, "pad-left"),
        windowed(rows, "wait"),
        recurrent,
    ]
    .map(|plan| plan.expect("a plan"))
}

fn params(features: &str) -> FrontEndParams {
    toml::from_str(&format!("{FRONT_END}{features}")).expect("a front end")
}

/// How one input is read.
struct Case {
    format: PcmFormat,
    selection: ChannelSelection,
    plan: Arc<FrontEndPlan>,
    /// Bytes of the chunks, over and over.
    cuts: [usize; 2],
    /// Rows before the stream is resumed.
    told: u64,
}

impl Case {
    fn new([encoding, channels, selection, plan, cut, told]: [u8; HEADER]) -> Self {
        let encodings = [
            Encoding::S16Le,
            Encoding::F32Le,
            Encoding::MuLaw,
            Encoding::ALaw,
        ];
        let channels = ChannelCount::new(1 + u32::from(channels % 8)).expect("1 to 8");
        let plan = usize::from(plan) % PLANS.len();
        let rate = RATES[plan * RATES.len() / PLANS.len()];
        Self {
            format: PcmFormat {
                encoding: encodings[usize::from(encoding) % encodings.len()],
                sample_rate: SampleRate::new(rate).expect("a rate"),
                channels,
            },
            selection: match selection % 3 {
                0 => ChannelSelection::Mix,
                1 => ChannelSelection::Separate,
                _ => ChannelSelection::Pick(usize::from(selection) % channels.get()),
            },
            plan: Arc::clone(&PLANS[plan]),
            cuts: [1 + usize::from(cut & 15), 1 + 4 * usize::from(cut >> 4)],
            told: u64::from(told),
        }
    }

    /// Everything that comes of these chunks.
    fn hear<'a>(&self, chunks: impl IntoIterator<Item = &'a [u8]>) -> Heard {
        let mut reader = PcmReader::new(self.format, self.selection).expect("a channel there is");
        let lane = || Lane::new(FrontEnd::new(Arc::clone(&self.plan)));
        let mut lanes: Vec<Lane> = (0..reader.lanes()).map(|_| lane()).collect();
        let mut chunks = chunks.into_iter();
        let read =
            chunks.try_for_each(|chunk| reader.push(chunk, &mut |at, part| lanes[at].push(part)));
        let error = read.and_then(|()| reader.finish()).err();
        for lane in &mut lanes {
            lane.finish();
        }
        Heard {
            lanes: lanes.into_iter().map(|lane| lane.heard).collect(),
            error: error.map(|error| error.to_string()),
        }
    }

    /// The rows of a lane behind the first ones, from its audio alone.
    fn resume(&self, samples: &[f32]) -> Vec<Row> {
        let from = self.plan.replay_from(self.told).min(samples.len() as u64);
        let front_end = FrontEnd::resume(Arc::clone(&self.plan), from, self.told);
        let mut lane = Lane::new(front_end.expect("a sample that is early enough"));
        lane.push(&samples[usize::try_from(from).expect("in memory")..]);
        lane.finish();
        lane.heard.rows
    }
}

/// Everything that comes of one input.
#[derive(Debug, PartialEq)]
struct Heard {
    lanes: Vec<HeardLane>,
    error: Option<String>,
}

#[derive(Debug, Default, PartialEq)]
struct HeardLane {
    samples: Vec<f32>,
    rows: Vec<Row>,
}

/// A [`Segment`], with its features as bits.
#[derive(Debug, PartialEq)]
struct Row {
    index: u64,
    times: [Duration; 3],
    end_sample: u64,
    valid_steps: usize,
    speech: bool,
    trigger: Trigger,
    features: Vec<u32>,
}

impl From<Segment<'_>> for Row {
    fn from(segment: Segment<'_>) -> Self {
        let Segment {
            index,
            start,
            end,
            new_start,
            end_sample,
            valid_steps,
            speech,
            trigger,
            features,
        } = segment;
        assert!(start <= end && new_start <= end);
        assert!(features.iter().all(|value| value.is_finite()));
        Self {
            index,
            times: [start, new_start, end],
            end_sample,
            valid_steps,
            speech,
            trigger,
            features: features.iter().map(|value| value.to_bits()).collect(),
        }
    }
}

struct Lane {
    front_end: FrontEnd,
    heard: HeardLane,
}

impl Lane {
    fn new(front_end: FrontEnd) -> Self {
        Self {
            front_end,
            heard: HeardLane::default(),
        }
    }

    fn push(&mut self, samples: &[f32]) {
        let HeardLane {
            samples: all, rows, ..
        } = &mut self.heard;
        all.extend_from_slice(samples);
        self.front_end
            .push(samples, &mut |segment| rows.push(segment.into()));
    }

    fn finish(&mut self) {
        let rows = &mut self.heard.rows;
        self.front_end
            .finish(&mut |segment| rows.push(segment.into()));
    }
}

fn chunks(audio: &[u8], cuts: [usize; 2]) -> impl Iterator<Item = &[u8]> {
    let mut rest = audio;
    let mut cuts = cuts.into_iter().cycle();
    std::iter::from_fn(move || {
        let cut = cuts.next()?.min(rest.len());
        let (chunk, after) = rest.split_at(cut);
        rest = after;
        (cut > 0).then_some(chunk)
    })
}

fn seeds() -> Vec<Vec<u8>> {
    let audio = babble(250, 0.3, 1);
    let floats: Vec<u8> = audio
        .chunks_exact(2)
        .flat_map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])).to_le_bytes())
        .collect();
    let plans = 4 * RATES.len() as u8;
    let seed = |plan: u8| {
        let (encoding, audio) =
            [(0, &audio), (1, &floats), (2, &audio), (3, &audio)][usize::from(plan) % 4];
        let header = [encoding, plan % 3, plan % 4, plan, 0x35, plan];
        [&header[..], &audio[..500]].concat()
    };
    (0..plans).map(seed).collect()
}

fuzz_target!(
    init: seeds::write(seeds()),
    |data: &[u8]| {
        let Some((header, audio)) = data.split_first_chunk::<HEADER>() else {
            return;
        };
        let case = Case::new(*header);
        let whole = case.hear([audio]);
        assert_eq!(case.hear(chunks(audio, case.cuts)), whole);
        for lane in &whole.lanes {
            let told = usize::try_from(case.told).expect("a byte").min(lane.rows.len());
            if told as u64 == case.told {
                assert_eq!(case.resume(&lane.samples), lane.rows[told..]);
            }
        }
    }
);
