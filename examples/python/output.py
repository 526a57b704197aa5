"""What a stream says, written as ser-client writes it."""

import json
import struct
import sys
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from ser.v1 import speech_emotion_pb2 as pb
from ser.v1 import types_pb2 as types


Fields = dict[str, Any]


# What it takes to go on with a stream on another server, which this program doesn't.
OF_RESUMPTION = {"checkpoints", "exact", "replay_from_sample", "checkpoint"}


class JsonLines:
    """One object a line; `ser-client stream --help` is the reference."""

    def write(self, response: pb.StreamingRecognizeResponse) -> None:
        kind = response.WhichOneof("response")
        said = getattr(response, kind)
        line = started(said) if kind == "started" else fields(said)
        print(json.dumps({"type": kind} | line, ensure_ascii=False), flush=True)


def started(start: pb.StreamStarted) -> Fields:
    """The effective config without its nesting."""
    line = fields(start)
    effective: Fields = line.pop("effective")
    options: Fields = effective.pop("options")
    del options["model"]  # the model's own fields say it
    options["channel_policy"] = options.pop("channels")
    return line | effective | options


def fields(message: Message) -> Fields:
    """The fields that are set: times in seconds, enum values by their short names."""
    return {
        field.name: value(field, getattr(message, field.name))
        for field in message.DESCRIPTOR.fields
        if not field.has_presence or message.HasField(field.name)
        if field.name not in OF_RESUMPTION
    }


def value(field: Any, held: Any) -> Any:
    if field.is_repeated:
        return [single(field, item) for item in held]
    return single(field, held)


def single(field: Any, held: Any) -> Any:
    if isinstance(held, Duration):
        return seconds(held)
    if field.message_type:
        return fields(held)
    if field.enum_type:
        return short_name(field.enum_type, held)
    if field.type == field.TYPE_FLOAT:
        return shortest(held)
    return held


def seconds(time: Duration) -> float:
    """Rounded once."""
    return (time.seconds * 1e9 + time.nanos) / 1e9


def short_name(enum: Any, number: int) -> str:
    """Without what all names of the enum begin with."""
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    name: str = enum.values_by_number[number].name
    return name.removeprefix(prefix).lower()


def shortest(single_precision: float) -> float:
    """The shortest decimal that is read back as the same 32-bit float."""
    candidates = (float(f"{single_precision:.{digits}g}") for digits in range(1, 10))
    return next(
        decimal
        for decimal in candidates
        if struct.unpack("f", struct.pack("f", decimal))[0] == single_precision
    )


class Lines:
    """Results and summary for people; notes about the stream on standard error."""

    def write(self, response: pb.StreamingRecognizeResponse) -> None:
        match response.WhichOneof("response"):
            case "started":
                note(header(response.started))
            case "result":
                print(result(response.result), flush=True)
            case "warning":
                note(f"warning: {channel(response.warning)}{response.warning.message}")
            case "go_away":
                left, reason = seconds(response.go_away.time_left), response.go_away.reason
                note(f"warning: the server stops within {left:.0f} s ({reason})")
            case "summary":
                print(summary(response.summary), flush=True)


def note(text: str) -> None:
    print(text, file=sys.stderr)


def header(start: pb.StreamStarted) -> str:
    model, audio = start.model, start.effective.audio
    options = start.effective.options
    settings = []
    if options.HasField("window"):
        settings.append(f"window {seconds(options.window):.2f} s")
    settings.append(f"hop {seconds(options.hop):.2f} s")
    said = fields(start.effective)
    settings.append(f"{audio.sample_rate} Hz {said['audio']['encoding']}")
    if audio.channels > 1:
        settings.append(f"{audio.channels} channels, {said['options']['channels']}")
    settings.append(said["pace"])
    return (
        f"model: {model.name}/{model.version} {model.description}\n"
        f"model: licence {model.licence} · backend {model.backend} on {model.execution_provider}\n"
        f"stream: {' · '.join(settings)}"
    )


def result(emotion: types.EmotionResult) -> str:
    verdict = short_name(types.Verdict.DESCRIPTOR, emotion.verdict).replace("_", " ")
    span = f"{seconds(emotion.new_start):8.3f}s {seconds(emotion.end):8.3f}s"
    scores = ", ".join(f"{score.label} {score.probability:.3f}" for score in emotion.scores)
    return f"{span}  {channel(emotion)}{verdict:9}  {scores}".rstrip()


def summary(whole: types.StreamSummary) -> str:
    which = channel(whole)
    overall = whole.overall_label if whole.HasField("overall_label") else "none"
    lines = [
        f"summary: {which}{seconds(whole.received):.3f} s received, "
        f"{seconds(whole.classified):.3f} s classified, {seconds(whole.no_speech):.3f} s no speech, "
        f"{seconds(whole.uncertain):.3f} s uncertain, overall {overall}"
    ]
    times = ((entry.label, seconds(entry.time)) for entry in whole.time_per_label)
    lines += [f"summary: {which}{time:.3f} s {label}" for label, time in times if time > 0]
    return "\n".join(lines)


def channel(message: types.EmotionResult | types.StreamSummary | types.StreamWarning) -> str:
    return f"channel {message.channel}  " if message.HasField("channel") else ""
