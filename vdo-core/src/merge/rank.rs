//! Sections that stand in the order of their dates or versions, newest first: change logs.

/// Where the sections of two sides go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    /// Ours above theirs.
    OursFirst,
    /// Theirs above ours.
    TheirsFirst,
    /// Neither would keep the order.
    Broken,
}

/// Returns the order of headings that say a date or a version; the usual one if they say neither.
pub(super) fn sequence<S: AsRef<str>>(ours: &[S], theirs: &[S]) -> Sequence {
    let dates = |side: &[S]| side.iter().filter_map(|heading| date(heading.as_ref())).max();
    if let (Some(our), Some(their)) = (dates(ours), dates(theirs)) {
        // One side's older sections stand between: only if all of it is newer is there an order at all.
        return if their <= our { Sequence::OursFirst } else { Sequence::Broken };
    }
    let versions = |side: &[S]| side.iter().filter_map(|heading| version(heading.as_ref())).collect::<Vec<_>>();
    let (ours, theirs) = (versions(ours), versions(theirs));
    let above = |one: &[Vec<u64>], other: &[Vec<u64>]| one.iter().min() >= other.iter().max();
    if ours.is_empty() || theirs.is_empty() || above(&ours, &theirs) {
        Sequence::OursFirst
    } else if above(&theirs, &ours) {
        Sequence::TheirsFirst
    } else {
        Sequence::Broken
    }
}

/// Returns the date in a heading, `2014-09-24`, as a number that grows with time.
fn date(heading: &str) -> Option<u64> {
    let is_break = |c: char| !c.is_ascii_digit() && c != '-';
    heading.split(is_break).find_map(|word| {
        let parts: Vec<&str> = word.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return None };
        let fits = year.len() == 4 && month.len() == 2 && day.len() == 2;
        fits.then(|| word.replace('-', "").parse().ok()).flatten()
    })
}

/// Returns the version in a heading, `1.43.2`, part by part.
fn version(heading: &str) -> Option<Vec<u64>> {
    heading.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let parts: Vec<u64> = word.trim_matches('.').split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        (parts.len() >= 2).then_some(parts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_dates_put_the_newer_first_or_nothing() {
        assert_eq!(sequence(&["1.47.0 (July 25th, 2025)", "1.46.0"], &["1.43.2"]), Sequence::OursFirst);
        assert_eq!(sequence(&["Version 2.1"], &["Version 2.2"]), Sequence::TheirsFirst);
        assert_eq!(sequence(&["2.3", "2.1"], &["2.2"]), Sequence::Broken);
        assert_eq!(sequence(&["4.9.4 / 2014-09-19"], &["3.17.5 / 2014-09-24"]), Sequence::Broken);
        assert_eq!(sequence(&["4.9.4 / 2014-09-24"], &["3.17.5 / 2014-09-24"]), Sequence::OursFirst);
        assert_eq!(sequence(&["Use"], &["Risk"]), Sequence::OursFirst);
    }
}
