//! Just enough of protobuf to look into a graph that is ONNX Runtime's to read.

/// A field of a message with its number.
#[derive(Clone, Copy)]
pub(crate) enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
    Other,
}

impl<'a> Field<'a> {
    /// What the field holds, if it has this number and holds bytes.
    pub(crate) fn bytes(self, number: u64) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(own, bytes) if own == number => Some(bytes),
            _ => None,
        }
    }
}

/// Bytes that are no message, or none that ONNX has: groups are no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The fields of a message. Nothing that follows a malformed one means anything.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| field(&mut self.0))
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, Malformed> {
    // Some readers drop the bits above these.
    let key = u32::try_from(varint(rest)?).map_err(|_| Malformed)?;
    let number = u64::from(key >> 3);
    if number == 0 {
        return Err(Malformed);
    }
    let mut take = |len: usize| rest.split_off(..len).ok_or(Malformed);
    match key & 7 {
        0 => Ok(Field::Number(number, varint(rest)?)),
        1 => take(8).map(|_| Field::Other),
        2 => {
            let len = usize::try_from(varint(rest)?).map_err(|_| Malformed)?;
            let bytes = rest.split_off(..len).ok_or(Malformed)?;
            Ok(Field::Bytes(number, bytes))
        }
        5 => take(4).map(|_| Field::Other),
        _ => Err(Malformed),
    }
}

/// A number of seven bits a byte, the lowest first.
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first().ok_or(Malformed)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A field that holds a number.
    pub(crate) fn number(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }

    /// A field that holds bytes.
    pub(crate) fn bytes(number: u8, bytes: &[u8]) -> Vec<u8> {
        let key = u16::from(number) << 3 | 2;
        let len = u16::try_from(bytes.len()).unwrap();
        let head = [
            (key & 0x7f) as u8 | 0x80,
            (key >> 7) as u8,
            (len & 0x7f) as u8 | 0x80,
            (len >> 7 & 0x7f) as u8 | 0x80,
            (len >> 14) as u8,
        ];
        [&head, bytes].concat()
    }

    #[test]
    fn what_is_no_message_is_malformed() {
        let last = |message: &[u8]| Fields(message).last().map(|field| field.map(drop));
        assert_eq!(last(&[]), None);
        for good in [
            number(1, 8),
            bytes(22, b"x"),
            vec![0x09, 0, 0, 0, 0, 0, 0, 0, 0],
            vec![0x0d, 0, 0, 0, 0],
        ] {
            assert_eq!(last(&good), Some(Ok(())), "{good:?}");
            let cut = &good[..good.len() - 1];
            assert_eq!(last(cut), Some(Err(Malformed)), "{cut:?}");
        }
        // A group, the number 0, and a key of 33 bits.
        for bad in [
            &[0x0b, 0x0c][..],
            &[0, 0],
            &[0xba, 0x80, 0x80, 0x80, 0x10, 0],
        ] {
            assert_eq!(
                Fields(bad).next().map(|field| field.is_err()),
                Some(true),
                "{bad:?}"
            );
        }
    }
}
