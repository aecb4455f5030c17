//! `AWS::IAM::ServerCertificate`: a certificate whose text stands in the template, key and all (guide CERT-07). Messages never
//! show that text.

use super::certificate::is_name;
use super::others::check_tags;
use super::report::quote;
use super::shape::{Item, Object};
use crate::tls::Pem;

const KNOWN: &[&str] = &["CertificateBody", "CertificateChain", "Path", "PrivateKey", "ServerCertificateName", "Tags"];

/// Characters of a certificate, and of a key, as the API takes them.
const TEXT_LEN_MAX: usize = 16 * 1024;

/// Characters of the certificates that lead to the root.
const CHAIN_LEN_MAX: usize = 2 * 1024 * 1024;

/// Characters of a path, slashes at both ends included.
const PATH_LEN_MAX: usize = 512;

/// The texts, if they are known here; errors were reported.
pub(super) fn read(properties: &Item<'_>) -> Option<Pem> {
    let object = properties.object(KNOWN)?;
    check_tags(&object);
    check_name(&object);
    let body = object.require("CertificateBody").and_then(|item| text(&item, TEXT_LEN_MAX));
    let key = object.require("PrivateKey").and_then(|item| text(&item, TEXT_LEN_MAX));
    let rest = match object.get("CertificateChain") {
        Some(item) => text(&item, CHAIN_LEN_MAX)?,
        None => "",
    };
    Some(Pem { chain: format!("{}\n{rest}", body?).into_bytes(), key: key?.as_bytes().to_vec() })
}

fn text<'v>(item: &Item<'v>, most: usize) -> Option<&'v str> {
    if item.unknown().is_some() {
        return None;
    }
    item.sized(1..=most)
}

/// Name and path make the ARN.
fn check_name(object: &Object<'_>) {
    if let Some(item) = object.get("ServerCertificateName")
        && let Some(name) = item.text().filter(|name| !is_name(name))
    {
        item.error(&format!("{} is not 1 to 128 letters, digits and any of `_+=,.@-`", quote(name)));
    }
    if let Some(item) = object.get("Path")
        && let Some(path) = item.sized(1..=PATH_LEN_MAX)
        && !is_path(path)
    {
        item.error(&format!("{} does not begin and end with a slash, with names between slashes", quote(path)));
    }
}

fn is_path(path: &str) -> bool {
    match path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest)) {
        Some("") => path == "/",
        Some(names) => path.ends_with('/') && names.split('/').all(is_name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_names_between_slashes() {
        assert!(["/", "/a/", "/cloud/front/"].into_iter().all(is_path));
        assert!(!["", "a", "/a", "a/", "//", "/a//b/", "/../"].into_iter().any(is_path));
    }
}
