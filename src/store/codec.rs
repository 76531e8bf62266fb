//! How a value becomes stored bytes: a version, a codec, a checksum, and the value.
//!
//! ```text
//! [schema version u8][codec u8][crc32 of the rest and these two, u32][value]
//! ```
//!
//! No version is 0: a shelf may keep something else that begins so, where it does not keep the value itself.
//!
//! `payload.dict` is a zstd dictionary (id 1) trained with `zstd --train --maxdict=32768 --dictID=1 -1` on
//! 2 500 generated documents of the shapes that are stored most: webhook payloads of GitHub, Jira and
//! Slack with their long addresses, and Ostler's own events, records, heads and reasons. What it was trained
//! on decides only how small values become. **The dictionary must never change under the same codec
//! number**: everything stored with it would be lost. A better one is a new file and a new number beside it.

use std::cell::RefCell;
use std::io;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::{StoreError, keys};

/// The shape of the values in this version of Ostler.
const SCHEMA: u8 = 2;
/// The value itself.
const RAW: u8 = 0;
/// zstd with dictionary 1.
const PACKED: u8 = 1;

const HEADER: usize = 6;
/// Below this, compressing costs more than it saves.
const PACK_MIN: usize = 256;
/// No value is this large; a size above it is damage that the checksum did not catch.
const VALUE_MAX: u64 = 1 << 30;
const LEVEL: i32 = 1;

static DICTIONARY: &[u8] = include_bytes!("payload.dict");
static PACKING: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static UNPACKING: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

thread_local! {
    // A context is some hundred kilobytes: one for each thread, not one for each value.
    static PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Why stored bytes are not a value.
#[derive(Debug, thiserror::Error)]
enum Unopened {
    #[error("it is not where it should be")]
    Absent,
    #[error("it is cut short")]
    Cut,
    #[error("its checksum does not match")]
    Checksum,
    #[error("it is of schema {0}, of another version of Ostler")]
    Schema(u8),
}

/// Encodes a value.
pub(super) fn encode(value: &[u8]) -> Vec<u8> {
    let packed = if value.len() < PACK_MIN { None } else { pack(value).ok() };
    match packed {
        Some(packed) if packed.len() < value.len() => seal(PACKED, &packed),
        _ => seal(RAW, value),
    }
}

/// The value that stands at a key.
pub(super) fn decode(key: &[u8], stored: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |what: &str| StoreError::Corrupt(format!("{}: {what}", keys::describe(key)));
    let (codec, body) = open(stored).map_err(|unopened| damaged(&unopened.to_string()))?;
    match codec {
        RAW => Ok(body.to_vec()),
        PACKED => unpack(body).map_err(|error| damaged(&format!("it cannot be unpacked: {error}"))),
        other => Err(damaged(&format!("its codec is {other}, which this version does not know"))),
    }
}

/// Refuses what another version of Ostler wrote, in a shape that this one does not read.
pub(super) fn check_schema(stored: &[u8]) -> Result<(), StoreError> {
    match open(stored) {
        Err(Unopened::Schema(schema)) => Err(StoreError::Failed(format!(
            "the store was written in schema {schema} by another version of Ostler; this one has schema {SCHEMA}"
        ))),
        _ => Ok(()),
    }
}

fn seal(codec: u8, body: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEADER + body.len());
    stored.extend_from_slice(&[SCHEMA, codec]);
    stored.extend_from_slice(&checksum(codec, SCHEMA, body).to_be_bytes());
    stored.extend_from_slice(body);
    stored
}

fn open(stored: &[u8]) -> Result<(u8, &[u8]), Unopened> {
    if stored.first() == Some(&0) {
        return Err(Unopened::Absent);
    }
    let Some((&[schema, codec, a, b, c, d], body)) = stored.split_first_chunk::<HEADER>() else {
        return Err(Unopened::Cut);
    };
    if u32::from_be_bytes([a, b, c, d]) != checksum(codec, schema, body) {
        return Err(Unopened::Checksum);
    }
    if schema != SCHEMA {
        return Err(Unopened::Schema(schema));
    }
    Ok((codec, body))
}

fn checksum(codec: u8, schema: u8, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[schema, codec]);
    crc.update(body);
    crc.finalize()
}

fn pack(value: &[u8]) -> io::Result<Vec<u8>> {
    PACKER.with_borrow_mut(|packer| match packer {
        Some(packer) => packer.compress(value),
        none => none.insert(Compressor::with_prepared_dictionary(&PACKING)?).compress(value),
    })
}

fn unpack(body: &[u8]) -> io::Result<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(body).ok().flatten();
    let size = size.filter(|size| *size <= VALUE_MAX).and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or_else(|| io::Error::other("its size is not stated"))?;
    UNPACKER.with_borrow_mut(|unpacker| match unpacker {
        Some(unpacker) => unpacker.decompress(body, size),
        none => none.insert(Decompressor::with_prepared_dictionary(&UNPACKING)?).decompress(body, size),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;

    fn noise(bytes: usize) -> Vec<u8> {
        let blocks = (0_u64..).flat_map(|n| *Digest::of(&n.to_be_bytes()).as_bytes());
        blocks.take(bytes).collect()
    }

    #[test]
    fn values_of_every_size_read_back() {
        for size in [0, 1, 63, 64, 4000, 100_000] {
            assert_eq!(decode(b"vname", &encode(&noise(size))).unwrap(), noise(size), "{size}");
            let text = "github.com/acme/shop ".repeat(size);
            assert_eq!(decode(b"vname", &encode(text.as_bytes())).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed_and_named() {
        let sound = encode(b"a value of some length");
        for bit in 0..sound.len() * 8 {
            let mut bad = sound.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let error = decode(b"vname", &bad).unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt(what) if what.contains("value `name`")), "{error}");
        }
        assert!(matches!(decode(b"vname", &[1, 0]), Err(StoreError::Corrupt(_))));
        assert!(matches!(decode(b"vname", &[0; 13]), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn a_webhook_becomes_small() {
        let address = "https://api.github.com/repos/acme/shop";
        let parts =
            ["keys{/key_id}", "hooks", "issues{/number}", "pulls{/number}", "git/refs{/sha}", "merges"];
        let body: String = parts.iter().map(|part| format!(r#""url":"{address}/{part}","#)).collect();
        assert!(encode(body.as_bytes()).len() * 3 < body.len());
    }

    #[test]
    fn what_was_packed_with_dictionary_one_can_be_read_for_ever() {
        assert_eq!(Digest::of(DICTIONARY).to_string(), DICTIONARY_ONE, "dictionary 1 was changed");
        let golden = hex::decode(GOLDEN).unwrap();
        assert_eq!(golden[..2], [SCHEMA, PACKED]);
        let read = decode(b"vgolden", &golden).unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), GOLDEN_TEXT);
    }

    const DICTIONARY_ONE: &str = "dcdd3e9af852b3ce7bd18c2e515bbce25bf325b1868a334d70efd8c676477790";
    const GOLDEN_TEXT: &str = r#"{"action":"labeled","issue":{"url":"https://api.github.com/repos/acme/shop/issues/12","number":12,"state":"open","locked":false}}"#;
    const GOLDEN: &str = "02016b4e129928b52ffd210181250100282f31327d7d0afc1a31516b4bf336d8f178dd08670d022ebf0fc87ecedd36af2531d00c";
}
