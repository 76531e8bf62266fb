//! The log in front of the database: a batch is durable once it is here.
//!
//! A database that is to be durable waits for the disk with all that it has written since the last time. So a batch
//! goes here first, in one piece, and one `fdatasync` of that piece is all that anybody waits for. Then the database
//! gets it, and writes it out when it likes. Now and then it is made durable, and knows the number of the newest batch
//! that it then has; at opening, all batches behind that number are applied to it again, in order.
//!
//! There are two files, written in turn. One is begun anew only when the database has durably got everything that
//! stands in it; so their size is bounded, and most writes go to blocks that the file system has given out before.
//!
//! ```text
//! file    [block of 4096 bytes]*
//! block   [1 for a batch's first block, 2 for its others, u8][4095 bytes of the batch, zeros behind its end]
//! batch   [number u64][length of the changes u32][crc32 of these two and the changes, u32][changes]
//! changes ([key length u32][key][1][value length u32][value] | [key length u32][key][0])*
//! ```
//!
//! A batch never shares a block with another, so that a torn write cannot harm one that was acknowledged, and what is
//! left of an older batch is never taken for the beginning of one. Only the newest batch can be torn: each is on the
//! disk before the next is written. A number that is missing before another is damage, and told.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::StoreError;
use super::shelf::Batch;

const NAMES: [&str; 2] = ["log.0", "log.1"];
/// A file that has reached this many bytes is left for the other one.
const FULL: u64 = 8 << 20;
const BLOCK: usize = 4096;
const FIRST: u8 = 1;
const MORE: u8 = 2;
const HEADER: usize = 16;

/// The log of one database.
#[derive(Debug)]
pub(super) struct Log {
    files: [File; 2],
    /// Which of them is written.
    at: usize,
    offset: u64,
    /// The number of the next batch.
    next: u64,
    /// The newest batch in each.
    newest: [u64; 2],
    /// A batch on its way to the disk, kept to be used again.
    blocks: Vec<u8>,
}

/// The batches that a log holds, by their numbers.
type Batches = BTreeMap<u64, Batch>;

impl Log {
    /// The log in a directory, and the batches behind number `known`, which the database does not have; where it
    /// cannot tell, all that there are up to the newest without a gap. The caller makes them durable there before the
    /// first [`append`](Self::append).
    pub(super) fn open(dir: &Path, known: Option<u64>) -> Result<(Self, Batches), StoreError> {
        let mut files = [open_file(&dir.join(NAMES[0]))?, open_file(&dir.join(NAMES[1]))?];
        let mut batches = Batches::new();
        for file in &mut files {
            let mut blocks = Vec::new();
            file.read_to_end(&mut blocks)?;
            read(&blocks, &mut batches);
        }
        let known = known.unwrap_or_else(|| before_unbroken(&batches));
        let missing = batches.split_off(&(known + 1));
        if let Some((absent, number)) = (known + 1..).zip(missing.keys()).find(|(due, is)| due != *is) {
            return Err(StoreError::Corrupt(format!(
                "the database in `{}` has {known} batches, and its log goes on to {number} without batch {absent}",
                dir.display()
            )));
        }
        let newest = missing.last_key_value().map_or(known, |(number, _)| *number);
        let log = Self { files, at: 0, offset: 0, next: newest + 1, newest: [newest; 2], blocks: Vec::new() };
        Ok((log, missing))
    }

    /// Writes a batch behind the others and waits until it is on the disk. Gives its number.
    pub(super) fn append(&mut self, batch: &Batch) -> io::Result<u64> {
        let number = self.next;
        fill(&mut self.blocks, number, batch);
        let file = &self.files[self.at];
        file.write_all_at(&self.blocks, self.offset)?;
        file.sync_data()?;
        self.offset += self.blocks.len() as u64;
        self.next += 1;
        self.newest[self.at] = number;
        Ok(number)
    }

    /// The number of the newest batch.
    pub(super) fn newest(&self) -> u64 {
        self.next - 1
    }

    /// The number of the newest batch that the next [`turn`](Self::turn) gives up.
    pub(super) fn given_up(&self) -> u64 {
        self.newest[1 - self.at]
    }

    /// Whether the file at hand has its size, and [`turn`](Self::turn) is due.
    pub(super) fn is_full(&self) -> bool {
        self.offset >= FULL
    }

    /// Goes on in the other file, over what stands there.
    pub(super) fn turn(&mut self) {
        self.at = 1 - self.at;
        self.offset = 0;
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// The number of the newest batch that a database was given, as bytes of its own.
pub(super) fn number_of(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The number before the oldest batch from which on none is missing.
fn before_unbroken(batches: &Batches) -> u64 {
    let newest = batches.last_key_value().map_or(0, |(number, _)| *number);
    let unbroken = (0..=newest).rev().zip(batches.keys().rev()).take_while(|(due, is)| due == *is);
    unbroken.last().map_or(0, |(oldest, _)| oldest.saturating_sub(1))
}

/// Makes a batch's blocks.
fn fill(blocks: &mut Vec<u8>, number: u64, batch: &Batch) {
    let changes = changes(batch);
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(&number.to_be_bytes());
    header.extend_from_slice(&length(&changes));
    header.extend_from_slice(&checksum(&header, &changes));
    let whole = [header, changes].concat();
    blocks.clear();
    for (at, part) in whole.chunks(BLOCK - 1).enumerate() {
        blocks.push(if at == 0 { FIRST } else { MORE });
        blocks.extend_from_slice(part);
    }
    blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
}

fn changes(batch: &Batch) -> Vec<u8> {
    let mut changes = Vec::new();
    for (key, value) in batch {
        changes.extend_from_slice(&length(key));
        changes.extend_from_slice(key);
        changes.push(u8::from(value.is_some()));
        if let Some(value) = value {
            changes.extend_from_slice(&length(value));
            changes.extend_from_slice(value);
        }
    }
    changes
}

/// The length of something that is in memory: a batch of four gigabytes would have been refused long before.
fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn checksum(header: &[u8], changes: &[u8]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(header);
    crc.update(changes);
    crc.finalize().to_be_bytes()
}

/// Finds the batches in a file's bytes: those of the newest round and what is left of the one before.
fn read(mut blocks: &[u8], into: &mut Batches) {
    while blocks.len() >= BLOCK {
        let mut taken = BLOCK;
        if let Some((number, changes)) =
            batch_in(blocks, &mut taken).and_then(|(n, bytes)| Some((n, parse(&bytes)?)))
        {
            into.insert(number, changes);
        } else {
            taken = BLOCK;
        }
        blocks = &blocks[taken..];
    }
}

/// The batch that begins with the first of these blocks, if a whole one does, and how many bytes its blocks take.
fn batch_in(blocks: &[u8], taken: &mut usize) -> Option<(u64, Vec<u8>)> {
    let (kind, start) = blocks[..BLOCK].split_first()?;
    let (head, _) = start.split_first_chunk::<HEADER>().filter(|_| *kind == FIRST)?;
    let size = usize::try_from(u32::from_be_bytes(head[8..12].try_into().ok()?)).ok()?;
    *taken = (HEADER + size).div_ceil(BLOCK - 1) * BLOCK;
    let mut parts = blocks.get(..*taken)?.chunks(BLOCK);
    let mut whole = parts.next()?[1..].to_vec();
    for part in parts {
        let (kind, part) = part.split_first()?;
        whole.extend_from_slice(Some(part).filter(|_| *kind == MORE)?);
    }
    let changes = whole.get(HEADER..HEADER + size)?;
    let number = u64::from_be_bytes(head[..8].try_into().ok()?);
    (checksum(&head[..12], changes) == head[12..]).then(|| (number, changes.to_vec()))
}

fn parse(mut changes: &[u8]) -> Option<Batch> {
    let mut batch = Batch::new();
    while !changes.is_empty() {
        let key = sized(&mut changes)?;
        let (has_value, rest) = changes.split_first()?;
        changes = rest;
        let value = if *has_value == 1 { Some(sized(&mut changes)?.into()) } else { None };
        batch.insert(key, value);
    }
    Some(batch)
}

fn sized(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (taken, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    Some(taken.to_vec())
}

#[cfg(test)]
mod tests;
