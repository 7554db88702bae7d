//! A file of records that are looked up by a 32-byte key, as the cache keeps them.
//!
//! Written once and never changed. Layout: a header (magic, format, the fingerprint of what made the records, the
//! BLAKE3 hash of all that follows), the number of records, the keys in order, the offset of the end of each record, the
//! records. Invariant: what is not whole, or was made by another version, is not read at all.

use vdo_core::content::Bytes;

/// A key: a hash.
pub(super) type Key = [u8; 32];

const MAGIC: &[u8; 8] = b"VDOCACH1";
const HEADER: usize = 8 + 32 + 32;

/// A whole segment, in memory.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    bytes: Bytes,
    count: usize,
}

/// Returns the bytes of a segment with these records, which are in the order of their keys.
pub(super) fn written<'r>(fingerprint: &Key, records: impl Iterator<Item = (&'r Key, &'r [u8])> + Clone) -> Vec<u8> {
    let count = records.clone().count();
    let length: usize = records.clone().map(|(_, record)| record.len()).sum();
    let mut bytes = Vec::with_capacity(HEADER + 4 + count * 40 + length);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(fingerprint);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    for (key, _) in records.clone() {
        bytes.extend_from_slice(key);
    }
    let mut end = 0_u64;
    for (_, record) in records.clone() {
        end += record.len() as u64;
        bytes.extend_from_slice(&end.to_le_bytes());
    }
    for (_, record) in records {
        bytes.extend_from_slice(record);
    }
    let hash = bytes.get(HEADER..).map(|body| *blake3::hash(body).as_bytes()).unwrap_or_default();
    if let Some(place) = bytes.get_mut(HEADER - 32..HEADER) {
        place.copy_from_slice(&hash);
    }
    bytes
}

impl Segment {
    /// Returns the segment in `bytes`; `None` if it is not whole or not of this fingerprint.
    pub(super) fn read(bytes: Bytes, fingerprint: &Key) -> Option<Self> {
        let head = bytes.get(..HEADER)?;
        if head.get(..8)? != MAGIC || head.get(8..40)? != fingerprint {
            return None;
        }
        if head.get(40..72)? != blake3::hash(bytes.get(HEADER..)?).as_bytes() {
            return None;
        }
        let count = usize::try_from(u32::from_le_bytes(bytes.get(HEADER..HEADER + 4)?.try_into().ok()?)).ok()?;
        let segment = Self { bytes, count };
        let begin = segment.begin();
        let end = if count == 0 { begin } else { segment.end(count - 1)? };
        (end == segment.bytes.len()).then_some(segment)
    }

    /// Returns the number of records.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Returns the number of bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns all bytes; records are ranges of them.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns where the record of `key` lies.
    pub(super) fn find(&self, key: &Key) -> Option<std::ops::Range<usize>> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.key(middle)?.cmp(key.as_slice()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.range(middle),
            }
        }
        None
    }

    /// Returns the records in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &[u8])> {
        (0..self.count).filter_map(|at| {
            let key = self.key(at)?.try_into().ok()?;
            Some((key, self.bytes.get(self.range(at)?)?))
        })
    }

    fn begin(&self) -> usize {
        HEADER + 4 + self.count * 40
    }

    fn key(&self, at: usize) -> Option<&[u8]> {
        let from = HEADER + 4 + at * 32;
        self.bytes.get(from..from + 32)
    }

    fn end(&self, at: usize) -> Option<usize> {
        let from = HEADER + 4 + self.count * 32 + at * 8;
        let end = u64::from_le_bytes(self.bytes.get(from..from + 8)?.try_into().ok()?);
        usize::try_from(end).ok()?.checked_add(self.begin())
    }

    fn range(&self, at: usize) -> Option<std::ops::Range<usize>> {
        let from = if at == 0 { self.begin() } else { self.end(at - 1)? };
        let to = self.end(at)?;
        (from <= to && to <= self.bytes.len()).then_some(from..to)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn segment(fingerprint: u8, records: &[(u8, &str)]) -> Vec<u8> {
        let records: BTreeMap<Key, &[u8]> = records.iter().map(|(key, text)| ([*key; 32], text.as_bytes())).collect();
        written(&[fingerprint; 32], records.iter().map(|(key, record)| (key, *record)))
    }

    #[test]
    fn records_are_found_by_their_keys() {
        let segment = Segment::read(segment(7, &[(3, "three"), (1, "one"), (2, "")]).into(), &[7; 32]).unwrap();
        let get = |key: u8| segment.find(&[key; 32]).map(|range| segment.bytes().get(range).unwrap().to_vec());
        assert_eq!(get(1), Some(b"one".to_vec()));
        assert_eq!(get(2), Some(Vec::new()));
        assert_eq!(get(3), Some(b"three".to_vec()));
        assert_eq!(get(4), None);
        assert_eq!(segment.iter().map(|(key, _)| key[0]).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(Segment::read(self::segment(7, &[]).into(), &[7; 32]).unwrap().len(), 0);
    }

    #[test]
    fn what_is_not_whole_or_made_by_another_version_is_not_read() {
        let bytes = segment(7, &[(1, "one"), (2, "two")]);
        assert!(Segment::read(bytes.clone().into(), &[8; 32]).is_none());
        for cut in 0..bytes.len() {
            assert!(Segment::read(bytes.get(..cut).unwrap().into(), &[7; 32]).is_none(), "cut at {cut}");
            let mut spoiled = bytes.clone();
            spoiled[cut] ^= 0x40;
            assert!(Segment::read(spoiled.into(), &[7; 32]).is_none(), "spoiled at {cut}");
        }
    }
}
