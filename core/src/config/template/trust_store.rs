//! `TrustStore` and `TrustStoreRevocation`: whose client certificates are good, and which of them were revoked (guide TS-01 to
//! TS-03, TS-07). Their contents are objects in buckets.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::others::{check_name, check_tags};
use super::resources::{Named, Resource};
use super::shape::{Item, Object};
use crate::config::{Position, Revocation, S3Object, TrustStore};
use crate::tls::{self, Keyring};

/// Guide TS-07: trust stores of an account.
const STORES_MAX: usize = 20;

/// Guide TS-07: revocation lists of a trust store.
const LISTS_PER_STORE_MAX: usize = 30;

/// Bytes of a bucket's name: 63 now, and 255 of those that are older than that rule.
const BUCKET_LEN_MAX: usize = 255;

/// Bytes of an object's key.
const KEY_LEN_MAX: usize = 1024;

const BUNDLE: [&str; 3] =
    ["CaCertificatesBundleS3Bucket", "CaCertificatesBundleS3Key", "CaCertificatesBundleS3ObjectVersion"];

const LIST: [&str; 3] = ["S3Bucket", "S3Key", "S3ObjectVersion"];

/// The trust stores of one template, while they still gather their revocation lists.
pub(super) struct Drafts<'r> {
    keyring: Option<&'r Keyring>,
    drafts: Vec<Draft<'r>>,
}

struct Draft<'r> {
    id: &'r str,
    named: &'r Named,
    at: Position,
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

impl<'r> Drafts<'r> {
    pub(super) fn new(keyring: Option<&'r Keyring>) -> Drafts<'r> {
        Drafts { keyring, drafts: Vec::new() }
    }

    /// Takes in a `TrustStore`.
    pub(super) fn add(&mut self, resource: &'r Resource<'_>, properties: &Item<'r>) {
        if self.drafts.len() == STORES_MAX {
            properties.error(&format!("more than {STORES_MAX} trust stores"));
        }
        let object = properties.object(&[BUNDLE[0], BUNDLE[1], BUNDLE[2], "Name", "Tags"]);
        let bundle = object.and_then(|object| {
            check_name(&object);
            check_tags(&object);
            place(&object, BUNDLE, self.keyring)
        });
        let Resource { id, named, at, .. } = resource;
        self.drafts.push(Draft { id, named, at: *at, item: properties.clone(), bundle, lists: Vec::new() });
    }

    /// Takes in a `TrustStoreRevocation`.
    pub(super) fn revoke(&mut self, properties: &Item<'r>) {
        let Some(object) = properties.object(&["RevocationContents", "TrustStoreArn"]) else {
            return;
        };
        let Some(arn) = object.require("TrustStoreArn") else {
            return;
        };
        let drafts = &mut self.drafts;
        if let Some(draft) = arn.ours("trust store", |text| drafts.iter_mut().find(|draft| draft.named.arn == text)) {
            object.items("RevocationContents").iter().for_each(|item| draft.revoke(item, self.keyring));
        }
    }

    /// The trust stores, in the template's order. Those whose ARN is not among the `used` ones need not be at hand.
    pub(super) fn finish(self, used: &BTreeSet<&str>) -> Vec<TrustStore> {
        let Drafts { keyring, drafts } = self;
        let used = |number: usize, draft: &Draft<'_>| number < STORES_MAX && used.contains(draft.named.arn.as_str());
        let finish = |(number, draft): (usize, Draft<'r>)| {
            let keyring = keyring.filter(|_| used(number, &draft));
            draft.finish(keyring)
        };
        drafts.into_iter().enumerate().map(finish).collect()
    }
}

impl<'r> Draft<'r> {
    fn revoke(&mut self, item: &Item<'r>, keyring: Option<&Keyring>) {
        let Some(object) = item.object(&[LIST[0], LIST[1], LIST[2], "RevocationType"]) else {
            return;
        };
        object.get("RevocationType").map(|kind| kind.one_of(&["CRL"]));
        if self.lists.len() == LISTS_PER_STORE_MAX {
            item.error(&format!("more than {LISTS_PER_STORE_MAX} revocation lists of one trust store"));
        }
        self.lists.push(place(&object, LIST, keyring));
    }

    /// The trust store with its contents. Without a keyring there are none, and nobody is trusted.
    fn finish(self, keyring: Option<&Keyring>) -> TrustStore {
        let contents = keyring.and_then(|keyring| self.load(keyring));
        let object = |place: &Option<Place<'_>>| place.as_ref().map(Place::object);
        let revocations = self.lists.iter().zip(1..).map(|(place, id)| Revocation { id, object: object(place) });
        let revocations: Vec<Revocation> = revocations.collect();
        TrustStore {
            logical_id: self.id.to_owned(),
            name: self.named.name.clone(),
            arn: self.named.arn.clone(),
            bundle: object(&self.bundle),
            revocation_next: revocations.last().map_or(1, |last| last.id.saturating_add(1)),
            revocations,
            contents: Arc::new(contents.unwrap_or_default()),
            position: self.at,
        }
    }

    /// `None` after an error.
    fn load(&self, keyring: &Keyring) -> Option<tls::TrustStore> {
        let bundle = self.bundle.as_ref().and_then(|place| place.load(keyring));
        let lists = self.lists.iter().take(LISTS_PER_STORE_MAX);
        let loaded: Vec<Option<Vec<u8>>> =
            lists.map(|place| place.as_ref().and_then(|place| place.load(keyring))).collect();
        let (bundle, lists) = (bundle?, loaded.into_iter().collect::<Option<Vec<_>>>()?);
        let of = |lists: &[Vec<u8>]| tls::TrustStore::new(&self.named.arn, &bundle, lists, &keyring.provider);
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
    fn object(&self) -> S3Object {
        let Place { item: _, bucket, key, version } = *self;
        S3Object { bucket: bucket.to_owned(), key: key.to_owned(), version: version.map(str::to_owned) }
    }

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
