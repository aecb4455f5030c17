//! `TrustStore` and `TrustStoreRevocation`: whose client certificates are good, and which of them were revoked (guide TS-01 to
//! TS-03, TS-07). Their contents are objects in buckets.

use std::sync::Arc;

use super::others::{check_name, check_tags};
use super::resources::Resource;
use super::shape::{Item, Object};
use crate::tls::{Keyring, TrustStore};

/// Guide TS-07: trust stores of an account.
pub(super) const STORES_MAX: usize = 20;

/// Guide TS-07: revocation lists of a trust store.
const LISTS_PER_STORE_MAX: usize = 30;

/// Bytes of a bucket's name: 63 now, and 255 of those that are older than that rule.
const BUCKET_LEN_MAX: usize = 255;

/// Bytes of an object's key.
const KEY_LEN_MAX: usize = 1024;

const BUNDLE: [&str; 3] =
    ["CaCertificatesBundleS3Bucket", "CaCertificatesBundleS3Key", "CaCertificatesBundleS3ObjectVersion"];

const LIST: [&str; 3] = ["S3Bucket", "S3Key", "S3ObjectVersion"];

/// A trust store that still gathers its revocation lists.
pub(super) struct Draft<'r> {
    pub(super) arn: &'r str,
    item: Item<'r>,
    bundle: Option<Place<'r>>,
    /// In the template's order: the first one has the revocation id 1 (guide TS-03).
    lists: Vec<Option<Place<'r>>>,
}

/// Where something is kept, and what names it.
struct Place<'r> {
    item: Item<'r>,
    bucket: &'r str,
    key: &'r str,
    version: Option<&'r str>,
}

/// What could be read; errors were reported.
pub(super) fn read<'r>(resource: &'r Resource<'_>, properties: &Item<'r>, keyring: Option<&Keyring>) -> Draft<'r> {
    let object = properties.object(&[BUNDLE[0], BUNDLE[1], BUNDLE[2], "Name", "Tags"]);
    let bundle = object.and_then(|object| {
        check_name(&object);
        check_tags(&object);
        place(&object, BUNDLE, keyring)
    });
    Draft { arn: &resource.named.arn, item: properties.clone(), bundle, lists: Vec::new() }
}

/// The properties of a `TrustStoreRevocation`, and the trust store that they name.
pub(super) fn revocation<'r>(properties: &Item<'r>) -> Option<(Object<'r>, Item<'r>)> {
    let object = properties.object(&["RevocationContents", "TrustStoreArn"])?;
    let arn = object.require("TrustStoreArn")?;
    Some((object, arn))
}

impl<'r> Draft<'r> {
    /// Takes in the lists of a `TrustStoreRevocation`.
    pub(super) fn revoke(&mut self, revocation: &Object<'r>, keyring: Option<&Keyring>) {
        for item in revocation.items("RevocationContents") {
            let Some(object) = item.object(&[LIST[0], LIST[1], LIST[2], "RevocationType"]) else {
                continue;
            };
            object.get("RevocationType").map(|kind| kind.one_of(&["CRL"]));
            if self.lists.len() == LISTS_PER_STORE_MAX {
                item.error(&format!("more than {LISTS_PER_STORE_MAX} revocation lists of one trust store"));
            }
            self.lists.push(place(&object, LIST, keyring));
        }
    }

    /// The trust store with its contents. Without a keyring there are none, and nobody is trusted.
    pub(super) fn finish(self, keyring: Option<&Keyring>) -> Arc<TrustStore> {
        let store = keyring.and_then(|keyring| self.load(keyring));
        Arc::new(store.unwrap_or_default())
    }

    /// `None` after an error.
    fn load(&self, keyring: &Keyring) -> Option<TrustStore> {
        let bundle = self.bundle.as_ref().and_then(|place| place.load(keyring));
        let lists = self.lists.iter().take(LISTS_PER_STORE_MAX);
        let loaded: Vec<Option<Vec<u8>>> =
            lists.map(|place| place.as_ref().and_then(|place| place.load(keyring))).collect();
        let (bundle, lists) = (bundle?, loaded.into_iter().collect::<Option<Vec<_>>>()?);
        let of = |lists: &[Vec<u8>]| TrustStore::new(self.arn, &bundle, lists, &keyring.provider);
        match of(&lists) {
            Ok(store) => {
                store.warnings(keyring.now).iter().for_each(|warning| self.item.warning(warning));
                Some(store)
            }
            Err(problem) => {
                // With how many lists it is still good says where the problem is.
                let counts: Vec<usize> = (0..lists.len()).collect();
                let good = counts.partition_point(|&count| of(&lists[..count]).is_ok());
                let place = good.checked_sub(1).map_or(self.bundle.as_ref(), |list| self.lists.get(list)?.as_ref());
                place.into_iter().for_each(|place| place.item.error(&problem.to_string()));
                None
            }
        }
    }
}

/// An object as three properties name it (guide TS-02). Without a keyring nobody needs to know where it is.
fn place<'r>(object: &Object<'r>, names: [&str; 3], keyring: Option<&Keyring>) -> Option<Place<'r>> {
    let text = |item: &Item<'r>, most: usize| match item.unknown() {
        Some(_) if keyring.is_none() => None,
        _ => item.sized(1..=most),
    };
    let bucket = object.require(names[0]).and_then(|item| {
        let name = text(&item, BUCKET_LEN_MAX)?;
        if name.contains('/') {
            item.error("a bucket's name has no slash");
        }
        Some(name)
    });
    let item = object.require(names[1]);
    let key = item.as_ref().and_then(|item| text(item, KEY_LEN_MAX));
    let version = match object.get(names[2]) {
        Some(item) => Some(text(&item, KEY_LEN_MAX)?),
        None => None,
    };
    Some(Place { item: item?, bucket: bucket?, key: key?, version })
}

impl Place<'_> {
    fn load(&self, keyring: &Keyring) -> Option<Vec<u8>> {
        match keyring.vault.object(self.bucket, self.key, self.version) {
            Ok(bytes) => Some(bytes),
            Err(problem) => {
                self.item.error(&problem);
                None
            }
        }
    }
}
