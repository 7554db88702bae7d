//! What is said of lineages, against the definitions spelled out.

use proptest::prelude::*;

use super::*;

fn ids(numbers: &[u64]) -> Vec<RevisionId> {
    numbers.iter().map(|number| RevisionId(*number)).collect()
}

fn lineage(revisions: &[(u64, &[u64])]) -> Lineage {
    Lineage::new(revisions.iter().map(|(id, parents)| (RevisionId(*id), ids(parents)))).unwrap()
}

#[test]
fn parents_children_roots_and_the_line_of_first_parents_are_told() {
    let lineage = lineage(&[(1, &[]), (2, &[1]), (3, &[1]), (4, &[3, 2]), (9, &[])]);
    let id = RevisionId(4);
    assert_eq!(lineage.parents(id), ids(&[3, 2]));
    assert_eq!(lineage.children(RevisionId(1)), ids(&[2, 3]));
    assert_eq!(lineage.roots(), ids(&[1, 9]));
    assert_eq!(lineage.chain(id), ids(&[1, 3, 4]));
    assert_eq!(lineage.ancestors(id), ids(&[1, 2, 3]));
    assert_eq!(lineage.descendants(RevisionId(1)), ids(&[2, 3, 4]));
    assert_eq!(lineage.descendants(RevisionId(2)), ids(&[4]));
    assert_eq!((lineage.is_ancestor(RevisionId(1), id), lineage.is_ancestor(id, id)), (true, false));
    assert_eq!((lineage.chain(RevisionId(7)), lineage.has(RevisionId(7))), (Vec::new(), false));
}

#[test]
fn nearest_common_ancestors_are_one_several_or_none() {
    let criss = lineage(&[(1, &[]), (2, &[1]), (3, &[1]), (4, &[2, 3]), (5, &[3, 2]), (6, &[1]), (9, &[])]);
    let nearest = |one, other| criss.nearest_common_ancestors(RevisionId(one), RevisionId(other));
    assert_eq!(nearest(2, 3), ids(&[1]));
    assert_eq!(nearest(4, 5), ids(&[2, 3]));
    assert_eq!(nearest(2, 4), ids(&[2]));
    assert_eq!(nearest(4, 4), ids(&[4]));
    assert_eq!(nearest(4, 9), ids(&[]));
    assert_eq!(criss.nearest_common(&ids(&[6, 2]), RevisionId(4)), ids(&[2]));
}

#[test]
fn what_is_no_lineage_is_refused() {
    let new = |revisions: &[(u64, &[u64])]| {
        Lineage::new(revisions.iter().map(|(id, parents)| (RevisionId(*id), ids(parents)))).unwrap_err()
    };
    assert_eq!(new(&[(1, &[]), (1, &[])]), LineageFault::Twice(RevisionId(1)));
    let (child, parent) = (RevisionId(2), RevisionId(7));
    assert_eq!(new(&[(1, &[]), (2, &[1, 7])]), LineageFault::NoParent { child, parent });
    assert_eq!(new(&[(1, &[]), (2, &[3]), (3, &[2]), (4, &[3])]), LineageFault::Cycle(RevisionId(2)));
    assert_eq!(new(&[(5, &[5])]), LineageFault::Cycle(RevisionId(5)));
}

#[test]
fn a_chain_of_a_hundred_thousand_is_walked() {
    let last = 100_000;
    let chain =
        Lineage::new((1..=last).map(|id| (RevisionId(id), if id == 1 { vec![] } else { vec![RevisionId(id - 1)] })));
    let chain = chain.unwrap();
    assert_eq!(chain.chain(RevisionId(last)).len(), 100_000);
    assert_eq!(chain.ancestors(RevisionId(last)).len(), 99_999);
    assert_eq!(chain.nearest_common_ancestors(RevisionId(last), RevisionId(3)), ids(&[3]));
}

fn graphs() -> impl Strategy<Value = Vec<(RevisionId, Vec<RevisionId>)>> {
    prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..14).prop_map(|parents| {
        let parents = parents.into_iter().enumerate();
        let parents = parents.map(|(at, parents)| {
            let below: BTreeSet<u64> =
                parents.iter().filter(|_| at > 0).map(|index| index.index(at) as u64 + 1).collect();
            (RevisionId(at as u64 + 1), below.into_iter().map(RevisionId).collect())
        });
        parents.collect()
    })
}

proptest! {
    #[test]
    fn the_nearest_are_the_common_ones_that_are_nobodys_ancestor(graph in graphs()) {
        let lineage = Lineage::new(graph.clone()).unwrap();
        let at_or_above = |id: RevisionId| {
            let mut all: BTreeSet<RevisionId> = lineage.ancestors(id).into_iter().collect();
            all.insert(id);
            all
        };
        for (one, _) in &graph {
            for (other, _) in &graph {
                let common: Vec<RevisionId> = at_or_above(*one).intersection(&at_or_above(*other)).copied().collect();
                let nearest: BTreeSet<RevisionId> = common
                    .iter()
                    .filter(|id| !common.iter().any(|above| lineage.is_ancestor(**id, *above)))
                    .copied()
                    .collect();
                let told: BTreeSet<RevisionId> = lineage.nearest_common_ancestors(*one, *other).into_iter().collect();
                prop_assert_eq!(told, nearest);
            }
        }
    }

    #[test]
    fn the_order_has_parents_first_and_ancestors_are_what_parents_lead_to(graph in graphs()) {
        let lineage = Lineage::new(graph.clone()).unwrap();
        let place = |id: &RevisionId| lineage.order().iter().position(|other| other == id);
        for (id, parents) in &graph {
            prop_assert!(parents.iter().all(|parent| place(parent) < place(id)));
            let mut expected: BTreeSet<RevisionId> = parents.iter().copied().collect();
            expected.extend(parents.iter().flat_map(|parent| lineage.ancestors(*parent)));
            let told: BTreeSet<RevisionId> = lineage.ancestors(*id).into_iter().collect();
            prop_assert_eq!(&told, &expected);
            for ancestor in told {
                prop_assert!(lineage.descendants(ancestor).contains(id));
            }
        }
    }
}
