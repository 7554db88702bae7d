//! How many tokens a text has, as an estimate.
//!
//! Only the provider knows; where it was not asked, this is what is reckoned with, and it is marked as an estimate wherever it is shown.
//! A word is taken as a token for every six letters or part of them, a number as one for every three digits, a run of blanks or
//! of one sign as one, any other sign as one, and a character outside ASCII as one.

/// What a token of code has on the average, in tenths of a byte: for texts of which only the size is known.
const BYTES: u64 = 33;

/// Returns an estimate of the tokens of a text.
#[must_use]
pub fn estimate(text: &str) -> u64 {
    let mut tokens = 0_u64;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let mut run = 1_u64;
        let mut same = |is: &dyn Fn(u8) -> bool| {
            while bytes.next_if(|next| is(*next)).is_some() {
                run += 1;
            }
            run
        };
        tokens += match byte {
            b'a'..=b'z' | b'A'..=b'Z' => same(&|next| next.is_ascii_alphabetic()).div_ceil(6),
            b'0'..=b'9' => same(&|next| next.is_ascii_digit()).div_ceil(3),
            // A blank before a word is part of the word's token.
            b' ' => u64::from(same(&|next| next == b' ') > 1),
            b'\n' | b'\t' | b'\r' => {
                same(&|next| next == byte);
                1
            }
            0x80.. => u64::from(byte >= 0xc0),
            sign => same(&|next| next == sign).div_ceil(4),
        };
    }
    tokens
}

/// Returns an estimate of the tokens of code of which only the size is known.
#[must_use]
pub fn of_bytes(bytes: u64) -> u64 {
    (bytes.saturating_mul(10)).div_ceil(BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_signs_and_blanks_count_by_their_kind() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate("return value"), 2);
        assert_eq!(estimate("    return f(x, 1000)\n"), 10);
        assert_eq!(estimate("======\n"), 3);
        assert_eq!(estimate("é漢字"), 3);
        assert_eq!(of_bytes(3300), 1000);
    }
}
