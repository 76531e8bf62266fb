//! How a value becomes stored bytes: a version, a codec, a checksum, and the value or where it is.
//!
//! ```text
//! [schema version u8][codec u8][crc32 of the rest and these two, u32][value | digest of the blob]
//! ```
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

use super::shelf::Look;
use super::{StoreError, keys};
use crate::id::Digest;

/// The shape of the values in this version of Ostler.
const SCHEMA: u8 = 1;
/// The value itself.
const RAW: u8 = 0;
/// zstd with dictionary 1.
const PACKED: u8 = 1;
/// Added to the codec of a value that is in a blob.
const IN_BLOB: u8 = 0x80;

const HEADER: usize = 6;
/// What is larger once it is encoded goes to a blob.
const INLINE_MAX: usize = 4096;
/// Below this, compressing costs more than it saves.
const PACK_MIN: usize = 64;
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

/// A value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    /// What stands at its key.
    pub stored: Vec<u8>,
    /// What stands in a blob, for a large one.
    pub blob: Option<(Digest, Vec<u8>)>,
}

/// Encodes a value.
pub(super) fn encode(value: &[u8]) -> Encoded {
    let packed = if value.len() < PACK_MIN { None } else { pack(value).ok() };
    let (codec, body) = match packed {
        Some(packed) if packed.len() < value.len() => (PACKED, packed),
        _ => (RAW, value.to_vec()),
    };
    if HEADER + body.len() <= INLINE_MAX {
        return Encoded { stored: seal(codec, &body), blob: None };
    }
    let digest = Digest::of(&body);
    Encoded { stored: seal(codec | IN_BLOB, digest.as_bytes()), blob: Some((digest, body)) }
}

/// The value that stands at a key.
pub(super) fn decode(look: &(impl Look + ?Sized), key: &[u8], stored: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |what: &str| StoreError::Corrupt(format!("{}: {what}", keys::describe(key)));
    let (codec, body) = open(stored).map_err(damaged)?;
    let content;
    let body = if codec & IN_BLOB == 0 {
        body
    } else {
        let digest = digest_in(body).ok_or_else(|| damaged("its reference is cut short"))?;
        content = look.blob(digest)?.ok_or_else(|| damaged("its blob is missing"))?;
        if Digest::of(&content) != digest {
            return Err(damaged("its blob is not what was written"));
        }
        &content
    };
    match codec & !IN_BLOB {
        RAW => Ok(body.to_vec()),
        PACKED => unpack(body).map_err(|error| damaged(&format!("it cannot be unpacked: {error}"))),
        other => Err(damaged(&format!("its codec is {other}, which this version does not know"))),
    }
}

/// The blob that stored bytes refer to, if they do.
pub(super) fn blob_of(stored: &[u8]) -> Option<Digest> {
    let (codec, body) = open(stored).ok()?;
    (codec & IN_BLOB != 0).then(|| digest_in(body)).flatten()
}

fn digest_in(body: &[u8]) -> Option<Digest> {
    body.try_into().ok().map(Digest::from_bytes)
}

fn seal(codec: u8, body: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEADER + body.len());
    stored.extend_from_slice(&[SCHEMA, codec]);
    stored.extend_from_slice(&checksum(codec, SCHEMA, body).to_be_bytes());
    stored.extend_from_slice(body);
    stored
}

fn open(stored: &[u8]) -> Result<(u8, &[u8]), &'static str> {
    let Some((&[schema, codec, a, b, c, d], body)) = stored.split_first_chunk::<HEADER>() else {
        return Err("it is cut short");
    };
    if u32::from_be_bytes([a, b, c, d]) != checksum(codec, schema, body) {
        return Err("its checksum does not match");
    }
    if schema != SCHEMA {
        return Err("its schema is of another version of Ostler");
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
    use crate::store::memory::MemoryShelf;
    use crate::store::shelf::Shelf as _;

    fn back(encoded: &Encoded) -> Result<Vec<u8>, StoreError> {
        let shelf = MemoryShelf::default();
        if let Some((digest, content)) = &encoded.blob {
            shelf.put_blob(*digest, content).unwrap();
        }
        decode(&shelf, b"vname", &encoded.stored)
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let blocks = (0_u64..).flat_map(|n| *Digest::of(&n.to_be_bytes()).as_bytes());
        blocks.take(bytes).collect()
    }

    #[test]
    fn values_of_every_size_read_back() {
        for size in [0, 1, 63, 64, 4000, 4090, 4091, 100_000] {
            assert_eq!(back(&encode(&noise(size))).unwrap(), noise(size), "{size}");
            let text = "github.com/acme/shop ".repeat(size);
            assert_eq!(back(&encode(text.as_bytes())).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn nothing_larger_than_four_kilobytes_is_stored_inline() {
        let edge = encode(&noise(INLINE_MAX - HEADER));
        assert_eq!((edge.stored.len(), edge.blob), (INLINE_MAX, None));
        let over = encode(&noise(INLINE_MAX - HEADER + 1));
        assert_eq!(over.stored.len(), HEADER + 32);
        assert_eq!(blob_of(&over.stored), over.blob.map(|(digest, _)| digest));
    }

    #[test]
    fn any_flipped_bit_is_noticed_and_named() {
        let sound = encode(b"a value of some length");
        for bit in 0..sound.stored.len() * 8 {
            let mut bad = sound.clone();
            bad.stored[bit / 8] ^= 1 << (bit % 8);
            let error = back(&bad).unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt(what) if what.contains("value `name`")), "{error}");
        }
        assert!(matches!(back(&Encoded { stored: vec![1, 0], blob: None }), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn a_blob_that_changed_is_noticed() {
        let mut encoded = encode(&noise(5000));
        encoded.blob.as_mut().unwrap().1[0] ^= 1;
        assert!(matches!(back(&encoded), Err(StoreError::Corrupt(_))));
        encoded.blob = None;
        assert!(matches!(back(&encoded), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn a_webhook_becomes_small() {
        let address = "https://api.github.com/repos/acme/shop";
        let parts =
            ["keys{/key_id}", "hooks", "issues{/number}", "pulls{/number}", "git/refs{/sha}", "merges"];
        let body: String = parts.iter().map(|part| format!(r#""url":"{address}/{part}","#)).collect();
        assert!(encode(body.as_bytes()).stored.len() * 3 < body.len());
    }

    #[test]
    fn what_was_packed_with_dictionary_one_can_be_read_for_ever() {
        assert_eq!(Digest::of(DICTIONARY).to_string(), DICTIONARY_ONE, "dictionary 1 was changed");
        let golden = hex::decode(GOLDEN).unwrap();
        assert_eq!(golden[..2], [SCHEMA, PACKED]);
        let read = decode(&MemoryShelf::default(), b"vgolden", &golden).unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), GOLDEN_TEXT);
    }

    const DICTIONARY_ONE: &str = "dcdd3e9af852b3ce7bd18c2e515bbce25bf325b1868a334d70efd8c676477790";
    const GOLDEN_TEXT: &str = r#"{"action":"labeled","issue":{"url":"https://api.github.com/repos/acme/shop/issues/12","number":12,"state":"open","locked":false}}"#;
    const GOLDEN: &str = "01012d9c27fd28b52ffd210181250100282f31327d7d0afc1a31516b4bf336d8f178dd08670d022ebf0fc87ecedd36af2531d00c";
}
