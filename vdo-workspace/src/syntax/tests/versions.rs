//! Versions that are told one after another get the answer that each gets alone.

use vdo_core::path::RepoPath;
use vdo_core::syntax::Syntax;

use super::samples::SAMPLES;
use crate::syntax::TreeSitterSyntax;

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// Returns a text with some of its lines gone, doubled, moved, changed, or put in further or less far.
fn other_lines(text: &str, numbers: &mut Numbers) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(lines.len());
        let size = 1 + numbers.below(6).min(lines.len() - at - 1);
        let part: Vec<String> = lines[at..at + size].to_vec();
        let to = numbers.below(lines.len() + 1);
        match numbers.below(6) {
            0 => drop(lines.drain(at..at + size)),
            1 => drop(lines.splice(to..to, part)),
            2 => {
                lines.drain(at..at + size);
                let to = to.min(lines.len());
                drop(lines.splice(to..to, part));
            }
            3 => lines[at] = lines[at].replace(['a', 'e', '1'], "xy"),
            4 => lines[at].insert_str(0, "    "),
            _ => lines[at] = lines[at].trim_start().to_owned(),
        }
        if lines.is_empty() {
            lines.push("\n".to_owned());
        }
    }
    lines.concat()
}

/// Returns a text with some of its characters gone or others put in.
fn other_signs(text: &str, numbers: &mut Numbers) -> String {
    let odd =
        ["{", "}", "(", ")", "[", "]", "\"", "'", "\n", ":", ",", "#", "/*", "//", "<", ">", "é", "\\", ";", "x", " "];
    let mut text = text.to_owned();
    for _ in 0..=numbers.below(2) {
        let mut at = numbers.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        match text[at..].chars().next().filter(|_| numbers.below(2) == 0) {
            Some(sign) => text.replace_range(at..at + sign.len_utf8(), ""),
            None => text.insert_str(at, odd[numbers.below(odd.len())]),
        }
    }
    text
}

fn assert_alike(path: &RepoPath, versions: &[&str]) {
    let mut structures = TreeSitterSyntax.structures(path);
    for version in versions {
        let (told, alone) = (structures.of(version), TreeSitterSyntax.structure(path, version));
        assert!(told == alone, "{path}\n{told:#?}\nis not\n{alone:#?}\nof\n{version}\nafter\n{}", versions[0]);
    }
}

#[test]
fn versions_get_the_answers_that_each_gets_alone() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for (_, path, text) in SAMPLES {
        let path: RepoPath = path.parse().unwrap();
        let base = text.to_string();
        assert_alike(&path, &[&base, &base, ""]);
        for _ in 0..40 {
            let (ours, theirs) = (other_lines(&base, &mut numbers), other_lines(&base, &mut numbers));
            let (third, fourth) = (other_signs(&base, &mut numbers), other_lines(&ours, &mut numbers));
            assert_alike(&path, &[&base, &ours, &theirs, &third, &fourth]);
            assert_alike(&path, &[&ours, &theirs, &base]);
        }
    }
}

/// `VDO_SYNTAX_VERSIONS` names a folder with a folder for each case, in which `base`, `ours`, `theirs` and `human` have the ending of
/// the path that `meta.json` tells.
#[test]
#[ignore = "needs a folder of real merges"]
fn versions_of_real_files_get_the_answers_that_each_gets_alone() {
    let folder = std::env::var_os("VDO_SYNTAX_VERSIONS").unwrap();
    for case in std::fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let files: Vec<_> = std::fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path()).collect();
        let read = |name: &str| {
            let file = files.iter().find(|file| file.file_stem().is_some_and(|stem| stem == name)).unwrap();
            (file, std::fs::read_to_string(file).unwrap_or_default())
        };
        let (path, base) = read("base");
        let path = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let texts = ["ours", "theirs", "human"].map(|name| read(name).1);
        assert_alike(&path, &[&base, &texts[0], &texts[1], &texts[2]]);
    }
}
