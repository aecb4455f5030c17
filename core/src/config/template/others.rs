//! What several resources share (names, tags), and the resources that are only checked so far: listener
//! certificates, trust stores and their revocations.

use std::collections::BTreeSet;

use super::report::quote;
use super::shape::{Item, Object};
use crate::config::identity::NAME_LEN_MAX;

/// Guide LB-01, TG-01: up to 32 letters, digits and hyphens, no hyphen at an end.
pub(super) fn check_name(object: &Object<'_>) {
    let Some(item) = object.get("Name") else {
        return;
    };
    let Some(name) = item.sized(1..=NAME_LEN_MAX) else {
        return;
    };
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        item.error(&format!("{} has characters other than letters, digits and hyphens", quote(name)));
    }
    if name.starts_with('-') || name.ends_with('-') {
        item.error(&format!("{} begins or ends with a hyphen", quote(name)));
    }
}

/// The most tags that a resource may have.
const TAGS_MAX: usize = 50;

pub(super) fn check_tags(object: &Object<'_>) {
    let Some(list) = object.get("Tags").filter(|list| list.unknown().is_none()) else {
        return;
    };
    let items = list.items();
    if let Some(first_too_many) = items.get(TAGS_MAX) {
        first_too_many.error(&format!("more than {TAGS_MAX} tags"));
    }
    let mut keys = BTreeSet::new();
    for item in &items {
        let Some(tag) = item.object(&["Key", "Value"]) else {
            continue;
        };
        if let Some(value) = tag.get("Value").filter(|value| value.unknown().is_none()) {
            value.sized(0..=256);
        }
        let Some(key) = tag.require("Key").filter(|key| key.unknown().is_none()) else {
            continue;
        };
        if let Some(text) = key.sized(1..=128)
            && !keys.insert(text)
        {
            key.error(&format!("the tag {} is given twice", quote(text)));
        }
    }
}

/// `ListenerCertificate`: refers to a listener; certificates are not served yet.
pub(super) fn check_listener_certificate(properties: &Item<'_>) {
    let Some(object) = properties.object(&["Certificates", "ListenerArn"]) else {
        return;
    };
    object.require("ListenerArn").map(|item| item.opaque());
    if let Some(list) = object.require("Certificates") {
        check_certificates(&list);
    }
}

/// A list of `CertificateArn`; how many there are. An entry whose ARN is `AWS::NoValue` is none.
pub(super) fn check_certificates(list: &Item<'_>) -> usize {
    let is_one = |item: &Item<'_>| {
        let certificate = item.object(&["CertificateArn"]).and_then(|object| object.get("CertificateArn"));
        certificate.map(|arn| arn.opaque()).is_some()
    };
    list.items().iter().filter(|item| is_one(item)).count()
}

/// `TrustStore`.
pub(super) fn check_trust_store(properties: &Item<'_>) {
    let bundle = ["CaCertificatesBundleS3Bucket", "CaCertificatesBundleS3Key", "CaCertificatesBundleS3ObjectVersion"];
    let Some(object) = properties.object(&[bundle[0], bundle[1], bundle[2], "Name", "Tags"]) else {
        return;
    };
    check_name(&object);
    for name in bundle {
        object.get(name).map(|item| item.opaque());
    }
    check_tags(&object);
}

/// `TrustStoreRevocation`.
pub(super) fn check_revocation(properties: &Item<'_>) {
    let Some(object) = properties.object(&["RevocationContents", "TrustStoreArn"]) else {
        return;
    };
    object.get("TrustStoreArn").map(|item| item.opaque());
    for content in object.items("RevocationContents") {
        let Some(content) = content.object(&["RevocationType", "S3Bucket", "S3Key", "S3ObjectVersion"]) else {
            continue;
        };
        content.get("RevocationType").map(|kind| kind.one_of(&["CRL"]));
        for name in ["S3Bucket", "S3Key", "S3ObjectVersion"] {
            content.get(name).map(|item| item.opaque());
        }
    }
}
