//! How bytes lie in the store: as they are, or compressed where that pays.
//!
//! Pure. Invariant: what [`Packed::new`] packs, [`unpack`] gives back byte for byte.

use std::cell::RefCell;

/// Bytes shorter than this are not worth a compressor's time.
const SMALLEST: usize = 256;
/// The fastest useful level: the writer's processor time counts more than the last tenth of the size.
const LEVEL: i32 = 1;

/// Bytes as they are.
pub(crate) const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// Bytes as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// The length before compression.
    pub(crate) len: usize,
    /// How they are compressed.
    pub(crate) codec: u8,
    /// What is stored.
    pub(crate) data: Vec<u8>,
}

thread_local! {
    // A compressor's tables are larger than most of what it packs; making them each time would cost more than the work.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> =
        RefCell::new(zstd::bulk::Compressor::new(LEVEL).ok());
}

thread_local! {
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        RefCell::new(zstd::bulk::Decompressor::new().ok());
}

fn decompress(data: &[u8], len: usize) -> Result<Vec<u8>, String> {
    DECOMPRESSOR.with(|decompressor| match decompressor.borrow_mut().as_mut() {
        Some(decompressor) => decompressor.decompress(data, len).map_err(|error| error.to_string()),
        None => Err("no memory for decompression".to_owned()),
    })
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with(|compressor| compressor.borrow_mut().as_mut()?.compress(bytes).ok())
}

impl Packed {
    /// Packs `bytes`.
    pub(crate) fn new(bytes: impl AsRef<[u8]> + Into<Vec<u8>>) -> Self {
        let slice = bytes.as_ref();
        let len = slice.len();
        if len >= SMALLEST
            && let Some(data) = compress(slice)
            && data.len() < len - len / 16
        {
            return Self { len, codec: ZSTD, data };
        }
        Self { len, codec: RAW, data: bytes.into() }
    }
}

/// Returns the bytes that were packed, or what is wrong with them.
pub(crate) fn unpack(len: i64, codec: i64, data: Vec<u8>) -> Result<Vec<u8>, String> {
    let len = usize::try_from(len).map_err(|_| format!("a length of {len}"))?;
    let bytes = match u8::try_from(codec) {
        Ok(RAW) => data,
        Ok(ZSTD) => {
            // The frame says how long it is; a damaged length must not make us reserve the whole memory.
            let framed = zstd::zstd_safe::get_frame_content_size(&data).ok().flatten();
            if framed != u64::try_from(len).ok() {
                return Err(format!("the compressed frame does not hold {len} bytes"));
            }
            decompress(&data, len)?
        }
        _ => return Err(format!("unknown compression {codec}")),
    };
    if bytes.len() == len { Ok(bytes) } else { Err(format!("{} bytes instead of {len}", bytes.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_and_text_gets_smaller() {
        for len in [0, 1, 255, 256, 257, 100_000] {
            let bytes = "def f(): pass\n".bytes().cycle().take(len).collect::<Vec<_>>();
            let packed = Packed::new(bytes.clone());
            assert!(len < SMALLEST || packed.data.len() < len / 2);
            assert_eq!(unpack(len as i64, i64::from(packed.codec), packed.data).unwrap(), bytes);
        }
    }

    #[test]
    fn damage_is_an_error_and_never_a_huge_allocation() {
        let packed = Packed::new(vec![7; 4096]);
        for (len, codec, data) in [
            (i64::MAX, 1, packed.data.clone()),
            (4096, 2, packed.data.clone()),
            (4096, 1, b"not a frame".to_vec()),
            (4095, 0, vec![7; 4096]),
            (-1, 0, vec![]),
        ] {
            assert!(unpack(len, codec, data).is_err());
        }
    }
}
