#!/usr/bin/env bash
# Speaks the sample audio with espeak-ng and writes it in many formats with sox.
# `cargo xtask samples` installs both and runs this.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# speak NAME VOICE SSML: one utterance, mono 16-bit at espeak-ng's 22,050 Hz.
speak() {
    espeak-ng -m -v "$2" -w "$work/$1.wav" "<speak>$3</speak>"
}

# Without dither, so that equal speech gives equal files.
convert() {
    sox --no-dither "$@"
}

speak flat en-us+f3 '<prosody rate="90%" range="20%">Say the word chair. The meeting is on the second floor.</prosody>'
speak high en-us+f4 '<prosody rate="115%" pitch="+60%" range="180%" volume="+6dB">Say the word gold! You really came all this way to see us!</prosody>'
speak low en-us+f2 '<prosody rate="75%" pitch="-35%" range="40%" volume="-6dB">Say the word back. I have nothing left to say.</prosody>'
speak german de+f3 '<prosody range="120%">Der Lappen liegt auf dem Eisschrank. Das will sie am Mittwoch abgeben.</prosody>'
speak caller en-us+f4 '<prosody pitch="+20%" range="150%">Hello? My parcel still has not arrived. What happened to it?</prosody>'
speak agent en-us+m3 '<prosody rate="90%">Good morning. Let me look that up for you. One moment, please.</prosody>'

# The demo: one sentence after the other, each in another mood, then silence.
convert "$work/flat.wav" "$work/high.wav" "$work/low.wav" "$work/moods.wav"
convert -G "$work/moods.wav" -r 16000 -b 16 demo.wav pad 0 4

# Telephone: 8 kHz, G.711.
convert -G "$work/caller.wav" -r 8000 -e mu-law telephone-8000-mulaw.wav
convert -G "$work/caller.wav" -r 8000 -t raw -e mu-law telephone-8000.ulaw
convert -G "$work/caller.wav" -r 8000 -e a-law telephone-8000-alaw.wav

# A call with one party in each channel.
convert -M "$work/caller.wav" "$work/agent.wav" "$work/call.wav"
convert -G "$work/call.wav" -r 44100 -b 16 call-44100-stereo.flac

convert -G "$work/flat.wav" -b 16 flat-22050.wav
convert -G "$work/high.wav" -r 48000 -b 24 high-48000-24bit.flac
convert -G "$work/low.wav" -r 16000 -b 24 -e signed-integer low-16000-24bit.wav
convert -G "$work/german.wav" -r 24000 -b 32 -e floating-point german-24000-float.wav
