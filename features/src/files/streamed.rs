//! WAV files whose writer couldn't know how long they would become, because it
//! wrote into a pipe or was stopped.

use std::ops::Range;

/// Where the length of the whole file stands.
const RIFF_LENGTH: Range<usize> = 4..8;

/// The header of such a file up to its audio, with the lengths that are there.
/// `None` for every other file.
pub(super) fn completed_header(file: &[u8]) -> Option<Vec<u8>> {
    let audio = audio_start(file)?;
    let data_length = audio - 4..audio;
    let (riff, data) = (
        length_at(file, RIFF_LENGTH)?,
        length_at(file, data_length.clone())?,
    );
    let actual_riff = u32::try_from(file.len() - RIFF_LENGTH.end).ok()?;
    let actual_data = u32::try_from(file.len() - audio).ok()?;
    let unknown = if data == 0 {
        // A recording without audio has a file's length that covers what follows.
        is_placeholder(riff) || riff as usize + RIFF_LENGTH.end <= audio
    } else {
        is_placeholder(data) && data > actual_data
    };
    unknown.then(|| {
        let mut header = file[..audio].to_vec();
        header[RIFF_LENGTH].copy_from_slice(&actual_riff.to_le_bytes());
        header[data_length].copy_from_slice(&actual_data.to_le_bytes());
        header
    })
}

/// What writers put in the place of a length, apart from 0: about the largest
/// number with a sign (SoX, espeak-ng, arecord) or without (ffmpeg).
fn is_placeholder(length: u32) -> bool {
    matches!(length, 0x7fff_0000..=0x8000_0000 | 0xffff_0000..)
}

/// Where the bytes of the `data` chunk begin.
fn audio_start(file: &[u8]) -> Option<usize> {
    if !file.starts_with(b"RIFF") || file.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut chunk = 12_usize;
    loop {
        let length = chunk.checked_add(4)?..chunk.checked_add(8)?;
        let content = length.end;
        if file.get(chunk..length.start)? == b"data" {
            return (content <= file.len()).then_some(content);
        }
        let length = usize::try_from(length_at(file, length)?).ok()?;
        // Chunks begin at even places.
        chunk = content.checked_add(length)?.checked_add(length % 2)?;
    }
}

fn length_at(file: &[u8], place: Range<usize>) -> Option<u32> {
    let bytes = file.get(place)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}
