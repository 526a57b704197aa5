//! How much memory a request takes once it is decoded, told from its bytes alone.
//!
//! An empty tensor is two bytes of a request and three hundred of memory, and a small
//! integer one byte and four. So a request is weighed before anything is made of it:
//! values of tensors may be many, and everything beside them is little.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::{Error, services::clip_gate::LARGEST_CLIP_REQUEST};

/// The most bytes of a request beside the values of its tensors: names, shapes,
/// parameters, and what says where each begins.
const LARGEST_HEAD: usize = 16 << 10;

/// Numbers of fields in `grpc_service.proto`.
mod field {
    pub(super) const INPUTS: u32 = 5;
    pub(super) const RAW_INPUT_CONTENTS: u32 = 7;
    pub(super) const CONTENTS: u32 = 5;
    pub(super) const INT_CONTENTS: u32 = 2;
    pub(super) const FP32_CONTENTS: u32 = 6;
}

/// Checks that a `ModelInferRequest` takes no more memory than the largest request and
/// a little beside. What can't be read is for the decoder to refuse.
///
/// # Errors
///
/// [`Error::Invalid`].
pub(super) fn check(request: &[u8]) -> Result<(), Error> {
    let mut values = Values::default();
    values.of_request(request);
    let head = request.len() - values.encoded;
    if head > LARGEST_HEAD {
        return Err(Error::invalid(
            "request",
            format!("{head} bytes beside the values of tensors"),
            format!("at most {LARGEST_HEAD}"),
        ));
    }
    if values.decoded > LARGEST_CLIP_REQUEST {
        return Err(Error::invalid(
            "inputs",
            format!("{} bytes of values", values.decoded),
            format!("at most {LARGEST_CLIP_REQUEST}"),
        ));
    }
    Ok(())
}

/// The values of a request's tensors.
#[derive(Debug, Default)]
struct Values {
    /// Their bytes in the request.
    encoded: usize,
    /// What they take beside it.
    decoded: usize,
}

impl Values {
    fn of_request(&mut self, request: &[u8]) {
        each_field(request, |field, payload| match field {
            field::INPUTS => self.of_input(payload),
            // They stay where they are.
            field::RAW_INPUT_CONTENTS => self.add(payload, 0),
            _ => {}
        });
    }

    fn of_input(&mut self, input: &[u8]) {
        each_field(input, |field, payload| {
            if field == field::CONTENTS {
                self.of_contents(payload);
            }
        });
    }

    /// Of those that no tensor here has, and of those that aren't packed, few fit into
    /// the head.
    fn of_contents(&mut self, contents: &[u8]) {
        each_field(contents, |field, payload| match field {
            field::FP32_CONTENTS => self.add(payload, payload.len()),
            field::INT_CONTENTS => {
                let values = payload.iter().filter(|byte| **byte < 0x80).count();
                self.add(payload, values * size_of::<i32>());
            }
            _ => {}
        });
    }

    fn add(&mut self, payload: &[u8], decoded: usize) {
        self.encoded += payload.len();
        self.decoded += decoded;
    }
}

/// Hands over each field of a message that has a length, up to one that can't be read.
fn each_field(mut message: &[u8], mut take: impl FnMut(u32, &[u8])) {
    while let Some((field, payload)) = next_field(&mut message) {
        if let Some(payload) = payload {
            take(field, payload);
        }
    }
}

/// The next field, with its bytes if it has a length.
fn next_field<'a>(message: &mut &'a [u8]) -> Option<(u32, Option<&'a [u8]>)> {
    let (field, wire_type) = decode_key(message).ok()?;
    if wire_type != WireType::LengthDelimited {
        skip_field(wire_type, field, message, DecodeContext::default()).ok()?;
        return Some((field, None));
    }
    let length = usize::try_from(decode_varint(message).ok()?).ok()?;
    let (payload, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some((field, Some(payload)))
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use ser_proto::inference::{
        InferTensorContents, ModelInferRequest, model_infer_request::InferInputTensor,
    };

    use super::*;

    fn typed(contents: InferTensorContents) -> Vec<u8> {
        let request = ModelInferRequest {
            model_name: "double".to_owned(),
            inputs: vec![InferInputTensor {
                name: "audio".to_owned(),
                contents: Some(contents),
                ..InferInputTensor::default()
            }],
            ..ModelInferRequest::default()
        };
        request.encode_to_vec()
    }

    #[track_caller]
    fn refused(request: &[u8], message: &str) {
        assert_eq!(check(request).unwrap_err().to_string(), message);
    }

    #[test]
    fn values_of_tensors_may_fill_a_request() {
        let values = LARGEST_CLIP_REQUEST / 4;
        let raw = ModelInferRequest {
            inputs: vec![InferInputTensor::default(); 2],
            raw_input_contents: vec![vec![0; LARGEST_CLIP_REQUEST / 2].into(); 2],
            ..ModelInferRequest::default()
        };
        check(&raw.encode_to_vec()).unwrap();
        let floats = |count| InferTensorContents {
            fp32_contents: vec![1.0; count],
            ..InferTensorContents::default()
        };
        check(&typed(floats(values))).unwrap();
        let integers = |value, count| InferTensorContents {
            int_contents: vec![value; count],
            ..InferTensorContents::default()
        };
        // Ten bytes each, however small.
        check(&typed(integers(-1, values / 10))).unwrap();
        check(&typed(integers(1, values))).unwrap();
        refused(
            &typed(integers(1, values + 1)),
            "inputs: 16777220 bytes of values; expected at most 16777216",
        );
    }

    #[test]
    fn everything_beside_them_is_little() {
        let empty = |field: u8, count: usize| [field << 3 | 2, 0].repeat(count);
        for field in 4..=7 {
            check(&empty(field, LARGEST_HEAD / 2)).unwrap();
            refused(
                &empty(field, LARGEST_HEAD / 2 + 1),
                "request: 16386 bytes beside the values of tensors; expected at most 16384",
            );
        }
        // Of a type that no tensor here has.
        let others = InferTensorContents {
            bool_contents: vec![true; LARGEST_HEAD],
            ..InferTensorContents::default()
        };
        let request = typed(others);
        let head = request.len();
        refused(
            &request,
            &format!("request: {head} bytes beside the values of tensors; expected at most 16384"),
        );
    }

    #[test]
    fn what_cannot_be_read_is_no_value() {
        let values = typed(InferTensorContents {
            fp32_contents: vec![1.0; LARGEST_HEAD],
            ..InferTensorContents::default()
        });
        check(&values).unwrap();
        let broken = [b"\x07".as_slice(), &values].concat();
        let message = format!(
            "request: {} bytes beside the values of tensors; expected at most 16384",
            broken.len()
        );
        refused(&broken, &message);
        check(&values[..100]).unwrap();
    }
}
