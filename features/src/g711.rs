//! ITU-T G.711: 8-bit companded telephone speech.

use std::array::from_fn;
use std::sync::LazyLock;

/// µ-law octets to samples, full scale 1.
pub(crate) static MU_LAW: LazyLock<[f32; 256]> =
    LazyLock::new(|| from_fn(|octet| f32::from(mu_law(octet as u8)) / 32_768.0));

/// A-law octets to samples, full scale 1.
pub(crate) static A_LAW: LazyLock<[f32; 256]> =
    LazyLock::new(|| from_fn(|octet| f32::from(a_law(octet as u8)) / 32_768.0));

/// The value of a µ-law octet by G.711 table 2, whose 14-bit scale is stretched
/// to 16 bits. An octet is sent inverted: sign, three bits of segment, four of
/// step; 33 makes the segments meet.
fn mu_law(octet: u8) -> i16 {
    let code = !octet;
    let segment = (code >> 4) & 7;
    let step = i16::from(code & 15);
    let magnitude = (((2 * step + 33) << segment) - 33) << 2;
    if code & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// The value of an A-law octet by G.711 table 1, whose 13-bit scale is stretched
/// to 16 bits. Every other bit is sent inverted; a set sign bit is positive.
fn a_law(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = i16::from(code & 15);
    let magnitude = match segment {
        0 => 2 * step + 1,
        _ => (2 * step + 33) << (segment - 1),
    } << 3;
    if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}
