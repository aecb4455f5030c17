//! Shares of weighted target groups.

use sluicegate::rules::{Forward, GroupId, WeightedGroup};

fn forward(weights: &[u16]) -> Forward {
    let group = |(at, &weight)| WeightedGroup { group: GroupId(at as u32), weight };
    Forward { groups: weights.iter().enumerate().map(group).collect(), stickiness: None }
}

#[test]
fn each_group_gets_its_weight_over_the_sum() {
    let forward = forward(&[10, 0, 20, 5]);
    let mut got = [0; 4];
    for drawn in 0..35 {
        let group = forward.choose(|below| {
            assert_eq!(below, 35);
            drawn
        });
        got[group.unwrap().0 as usize] += 1;
    }
    assert_eq!(got, [10, 0, 20, 5]);
}

#[test]
fn a_group_that_is_alone_needs_no_chance() {
    let never = |_| unreachable!();
    assert_eq!(forward(&[1]).choose(never), Some(GroupId(0)));
    assert_eq!(forward(&[0, 7, 0]).choose(|_| unreachable!()), Some(GroupId(1)));
}

#[test]
fn no_weight_is_no_group() {
    assert_eq!(forward(&[0, 0]).choose(|_| unreachable!()), None);
    assert_eq!(forward(&[]).choose(|_| unreachable!()), None);
}

#[test]
fn a_number_out_of_range_still_gives_a_group() {
    assert_eq!(forward(&[1, 1]).choose(|_| u32::MAX), Some(GroupId(1)));
}
