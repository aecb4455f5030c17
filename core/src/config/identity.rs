//! Names that nobody chose: ARNs, DNS names and generated names. They follow from the stack's name and the
//! resource's logical id alone, so that a resource keeps its identity when a template is read again.

#![cfg_attr(not(feature = "template"), allow(dead_code, reason = "the template reader alone needs all of it"))]

/// Where a configuration pretends to live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    /// `AWS::Region`
    pub(crate) region: &'a str,
    /// `AWS::AccountId`
    pub(crate) account: &'a str,
    /// `AWS::StackName`
    pub(crate) stack: &'a str,
}

/// How many characters a load balancer's or target group's name may have (guide LB-01, TG-01).
pub(crate) const NAME_LEN_MAX: usize = 32;

impl Identity<'_> {
    /// `arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/16hex` (guide LB-02)
    pub(crate) fn load_balancer_arn(&self, logical_id: &str, name: &str) -> String {
        self.arn(&format!("loadbalancer/app/{name}/{:016x}", self.hash("loadbalancer", logical_id)))
    }

    /// `…:targetgroup/NAME/16hex` (guide TG-01)
    pub(crate) fn group_arn(&self, logical_id: &str, name: &str) -> String {
        self.arn(&format!("targetgroup/{name}/{:016x}", self.hash("targetgroup", logical_id)))
    }

    /// `…:listener/app/NAME/LB16/L16` (guide LSN-02), of a listener of the load balancer with this ARN.
    pub(crate) fn listener_arn(&self, logical_id: &str, load_balancer_arn: &str) -> String {
        let parent =
            load_balancer_arn.split_once(":loadbalancer/").map_or("app/unknown/0000000000000000", |(_, id)| id);
        self.arn(&format!("listener/{parent}/{:016x}", self.hash("listener", logical_id)))
    }

    /// `…:listener-rule/app/NAME/LB16/L16/R16`, of a rule of the listener with this ARN.
    pub(crate) fn rule_arn(&self, logical_id: &str, listener_arn: &str) -> String {
        let parent = listener_arn.split_once(":listener/").map_or("app/unknown/0000000000000000", |(_, id)| id);
        self.arn(&format!("listener-rule/{parent}/{:016x}", self.hash("listener-rule", logical_id)))
    }

    /// `…:truststore/NAME/16hex`
    pub(crate) fn trust_store_arn(&self, logical_id: &str, name: &str) -> String {
        self.arn(&format!("truststore/{name}/{:016x}", self.hash("truststore", logical_id)))
    }

    /// `arn:aws:acm:REGION:ACCOUNT:certificate/LOGICALID`: certificates that somebody else keeps go by the template's name for
    /// them, so that an operator can say which file is meant.
    pub(crate) fn certificate_arn(&self, logical_id: &str) -> String {
        format!("arn:aws:acm:{}:{}:certificate/{logical_id}", self.region, self.account)
    }

    /// `arn:aws:iam::ACCOUNT:server-certificate/PATH/NAME`; the path begins and ends with a slash.
    pub(crate) fn server_certificate_arn(&self, path: &str, name: &str) -> String {
        format!("arn:aws:iam::{}:server-certificate{path}{name}", self.account)
    }

    /// `NAME-NUMBER.REGION.elb.amazonaws.com`; `internal-` leads for internal load balancers.
    pub(crate) fn dns_name(&self, logical_id: &str, name: &str, internal: bool) -> String {
        let prefix = if internal { "internal-" } else { "" };
        let number = self.hash("dns", logical_id) % 10_000_000_000;
        format!("{prefix}{name}-{number:010}.{}.elb.amazonaws.com", self.region)
    }

    /// A name for a resource that has none: what fits of the logical id, and a hash that keeps it apart.
    pub(crate) fn generated_name(&self, logical_id: &str) -> String {
        let suffix = format!("-{:08x}", self.hash("name", logical_id) >> 32);
        let mut name: String = logical_id.chars().filter(char::is_ascii_alphanumeric).collect();
        name.truncate(NAME_LEN_MAX - suffix.len());
        name + &suffix
    }

    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:elasticloadbalancing:{}:{}:{resource}", self.region, self.account)
    }

    fn hash(&self, kind: &str, logical_id: &str) -> u64 {
        fnv1a(&[self.stack, kind, logical_id])
    }
}

/// FNV-1a, 64 bits, over the parts with a zero byte after each. Not `Hasher`: the result must never change.
fn fnv1a(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Identity<'_> = Identity { region: "us-east-1", account: "123456789012", stack: "s" };

    #[test]
    fn arns_have_the_shapes_of_the_api_and_never_change() {
        let arn = HERE.load_balancer_arn("Web", "web");
        let (head, id) = arn.rsplit_once('/').expect("an id");
        assert_eq!(head, "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web");
        assert_eq!(id.len(), 16);
        assert_eq!(arn, HERE.load_balancer_arn("Web", "web"));
        let listener = HERE.listener_arn("L", &arn);
        assert!(listener.contains(&format!(":listener/app/web/{id}/")), "{listener}");
        let rule = HERE.rule_arn("R", &listener);
        assert!(rule.contains(&format!(":listener-rule/app/web/{id}/")), "{rule}");
        assert_eq!(fnv1a(&[]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(&["a"]), 0x089b_e207_b544_f1e4);
    }

    #[test]
    fn resources_and_stacks_have_ids_of_their_own() {
        let other = Identity { stack: "t", ..HERE };
        assert_ne!(HERE.group_arn("A", "n"), HERE.group_arn("B", "n"));
        assert_ne!(HERE.group_arn("A", "n"), other.group_arn("A", "n"));
    }

    #[test]
    fn generated_names_fit_and_are_valid() {
        for id in ["A", "AVeryLongLogicalIdThatGoesOnAndOnAndOnAndOn"] {
            let name = HERE.generated_name(id);
            assert!(name.len() <= NAME_LEN_MAX && name.starts_with('A'), "{name}");
        }
        assert!(HERE.dns_name("A", "n", true).starts_with("internal-n-"));
    }
}
