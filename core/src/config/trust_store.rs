//! Trust stores as a template declares them (guide TS-01 to TS-03): where their contents are, and the ids of their revocation
//! lists. What is in them is [`tls::TrustStore`]'s.

use std::sync::Arc;

use super::Position;
use crate::tls;

/// A trust store: one bundle of CA certificates, and any number of revocation lists.
#[derive(Clone, Debug)]
pub struct TrustStore {
    /// The resource's name in the template.
    pub logical_id: String,
    /// The `Name` property, or one made from the logical id.
    pub name: String,
    /// `arn:aws:elasticloadbalancing:…:truststore/NAME/16hex`
    pub arn: String,
    /// Where its CA certificates are; `None` if only the account knows.
    pub bundle: Option<S3Object>,
    /// Its revocation lists, in the template's order.
    pub revocations: Vec<Revocation>,
    /// The id of the next list. Ids of lists that are gone are not used again.
    pub revocation_next: u64,
    /// What is in all of them; nothing where no listener verifies with it, or nobody said where objects are.
    pub contents: Arc<tls::TrustStore>,
    /// Where the template declares it.
    pub position: Position,
}

/// An object of a bucket, in one version or the latest (guide TS-02).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the API's")]
pub struct S3Object {
    pub bucket: String,
    pub key: String,
    pub version: Option<String>,
}

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its number within the trust store, from 1 (guide TS-03).
    pub id: u64,
    /// Where it is; `None` if only the account knows.
    pub object: Option<S3Object>,
}

impl TrustStore {
    /// Lists that were there keep their ids, and new ones have ids that none has had.
    pub(super) fn take_over(&mut self, was: &TrustStore) {
        let mut before: Vec<&Revocation> = was.revocations.iter().collect();
        self.revocation_next = was.revocation_next;
        for revocation in &mut self.revocations {
            match before.iter().position(|old| old.object == revocation.object) {
                Some(at) => revocation.id = before.remove(at).id,
                None => {
                    revocation.id = self.revocation_next;
                    self.revocation_next = self.revocation_next.saturating_add(1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::time::Mono;

    fn config(arn: &str, keys: &[&str]) -> Config {
        let object = |key: &str| S3Object { bucket: "b".to_owned(), key: key.to_owned(), version: None };
        let revocations = keys.iter().zip(1..).map(|(key, id)| Revocation { id, object: Some(object(key)) });
        let store = TrustStore {
            logical_id: "Trust".to_owned(),
            name: "trust".to_owned(),
            arn: arn.to_owned(),
            bundle: Some(object("clients.pem")),
            revocations: revocations.collect(),
            revocation_next: keys.len() as u64 + 1,
            contents: Arc::default(),
            position: Position::default(),
        };
        Config { trust_stores: vec![store], ..Config::default() }
    }

    fn next(old: &Config, arn: &str, keys: &[&str]) -> Config {
        config(arn, keys).next(old, Mono::from_nanos(0))
    }

    fn ids(config: &Config) -> Vec<u64> {
        config.trust_stores[0].revocations.iter().map(|revocation| revocation.id).collect()
    }

    #[test]
    fn ids_of_revocation_lists_rise_and_are_never_used_again() {
        let first = config("a", &["x", "y", "z"]);
        assert_eq!(ids(&first), [1, 2, 3]);
        let less = next(&first, "a", &["x", "y"]);
        assert_eq!(ids(&less), [1, 2]);
        let more = next(&less, "a", &["new", "y", "x"]);
        assert_eq!(ids(&more), [4, 2, 1], "3 was used");
        assert_eq!(ids(&next(&more, "a", &["z", "new"])), [5, 4]);
        assert_eq!(ids(&next(&more, "b", &["z", "new"])), [1, 2], "another trust store");
    }

    #[test]
    fn a_list_that_is_there_twice_has_two_ids() {
        let twice = config("a", &["x", "x"]);
        assert_eq!(ids(&next(&twice, "a", &["x", "x", "x"])), [1, 2, 3]);
        assert_eq!(ids(&next(&next(&twice, "a", &["x"]), "a", &["x", "x"])), [1, 3]);
    }
}
