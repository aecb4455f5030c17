//! Sessions by the load balancer's own cookie (guide STK-05 to STK-11, STK-15, STK-20, STK-21, ALG-06), through a whole shard.

mod sticky_support;

use sticky_support::*;

#[test]
fn awsalb_is_issued_with_the_first_response_and_brings_the_client_back_to_its_target() {
    let mut world = World::new(three(60));
    let first = world.get("");
    let cookie = first.pair("AWSALB");
    assert_eq!(cookie.len(), "AWSALB=".len() + 128);
    for _ in 0..5 {
        assert_eq!(world.get_with(&cookie).target, first.target);
    }
    assert_ne!(world.get("").target, first.target);
}
