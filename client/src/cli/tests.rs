//! What the command line takes, and what it makes of it.

use clap::{CommandFactory, Parser};
use ser_client::{
    audio::Pacing,
    proto::{self, ChannelPolicy, RecognitionOptions},
};

use super::*;

fn stream(arguments: &[&str]) -> Result<StreamArgs, clap::Error> {
    let arguments = ["ser-client", "stream"].iter().chain(arguments);
    match CommandLine::try_parse_from(arguments)?.command {
        Command::Stream(stream) => Ok(stream),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    CommandLine::command().debug_assert();
}

#[test]
fn servers_are_separated_or_repeated() {
    let servers = |arguments: &[&str]| {
        let arguments = ["ser-client", "health"].iter().chain(arguments);
        let parsed = CommandLine::try_parse_from(arguments).unwrap();
        parsed.connection.servers
    };
    assert_eq!(servers(&[]), ["http://127.0.0.1:50051"]);
    let several = [
        "--server",
        "http://a:1,http://b:1",
        "--server",
        "http://c:1",
    ];
    assert_eq!(
        servers(&several),
        ["http://a:1", "http://b:1", "http://c:1"]
    );
}

#[test]
fn a_file_is_real_time_unless_fast() {
    let args = stream(&["a.wav"]).unwrap();
    assert_eq!(
        args.input().unwrap(),
        Input::File("a.wav".into(), Pacing::RealTime)
    );
    assert_eq!(args.pace(), proto::Pace::Live);
    assert_eq!(args.chunk, Duration::from_millis(100));
    let args = stream(&["a.wav", "--fast"]).unwrap();
    assert_eq!(
        args.input().unwrap(),
        Input::File("a.wav".into(), Pacing::Unpaced)
    );
    assert_eq!(args.pace(), proto::Pace::Bulk);
    assert_eq!(
        stream(&["a.wav", "--fast", "--pace", "live"])
            .unwrap()
            .pace(),
        proto::Pace::Live
    );
}

#[test]
fn options_reach_the_protocol() {
    let args = stream(&[
        "a.wav",
        "--model",
        "m/2",
        "--window",
        "1.5s",
        "--hop",
        "250ms",
        "--top-k",
        "3",
        "--smoothing",
        "2s",
        "--channel-policy",
        "pick:1",
    ]);
    let seconds = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
    assert_eq!(
        args.unwrap().recognition.options(),
        RecognitionOptions {
            model: Some("m/2".to_owned()),
            channels: ChannelPolicy::Pick.into(),
            picked_channel: Some(1),
            window: seconds(1, 500_000_000),
            hop: seconds(0, 250_000_000),
            top_k: Some(3),
            smoothing: seconds(2, 0),
        }
    );
}

#[test]
fn by_default_everything_is_left_to_the_model() {
    let mix = ChannelPolicy::Mix.into();
    assert_eq!(
        stream(&["a.wav"]).unwrap().recognition.options(),
        RecognitionOptions {
            channels: mix,
            ..RecognitionOptions::default()
        }
    );
}

#[test]
fn admin_takes_its_options_anywhere() {
    for arguments in [
        &["--json", "--admin-server", "http://a:1", "load", "m/2"][..],
        &["load", "m/2", "--json", "--admin-server", "http://a:1"],
    ] {
        let arguments = ["ser-client", "admin"].iter().chain(arguments);
        let Command::Admin(args) = CommandLine::try_parse_from(arguments).unwrap().command else {
            panic!("expected admin");
        };
        assert!(args.json);
        assert_eq!(args.admin_server, "http://a:1");
        let AdminAction::Load(load) = args.action else {
            panic!("{:?}", args.action);
        };
        assert_eq!(
            (load.model.as_str(), load.wait),
            ("m/2", Duration::from_secs(600))
        );
    }
}

#[cfg(feature = "microphone")]
#[test]
fn a_microphone_needs_no_file() {
    let input = |arguments: &[&str]| stream(arguments).unwrap().input().unwrap();
    assert_eq!(input(&["--mic"]), Input::Microphone(None));
    assert_eq!(
        input(&["--mic", "--device", "usb", "--record", "kept.wav"]),
        Input::Microphone(Some("usb".to_owned()))
    );
    for arguments in [
        &["--mic", "a.wav"][..],
        &["--mic", "--fast"],
        &["--mic", "--rate", "8000"],
        &["a.wav", "--device", "usb"],
        &[],
    ] {
        stream(arguments).unwrap_err();
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (arguments, named) in [
        (&["-"][..], "--rate"),
        (&["-", "--rate", "8000"], "--encoding"),
        (&["a.wav", "--chunk", "soon"], "--chunk"),
        (&["a.wav", "--chunk", "40s"], "expected at most 5s"),
        (&["a.wav", "--chunk", "0ms"], "expected more than 0"),
        (&["a.wav", "--smoothing", "0s"], "expected more than 0"),
        (&["a.wav", "--hop", ".2s"], "such as 100ms or 0.5s"),
        (&["a.wav", "--channel-policy", "pick:left"], "pick:N"),
    ] {
        let error = stream(arguments).unwrap_err().to_string();
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
    let raw = ["-", "--rate", "8000", "--encoding", "s16le", "--fast"];
    for (arguments, named) in [
        (
            &["a.wav", "--rate", "8000"][..],
            "--rate describes raw audio",
        ),
        (&raw, "--fast sends a file"),
    ] {
        let error = stream(arguments).unwrap().input().unwrap_err();
        assert!(error.to_string().contains(named), "{arguments:?}: {error}");
    }
}

fn classify(arguments: &[&str]) -> Result<ClassifyArgs, clap::Error> {
    let arguments = ["ser-client", "classify"].iter().chain(arguments);
    match CommandLine::try_parse_from(arguments)?.command {
        Command::Classify(classify) => Ok(classify),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_extension_of_a_file_tells_its_format() {
    for (arguments, format) in [
        (&["a", "--out", "b.csv"][..], Format::Csv),
        (&["a", "--out", "b.jsonl"], Format::Json),
        (&["a", "--out", "b.json"], Format::Json),
        (&["a", "--out", "b.txt"], Format::Lines),
        (&["a", "--out", "b"], Format::Lines),
        (&["a", "--out", "b.csv", "--json"], Format::Json),
        (&["a", "--out", "b.csv", "--format", "table"], Format::Table),
    ] {
        let args = classify(arguments).unwrap();
        assert_eq!(args.format(), format, "{arguments:?}");
        assert_eq!((args.jobs, args.per), (4, Per::Clip));
    }
}

#[test]
fn work_needs_files_and_has_bounds() {
    for (arguments, named) in [
        (&[][..], "PATH"),
        (&["a", "--jobs", "0"], "--jobs"),
        (&["a", "--jobs", "257"], "--jobs"),
        (&["a", "--json", "--format", "csv"], "--format"),
        (&["a", "--per", "second"], "--per"),
    ] {
        let error = classify(arguments).unwrap_err().to_string();
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
}
