"""Where audio comes from: recordings and the microphone, as the server takes it."""

import asyncio
import sys
import wave
from collections.abc import AsyncIterator
from typing import Any

from ser.v1.types_pb2 import ENCODING_S16LE, AudioFormat

EXPECTED = "expected a WAV file of 16-bit samples"

# Results don't depend on the length of chunks, only how soon they come.
CHUNKS_PER_SECOND = 10


class AudioError(Exception):
    """There is no audio to send, with the reason for people."""


class Recording:
    """A WAV file of 16-bit samples, sent as if somebody were speaking, or at once."""

    def __init__(self, path: str, fast: bool) -> None:
        try:
            with wave.open(path) as file:
                width, rate, channels = file.getsampwidth(), file.getframerate(), file.getnchannels()
                self._audio = file.readframes(file.getnframes())
        except OSError as error:
            raise AudioError(f"{path}: {error.strerror}") from error
        except (wave.Error, EOFError) as error:
            reason = str(error) or "empty"
            raise AudioError(f"{path}: {reason}; {EXPECTED}") from error
        if width != 2:
            raise AudioError(f"{path}: {8 * width}-bit samples; {EXPECTED}")
        self.format = AudioFormat(encoding=ENCODING_S16LE, sample_rate=rate, channels=channels)
        self._fast = fast

    async def chunks(self) -> AsyncIterator[bytes]:
        """Each chunk is due when its last sample was spoken. The schedule is
        absolute, so delays never add up."""
        clock = asyncio.get_running_loop().time
        frame = 2 * self.format.channels
        size = max(1, self.format.sample_rate // CHUNKS_PER_SECOND) * frame
        start = clock()
        for begin in range(0, len(self._audio), size):
            chunk = self._audio[begin : begin + size]
            if not self._fast:
                spoken = (begin + len(chunk)) / (self.format.sample_rate * frame)
                await asyncio.sleep(start + spoken - clock())
            yield chunk


class Microphone:
    """Whatever the device delivers, at its own rate: the server resamples."""

    def __init__(self, device: str | None) -> None:
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise AudioError(f"--mic needs sounddevice and PortAudio: {error}") from error
        self._broken = sounddevice.PortAudioError
        try:
            rate = int(sounddevice.query_devices(device, "input")["default_samplerate"])
            self._stream = sounddevice.RawInputStream(
                device=device,
                samplerate=rate,
                channels=1,
                dtype="int16",
                blocksize=rate // CHUNKS_PER_SECOND,
                callback=self._captured,
            )
        except (ValueError, sounddevice.PortAudioError) as error:
            raise AudioError(f"microphone: {error}; `python -m sounddevice` lists them") from error
        self.format = AudioFormat(encoding=ENCODING_S16LE, sample_rate=rate, channels=1)
        self._loop = asyncio.get_running_loop()
        self._captures: asyncio.Queue[bytes] = asyncio.Queue(5 * CHUNKS_PER_SECOND)
        self._warned: set[str] = set()

    def _captured(self, audio: Any, _frames: int, _time: Any, status: Any) -> None:
        """Called by PortAudio, in a thread of its own."""
        self._loop.call_soon_threadsafe(self._keep, bytes(audio), status.input_overflow)

    def _keep(self, chunk: bytes, overflow: bool) -> None:
        if overflow:
            self._warn("this machine")
        if self._captures.full():
            self._captures.get_nowait()
            self._warn("the server")
        self._captures.put_nowait(chunk)

    def _warn(self, culprit: str) -> None:
        """Once, and not with each chunk."""
        if culprit not in self._warned:
            self._warned.add(culprit)
            print(f"warning: {culprit} is too slow, audio is lost", file=sys.stderr)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Endless, unless the device goes away."""
        try:
            with self._stream:
                while True:
                    yield await asyncio.wait_for(self._captures.get(), timeout=5)
        except TimeoutError as error:
            raise AudioError("microphone: no more audio comes from it") from error
        except self._broken as error:
            raise AudioError(f"microphone: {error}") from error
