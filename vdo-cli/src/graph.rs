//! A graph as lines of text, newest first, as `git log --graph` draws it.

/// Something with a number and the numbers of its parents.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: u64,
    pub(crate) parents: Vec<u64>,
    pub(crate) text: String,
}

/// Draws nodes, of which each comes before its parents.
pub(crate) fn draw(nodes: &[Node]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut lanes: Vec<u64> = Vec::new();
    for node in nodes {
        let at = lanes.iter().position(|lane| *lane == node.id).unwrap_or(lanes.len());
        if at == lanes.len() {
            lanes.push(node.id);
        }
        while let Some(other) = lanes.iter().rposition(|lane| *lane == node.id).filter(|other| *other > at) {
            lines.push(joined(lanes.len(), at, other));
            lanes.remove(other);
        }
        let marks = (0..lanes.len()).map(|lane| if lane == at { "*" } else { "|" });
        lines.push(format!("{} {}", marks.collect::<Vec<_>>().join(" "), node.text));
        lanes.remove(at);
        for (offset, parent) in node.parents.iter().enumerate() {
            lanes.insert(at + offset, *parent);
            if offset > 0 {
                let below = (0..lanes.len()).map(|lane| if lane < at + offset { "|" } else { "\\" });
                let text: Vec<&str> = below.collect();
                // The new lane leaves the one before it.
                let (left, right) = text.split_at(at + offset);
                lines.push(format!("{}{}", left.join(" "), right.join(" ")));
            }
        }
    }
    lines
}

/// Draws how the lane `other` of `count` goes over into the lane `at` on its left.
fn joined(count: usize, at: usize, other: usize) -> String {
    let mut line = String::new();
    for lane in 0..count {
        let (mark, gap) = match lane {
            _ if lane + 1 == other => ("|", "/"),
            _ if lane == other => ("", ""),
            _ if lane > other => (" /", ""),
            _ if lane >= at => ("|", "_"),
            _ => ("|", " "),
        };
        line.push_str(mark);
        line.push_str(gap);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(nodes: &[(u64, &[u64])]) -> String {
        let nodes: Vec<Node> = nodes
            .iter()
            .map(|(id, parents)| Node { id: *id, parents: parents.to_vec(), text: format!("#{id}") })
            .collect();
        draw(&nodes).join("\n")
    }

    #[test]
    fn chains_forks_and_merges_are_drawn_as_git_draws_them() {
        assert_eq!(drawn(&[(3, &[2]), (2, &[1]), (1, &[])]), "* #3\n* #2\n* #1");
        assert_eq!(drawn(&[(4, &[2, 3]), (3, &[1]), (2, &[1]), (1, &[])]), "* #4\n|\\\n| * #3\n* | #2\n|/\n* #1");
        assert_eq!(
            drawn(&[(5, &[2, 3, 4]), (4, &[1]), (3, &[1]), (2, &[1]), (1, &[])]),
            "* #5\n|\\\n| |\\\n| | * #4\n| * | #3\n* | | #2\n|_|/\n|/\n* #1"
        );
    }
}
