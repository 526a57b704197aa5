"""Streams speech to a ser-server and prints emotions while it is spoken.

`recognise` is what an agent needs. What it yields is described in
proto/ser/v1/speech_emotion.proto.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from urllib.parse import SplitResult, urlsplit

import grpc
from audio import AudioError, Microphone, Recording
from output import JsonLines, Lines

from ser.v1 import speech_emotion_pb2 as pb
from ser.v1 import types_pb2 as types
from ser.v1.speech_emotion_pb2_grpc import SpeechEmotionStub

# The exit codes of ser-client; 2 is argparse's own.
FAILURE, CONNECTION, REJECTED = 1, 3, 4

# What grpcio says of a stream that ends while its first message is on its way, whatever
# the server has said of it.
LOST_STATUS = "Internal error from Core"

# The same request would fail again.
REJECTIONS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
}


async def recognise(
    channel: grpc.aio.Channel, config: pb.StreamingConfig, audio: AsyncIterator[bytes]
) -> AsyncIterator[pb.StreamingRecognizeResponse]:
    """Sends `audio`, cut anywhere, and yields what the server says meanwhile.

    The end of `audio` half-closes the stream: the last result and the summary
    still come. Raises `grpc.aio.AioRpcError` with the server's message, and
    whatever `audio` raises.
    """
    trouble: Exception | None = None

    async def requests() -> AsyncIterator[pb.StreamingRecognizeRequest]:
        nonlocal trouble
        yield pb.StreamingRecognizeRequest(config=config)
        try:
            async for chunk in audio:
                yield pb.StreamingRecognizeRequest(audio=chunk)
        except Exception as error:
            trouble = error
            raise

    try:
        async for response in SpeechEmotionStub(channel).StreamingRecognize(requests()):
            yield response
    except asyncio.CancelledError:
        # All that gRPC says of an error in `requests`.
        if trouble:
            raise trouble from None
        raise


class Stop:
    """Ends audio early. The first Ctrl-C half-closes, the second ends the process."""

    def __init__(self) -> None:
        self.wanted = False
        self.audio_left = False
        self.trouble: AudioError | None = None

    def on_interrupt(self) -> None:
        def interrupted(*_: object) -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self.wanted = True
            os.write(2, b"stopping; press Ctrl-C again to leave without the summary\n")

        signal.signal(signal.SIGINT, interrupted)

    async def cut(self, audio: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for chunk in audio:
                if self.wanted:
                    self.audio_left = True
                    return
                yield chunk
        except AudioError as error:
            self.trouble = error  # what was sent before still has its summary


async def run(args: argparse.Namespace) -> int:
    source = Microphone(args.device) if args.mic else Recording(args.file, args.fast)
    policy = types.CHANNEL_POLICY_SEPARATE if args.separate else types.CHANNEL_POLICY_MIX
    config = pb.StreamingConfig(
        audio=source.format,
        options=types.RecognitionOptions(model=args.model, channels=policy, top_k=args.top_k),
        pace=pb.PACE_BULK if args.fast else pb.PACE_LIVE,
    )
    output = JsonLines() if args.json else Lines()
    stop = Stop()
    going_away = None
    async with grpc.aio.insecure_channel(args.server.netloc) as channel:
        try:
            await asyncio.wait_for(channel.channel_ready(), args.connect_timeout)
        except TimeoutError:
            return failed(CONNECTION, f"nothing answers at {args.server.geturl()}")
        async for response in recognise(channel, config, stop.cut(source.chunks())):
            output.write(response)
            match response.WhichOneof("response"):
                case "started":
                    stop.on_interrupt()
                case "go_away":
                    # Only a half-close now still gets the summary.
                    stop.wanted = True
                    going_away = response.go_away.reason
    if going_away and stop.audio_left:
        return failed(CONNECTION, f"the server is stopping ({going_away}), audio is left")
    if stop.trouble:
        raise stop.trouble
    return 0


def failed(code: int, message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def failed_call(error: grpc.aio.AioRpcError) -> int:
    said = f"{error.details()} ({error.code().name})"
    if error.code() in REJECTIONS:
        return failed(REJECTED, f"the server refuses: {said}")
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        return failed(CONNECTION, f"lost the server: {said}")
    if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return failed(CONNECTION, f"the server is full: {said}")
    if error.code() == grpc.StatusCode.INTERNAL and error.details() == LOST_STATUS:
        return failed(CONNECTION, "the server ended the stream at once: it may be full")
    return failed(FAILURE, f"the server failed: {said}")


def server_url(text: str) -> SplitResult:
    url = urlsplit(text)
    if url.scheme != "http" or not url.netloc or "," in text:
        raise argparse.ArgumentTypeError(f"{text!r}; expected one http://HOST:PORT")
    return url


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Recognise the emotion of speech.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", help="WAV file of 16-bit samples")
    source.add_argument("--mic", action="store_true", help="speak; Ctrl-C ends")
    parser.add_argument("--device", help="microphone, by a part of its name")
    parser.add_argument("--fast", action="store_true", help="send the file at once")
    parser.add_argument("--separate", action="store_true", help="each channel on its own")
    parser.add_argument("--model", help="NAME or NAME/VERSION")
    parser.add_argument("--top-k", type=int, help="how many emotions a result names")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.add_argument(
        "--server",
        type=server_url,
        metavar="URL",
        default=os.environ.get("SER_CLIENT_SERVER", "http://127.0.0.1:50051"),
    )
    parser.add_argument("--connect-timeout", type=float, metavar="SECONDS", default=5)
    args = parser.parse_args()
    if args.mic and args.fast:
        parser.error("argument --fast: not allowed with argument --mic")
    if args.device is not None and not args.mic:
        parser.error("argument --device: expected with argument --mic")
    return args


def main() -> int:
    # Until the stream has started, Ctrl-C ends the process without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    args = arguments()
    try:
        return asyncio.run(run(args))
    except AudioError as error:
        return failed(FAILURE, str(error))
    except grpc.aio.AioRpcError as error:
        return failed_call(error)
    except OSError as error:
        # Python would try once more to write what is left, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 0  # the reader has seen enough
        return failed(FAILURE, f"can't write: {error.strerror}")


if __name__ == "__main__":
    sys.exit(main())
