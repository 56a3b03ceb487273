//! An order in which everything comes after what it needs.

/// `needs[a]` are the places of what `a` needs. Gives an order that is as near to the given one as it can be, or places
/// that need each other in a circle, the first one again at the end.
pub(super) fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut left: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        for need in needs {
            waiting[*need].push(at);
        }
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..needs.len()).filter(|at| left[*at] == 0).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for after in &waiting[next] {
            left[*after] -= 1;
            if left[*after] == 0 {
                ready.insert(*after);
            }
        }
    }
    if order.len() == needs.len() { Ok(order) } else { Err(circle(needs, &left)) }
}

/// From any place that never became ready, each step leads to another one like it.
fn circle(needs: &[Vec<usize>], left: &[usize]) -> Vec<usize> {
    let stuck = |at: &usize| left[*at] > 0;
    let mut at = (0..needs.len()).find(stuck).unwrap_or(0);
    let mut path = vec![at];
    loop {
        at = needs[at].iter().copied().find(stuck).unwrap_or(at);
        if let Some(start) = path.iter().position(|seen| *seen == at) {
            path.push(at);
            return path.split_off(start);
        }
        path.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_after_what_it_needs() {
        assert_eq!(order(&[vec![2], vec![], vec![1], vec![]]), Ok(vec![1, 2, 0, 3]));
        assert_eq!(order(&[vec![], vec![0, 3], vec![1], vec![2]]), Err(vec![1, 3, 2, 1]));
        assert_eq!(order(&[vec![0]]), Err(vec![0, 0]));
        assert_eq!(order(&[]), Ok(vec![]));
    }
}
