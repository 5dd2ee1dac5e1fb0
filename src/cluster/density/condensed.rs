//! From rows joined by distance to clusters: those that last longest while the distance shrinks.

use std::collections::VecDeque;

use super::reach::Edge;

/// Two groups that become one.
struct Merge {
    children: [usize; 2],
    distance: f64,
    size: usize,
}

/// A cluster of the tree that is left when groups below the least size are no clusters.
struct Branch {
    parent: usize,
    /// 1 over the distance at which it parts from its parent.
    birth: f64,
    /// How long its rows stay in it, all together.
    stability: f64,
}

/// The cluster of each of `n` rows, numbered in no order that matters; `None` for noise. A cluster has at least `least`
/// rows, 2 or more. Taken are the clusters whose rows stay in them longest all together (excess of mass), never all rows
/// as one.
///
/// Reference: Campello, Moulavi and Sander 2013.
pub(super) fn clusters(edges: &[Edge], n: usize, least: usize) -> Vec<Option<usize>> {
    let merges = merges(edges, n);
    let (mut branches, leaves) = condensed(&merges, n, least);
    let mut children = vec![0.0; branches.len()];
    let mut is_taken = vec![false; branches.len()];
    // A branch has a lower number than those that part from it.
    for at in (1..branches.len()).rev() {
        is_taken[at] = branches[at].stability > children[at];
        if !is_taken[at] {
            branches[at].stability = children[at];
        }
        children[branches[at].parent] += branches[at].stability;
    }
    let mut cluster: Vec<Option<usize>> = vec![None; branches.len()];
    for at in 1..branches.len() {
        cluster[at] = cluster[branches[at].parent].or_else(|| is_taken[at].then_some(at));
    }
    leaves.into_iter().map(|branch| cluster[branch]).collect()
}

/// Groups below `n` are single rows; merge `i` makes group `n + i`.
fn merges(edges: &[Edge], n: usize) -> Vec<Merge> {
    let mut group_of: Vec<usize> = (0..2 * n - 1).collect();
    let mut find = |mut group: usize, joined: Option<usize>| {
        while group_of[group] != group {
            group_of[group] = group_of[group_of[group]];
            group = group_of[group];
        }
        if let Some(into) = joined {
            group_of[group] = into;
        }
        group
    };
    let mut merges: Vec<Merge> = Vec::with_capacity(edges.len());
    for edge in edges {
        let children = [find(edge.a, None), find(edge.b, None)];
        let size = children.iter().map(|group| size(&merges, n, *group)).sum();
        for group in children {
            find(group, Some(n + merges.len()));
        }
        merges.push(Merge { children, distance: edge.distance, size });
    }
    merges
}

fn size(merges: &[Merge], n: usize, group: usize) -> usize {
    group.checked_sub(n).map_or(1, |merge| merges[merge].size)
}

/// The clusters, the first of which holds all rows, and for each row the last one that it is in.
fn condensed(merges: &[Merge], n: usize, least: usize) -> (Vec<Branch>, Vec<usize>) {
    let mut branches = vec![Branch { parent: 0, birth: 0.0, stability: 0.0 }];
    let mut leaves = vec![0; n];
    let mut open = VecDeque::from([(2 * n - 2, 0)]);
    while let Some((group, branch)) = open.pop_front() {
        let Some(Merge { children, distance, .. }) = group.checked_sub(n).map(|merge| &merges[merge]) else {
            continue;
        };
        let lambda = if *distance > 0.0 { 1.0 / distance } else { f64::INFINITY };
        let is_cluster = children.map(|group| size(merges, n, group) >= least);
        let birth = branches[branch].birth;
        for (group, is_cluster_too) in children.iter().zip(is_cluster) {
            match (is_cluster_too, is_cluster) {
                (true, [true, true]) => {
                    branches[branch].stability += (lambda - birth) * size(merges, n, *group) as f64;
                    open.push_back((*group, branches.len()));
                    branches.push(Branch { parent: branch, birth: lambda, stability: 0.0 });
                }
                (true, _) => open.push_back((*group, branch)),
                (false, _) => {
                    for row in rows_of(merges, n, *group) {
                        branches[branch].stability += lambda - birth;
                        leaves[row] = branch;
                    }
                }
            }
        }
    }
    (branches, leaves)
}

fn rows_of(merges: &[Merge], n: usize, group: usize) -> Vec<usize> {
    let (mut open, mut rows) = (VecDeque::from([group]), Vec::new());
    while let Some(group) = open.pop_front() {
        match group.checked_sub(n) {
            None => rows.push(group),
            Some(merge) => open.extend(merges[merge].children),
        }
    }
    rows
}
