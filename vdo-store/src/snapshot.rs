//! The bytes of a manifest snapshot: every file of a tree with its origin.
//!
//! Pure. The format is one record per file in path order: the length of the path (4 bytes, little endian), the path,
//! the mode (1), the origin job (8; 0 is the revision's own job) and the content's hash (32); the whole is compressed.

use vdo_core::content::{BlobHash, Entry, Mode};
use vdo_core::id::JobId;
use vdo_core::tree::{Manifest, ManifestEntry};

use crate::names;

/// Revisions along a chain of bases from one snapshot to the next.
pub(crate) const EVERY: u64 = 32;

/// Writes `manifest`; files of `own` are marked as such, so that the bytes can be made before the job has an id.
pub(crate) fn encode(manifest: &Manifest, own: Option<JobId>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(manifest.0.len() * 80);
    for (path, file) in &manifest.0 {
        let path = path.as_str().as_bytes();
        bytes.extend_from_slice(&u32::try_from(path.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(path);
        bytes.push(u8::try_from(names::mode_number(file.entry.mode)).unwrap_or(u8::MAX));
        let origin = if Some(file.job) == own { 0 } else { file.job.number() };
        bytes.extend_from_slice(&origin.to_le_bytes());
        bytes.extend_from_slice(file.entry.blob.as_bytes());
    }
    zstd::bulk::compress(&bytes, 1).unwrap_or_default()
}

/// Reads what [`encode`] wrote for a revision of `own`.
pub(crate) fn decode(data: &[u8], own: JobId) -> Result<Manifest, String> {
    let bytes = zstd::stream::decode_all(data).map_err(|error| error.to_string())?;
    let mut rest = bytes.as_slice();
    // In path order, as they were written: a map is made of them at once.
    let mut files = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(take(&mut rest)?);
        let length = usize::try_from(length).map_err(|error| error.to_string())?;
        let (path, tail) = rest.split_at_checked(length).ok_or("it ends early")?;
        rest = tail;
        let path = std::str::from_utf8(path).map_err(|error| error.to_string())?;
        let path = path.parse().map_err(|error| format!("{error}"))?;
        let [mode] = take::<1>(&mut rest)?;
        let mode: Mode = names::mode(i64::from(mode)).ok_or("an unknown file mode")?;
        let job = JobId::new(u64::from_le_bytes(take(&mut rest)?)).unwrap_or(own);
        let blob = BlobHash::from_bytes(take(&mut rest)?);
        files.push((path, ManifestEntry { entry: Entry { blob, mode }, job }));
    }
    Ok(Manifest(files.into_iter().collect()))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or("it ends early")?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_comes_back_and_a_cut_one_is_refused() {
        let (one, two) = (JobId::new(1).unwrap(), JobId::new(2).unwrap());
        let entry = |text: &[u8], mode, job| ManifestEntry { entry: Entry { blob: BlobHash::of(text), mode }, job };
        let manifest = Manifest(
            [
                ("a".parse().unwrap(), entry(b"1", Mode::File, one)),
                ("b/ü".parse().unwrap(), entry(b"2", Mode::Executable, two)),
                ("c".parse().unwrap(), entry(b"3", Mode::Symlink, two)),
            ]
            .into(),
        );
        assert_eq!(decode(&encode(&manifest, Some(two)), two).unwrap(), manifest);
        assert_eq!(decode(&encode(&Manifest::default(), None), one).unwrap(), Manifest::default());
        let whole = zstd::stream::decode_all(encode(&manifest, None).as_slice()).unwrap();
        let cut = zstd::bulk::compress(&whole[..whole.len() - 1], 1).unwrap();
        assert!(decode(&cut, one).is_err());
    }
}
