//! Certificates of listeners: their ARNs (guide CERT-01, CERT-04), and the identities behind them. Each is loaded once,
//! however many listeners show it, and what is wrong with it is said where it is first named.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::report::quote;
use super::resources::Resource;
use super::server_certificate;
use super::shape::Item;
use crate::tls::{Identity, Keyring, Pem};

/// The longest name of a certificate, as server certificates have them.
const NAME_LEN_MAX: usize = 128;

/// The certificates of one template.
pub(super) struct Certificates<'r> {
    keyring: Option<&'r Keyring>,
    /// Those that are resources of the template: their names and logical ids.
    own: BTreeMap<&'r str, &'r str>,
    /// By ARN; `None` after an error.
    loaded: BTreeMap<String, Option<Arc<Identity>>>,
}

impl<'r> Certificates<'r> {
    pub(super) fn new(keyring: Option<&'r Keyring>) -> Certificates<'r> {
        Certificates { keyring, own: BTreeMap::new(), loaded: BTreeMap::new() }
    }

    pub(super) fn keyring(&self) -> Option<&'r Keyring> {
        self.keyring
    }

    /// Takes in a certificate that stands in the template itself (guide CERT-07). Where only the account knows its texts, the
    /// vault is asked like for any other.
    pub(super) fn add_own(&mut self, resource: &'r Resource<'_>, properties: &Item<'r>) {
        self.own.insert(&resource.named.name, resource.id);
        if let (Some(pem), Some(keyring)) = (server_certificate::read(properties), self.keyring) {
            let arn = &resource.named.arn;
            self.loaded.insert(arn.clone(), identity(arn, &pem, keyring, properties));
        }
    }

    /// The ARNs of a list of `CertificateArn`. An entry whose ARN is `AWS::NoValue` is none. Without a keyring a list that
    /// only the account knows does no harm.
    pub(super) fn arns(&self, list: &Item<'r>) -> Vec<Item<'r>> {
        if list.unknown().is_some() && self.keyring.is_none() {
            return Vec::new();
        }
        let arn = |item: &Item<'r>| item.object(&["CertificateArn"]).and_then(|object| object.get("CertificateArn"));
        let arns: Vec<Item<'r>> = list.items().iter().filter_map(arn).collect();
        arns.iter().for_each(|arn| self.check(arn));
        arns
    }

    fn check(&self, item: &Item<'_>) {
        // Without a keyring nobody needs to know which certificate it is.
        let text = if self.keyring.is_some() { item.text() } else { item.opaque() };
        let Some(text) = text.filter(|text| !is_arn(text)) else {
            return;
        };
        match self.own.get(text) {
            Some(id) => item.error(&format!("{} is the name of {id}; its ARN is !GetAtt {id}.Arn", quote(text))),
            None => item.error(&format!(
                "{} is no ARN of a certificate: arn:aws:acm:REGION:ACCOUNT:certificate/NAME or \
                 arn:aws:iam::ACCOUNT:server-certificate/NAME",
                quote(text)
            )),
        }
    }

    /// The certificate of that ARN. `None` without a keyring, or after an error.
    pub(super) fn load(&mut self, item: &Item<'_>) -> Option<Arc<Identity>> {
        let keyring = self.keyring?;
        let arn = item.opaque().filter(|arn| is_arn(arn))?;
        if let Some(known) = self.loaded.get(arn) {
            return known.clone();
        }
        let found = match keyring.vault.certificate(arn) {
            Ok(pem) => identity(arn, &pem, keyring, item),
            Err(problem) => {
                item.error(&problem);
                None
            }
        };
        self.loaded.insert(arn.to_owned(), found.clone());
        found
    }
}

/// Reads a certificate; what there is to say of it is said at `item`.
fn identity(arn: &str, pem: &Pem, keyring: &Keyring, item: &Item<'_>) -> Option<Arc<Identity>> {
    match Identity::from_pem(arn, &pem.chain, &pem.key, &keyring.provider) {
        Ok(identity) => {
            identity.warnings(keyring.now).iter().for_each(|warning| item.warning(warning));
            Some(Arc::new(identity))
        }
        Err(problem) => {
            item.error(&problem.to_string());
            None
        }
    }
}

/// `arn:aws:acm:REGION:ACCOUNT:certificate/NAME`, or `arn:aws:iam::ACCOUNT:server-certificate/NAME` with a path before the
/// name. The name may become that of a file, so it must be one that leads nowhere else.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let whose = partition.starts_with("aws") && plain(partition) && !account.is_empty() && plain(account);
    whose
        && match service {
            "acm" => !region.is_empty() && plain(region) && resource.strip_prefix("certificate/").is_some_and(is_name),
            "iam" => {
                let path = resource.strip_prefix("server-certificate/").map(|path| path.split('/'));
                region.is_empty() && path.is_some_and(|mut path| path.all(is_name))
            }
            _ => false,
        }
}

/// Whether a certificate may have that name.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=NAME_LEN_MAX).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_certificates_are_those_of_two_services_and_their_names_lead_nowhere_else() {
        for good in [
            "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
            "arn:aws-us-gov:acm:us-gov-west-1:123456789012:certificate/a.b_c",
            "arn:aws:iam::123456789012:server-certificate/web",
            "arn:aws:iam::123456789012:server-certificate/cloud/front/web+=,.@-",
        ] {
            assert!(is_arn(good), "{good}");
        }
        for bad in [
            "",
            "c",
            "arn:aws:acm:us-east-1:123456789012",
            "arn:aws:acm:us-east-1:123456789012:certificate/",
            "arn:aws:acm:us-east-1:123456789012:certificate/a/b",
            "arn:aws:acm:us-east-1:123456789012:certificate/..",
            "arn:aws:acm:us-east-1:123456789012:certificate/a b",
            "arn:aws:acm:us-east-1:123456789012:certificate/a:b",
            "arn:aws:acm::123456789012:certificate/a",
            "arn:aws:acm:us-east-1::certificate/a",
            "arn:gcp:acm:us-east-1:123456789012:certificate/a",
            "arn:aws:iam:us-east-1:123456789012:server-certificate/a",
            "arn:aws:iam::123456789012:server-certificate/../a",
            "arn:aws:iam::123456789012:server-certificate//a",
            "arn:aws:iam::123456789012:server-certificate/a/",
            "arn:aws:iam::123456789012:role/a",
        ] {
            assert!(!is_arn(bad), "{bad}");
        }
        assert!(is_name(&"n".repeat(128)) && !is_name(&"n".repeat(129)));
    }
}
