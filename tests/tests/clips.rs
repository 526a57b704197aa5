//! A clip gives what a stream of the same audio gives.

use std::fs;

use bytes::Bytes;
use ser_features::AudioClip;
use ser_proto::v1::{
    AudioFormat, Encoding, PcmClip, RecognizeRequest, RecognizeResponse, recognize_request::Clip,
    speech_emotion_clips_client::SpeechEmotionClipsClient,
};
use ser_tests::{
    binaries::sample,
    server::ServerProcess,
    stream::{self, Transcript},
};
use tonic::transport::Channel;

const FILE: &str = "demo.wav";

async fn recognise(channel: &Channel, clip: Clip) -> RecognizeResponse {
    let request = RecognizeRequest {
        clip: Some(clip),
        options: None,
    };
    let mut clips = SpeechEmotionClipsClient::new(channel.clone());
    clips
        .recognize(request)
        .await
        .expect("a good clip")
        .into_inner()
}

fn same(clip: &RecognizeResponse, stream: &Transcript) {
    assert_eq!(stream.error, None);
    assert!(stream.results.len() > 3, "{stream:?}");
    // A clip can't end too early, so it isn't told from where to go on.
    let mut results = stream.results.clone();
    for result in &mut results {
        result.replay_from_sample = 0;
    }
    assert_eq!(clip.results, results);
    assert_eq!(clip.summaries, stream.summaries);
    let warnings: Vec<_> = clip.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(warnings, stream.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_gives_what_a_stream_gives() {
    let (_server, channel) = ServerProcess::ready().await;
    let path = sample(FILE);
    let decoded = AudioClip::read(&path).expect("a sample");
    let bytes: Bytes = ser_tests::audio::s16le(&decoded.samples).into();
    let format = AudioFormat {
        encoding: Encoding::S16le.into(),
        sample_rate: decoded.sample_rate.hz(),
        channels: 1,
    };

    let mut config = stream::config(Encoding::S16le, decoded.sample_rate.hz());
    config.audio = Some(format);
    let chunks: Vec<_> = bytes.chunks(3_200).map(Bytes::copy_from_slice).collect();
    let streamed = stream::recognise(channel.clone(), config, chunks).await;

    let file = fs::read(&path).expect("a sample");
    same(
        &recognise(&channel, Clip::File(file.into())).await,
        &streamed,
    );
    let pcm = PcmClip {
        format: Some(format),
        audio: bytes,
    };
    same(&recognise(&channel, Clip::Pcm(pcm)).await, &streamed);
}
