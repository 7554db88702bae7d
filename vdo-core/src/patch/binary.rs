//! Binary files in patches, as git writes them: both versions whole, deflated, in base 85.

/// The digits, in the order git has them.
const DIGITS: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
/// Bytes to a line.
const WIDTH: usize = 52;

/// Writes what turns `old` into `new`, and back.
pub(super) fn write(text: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    text.extend_from_slice(b"GIT binary patch\n");
    for bytes in [new, old] {
        text.extend_from_slice(format!("literal {}\n", bytes.len()).as_bytes());
        for line in miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6).chunks(WIDTH) {
            text.push(length(line.len()));
            for group in line.chunks(4) {
                text.extend_from_slice(&digits(group));
            }
            text.push(b'\n');
        }
        text.push(b'\n');
    }
}

/// Returns the sign that says how many bytes a line holds: `A` is 1, `Z` is 26, `a` is 27.
fn length(bytes: usize) -> u8 {
    let number = u8::try_from(bytes).unwrap_or(u8::MAX);
    if number <= 26 { b'A' + number - 1 } else { b'a' + (number - 27) }
}

/// Returns four bytes as five digits; bytes that are missing are 0.
fn digits(group: &[u8]) -> [u8; 5] {
    let mut number = (0..4).fold(0_u32, |number, at| (number << 8) | u32::from(group.get(at).copied().unwrap_or(0)));
    let mut digits = [b'0'; 5];
    for digit in digits.iter_mut().rev() {
        let value = usize::try_from(number % 85).unwrap_or(0);
        *digit = DIGITS.get(value).copied().unwrap_or(b'0');
        number /= 85;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_git_writes_them() {
        let mut text = Vec::new();
        write(&mut text, b"", b"\0");
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("GIT binary patch\nliteral 1\nI"), "{text}");
        assert!(
            text.ends_with(
                "

literal 0
Hc$@<O00001

"
            ),
            "{text}"
        );
        assert_eq!((length(1), length(26), length(27), length(52)), (b'A', b'Z', b'a', b'z'));
        assert_eq!(digits(&[0xff; 4]), *b"|NsC0");
    }
}
