//! `MutualAuthentication` of a listener: what it asks of its clients (guide MTLS-01).

use super::shape::{Item, Object};
use crate::config::Protocol;

const KNOWN: &[&str] = &["AdvertiseTrustStoreCaNames", "IgnoreClientCertificateExpiry", "Mode", "TrustStoreArn"];

/// What could be read; what could not was reported.
pub(super) enum Read<'v> {
    Off,
    Passthrough,
    Verify { store: Option<Item<'v>>, ignore_expiry: bool, advertise: bool },
}

pub(super) fn read<'v>(item: &Item<'v>, protocol: Option<Protocol>) -> Read<'v> {
    let Some(object) = item.object(KNOWN) else {
        return Read::Off;
    };
    // Whoever writes the block without a mode wants client certificates.
    let mode = object.get("Mode").map_or(Some("passthrough"), |mode| mode.one_of(&["off", "passthrough", "verify"]));
    if protocol == Some(Protocol::Http) && matches!(mode, Some("passthrough" | "verify")) {
        item.error("an HTTP listener has no client certificates");
    }
    let advertise = object.get("AdvertiseTrustStoreCaNames").and_then(|item| item.one_of(&["on", "off"])) == Some("on");
    let ignore_expiry = object.get("IgnoreClientCertificateExpiry").and_then(|item| item.boolean()) == Some(true);
    match mode {
        Some("verify") => {
            let store = object.get("TrustStoreArn");
            if store.is_none() {
                object.error("the mode verify needs TrustStoreArn");
            }
            Read::Verify { store, ignore_expiry, advertise }
        }
        Some(mode) => {
            refuse(&object, "TrustStoreArn", true, mode);
            refuse(&object, "AdvertiseTrustStoreCaNames", advertise, mode);
            refuse(&object, "IgnoreClientCertificateExpiry", ignore_expiry, mode);
            if mode == "off" { Read::Off } else { Read::Passthrough }
        }
        None => Read::Off,
    }
}

/// What only the mode verify has; a switch that is off does no harm.
fn refuse(object: &Object<'_>, name: &str, on: bool, mode: &str) {
    if let Some(item) = object.get(name).filter(|_| on) {
        item.error(&format!("only the mode verify has it, and the mode is {mode}"));
    }
}
