//! What two members cannot both have.

use crate::structure::{Claim, ClaimKind};

/// Tells whether one text cannot have both.
pub(super) fn clash(one: &Claim, other: &Claim) -> bool {
    if one.kind != other.kind {
        return false;
    }
    one.text == other.text || (one.kind == ClaimKind::OrderedRoute && overlap(&one.text, &other.text))
}

/// Says what they clash about.
pub(super) fn reason(one: &Claim, other: &Claim) -> String {
    let kind = one.kind.as_str();
    if one.text == other.text {
        format!("both sides added the {kind} `{}`", one.text)
    } else {
        format!("the {kind}s `{}` and `{}` fit the same address, and the first would win", one.text, other.text)
    }
}

/// Tells whether two patterns fit one address: `GET /users/:id` and `GET /users/new`.
fn overlap(one: &str, other: &str) -> bool {
    let segments = |route: &str| route.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (segments(one), segments(other));
    let wild = |segment: &str| segment.starts_with([':', '{', '<', '*', '(']) || segment.contains('*');
    let rest =
        |segment: Option<&String>| segment.is_some_and(|segment| segment.contains('*') || segment.contains(":path"));
    let mut any = false;
    for (left, right) in one.iter().zip(&other) {
        if left == right {
            continue;
        }
        if !wild(left) && !wild(right) {
            return false;
        }
        any = true;
        if rest(Some(left)) || rest(Some(right)) {
            return true;
        }
    }
    any && one.len() == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_fit_one_address_overlap() {
        assert!(overlap("GET /users/:id", "GET /users/new"));
        assert!(overlap("GET /users/{id}", "GET /users/me"));
        assert!(overlap("GET /files/*", "GET /files/a/b"));
        assert!(!overlap("GET /users/:id", "POST /users/new"));
        assert!(!overlap("GET /users/:id", "GET /users/:id/edit"));
        assert!(!overlap("GET /a", "GET /b"));
    }
}
