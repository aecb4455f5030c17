//! What a listener says of TLS (guide LSN-03): an HTTPS listener has a security policy, exactly one certificate of its own and
//! perhaps demands on its clients; an HTTP listener has nothing of it.

use super::certificate::Certificates;
use super::shape::{Item, Object};
use super::{mutual_authentication, ssl_policy};
use crate::config::Protocol;

/// What could be read of an HTTPS listener; what could not was reported.
pub(super) struct Read<'v> {
    pub(super) policy: ssl_policy::Read<'v>,
    pub(super) certificate: Option<Item<'v>>,
    pub(super) mutual: mutual_authentication::Read<'v>,
}

/// `None` for other listeners, and after an error.
pub(super) fn read<'v>(
    listener: &Object<'v>,
    protocol: Option<Protocol>,
    certificates: &Certificates<'v>,
) -> Option<Read<'v>> {
    let certificate = certificate(listener, protocol, certificates);
    let mutual = match listener.get("MutualAuthentication") {
        Some(item) => mutual_authentication::read(&item, protocol),
        None => mutual_authentication::Read::Off,
    };
    match protocol? {
        Protocol::Http => {
            if let Some(policy) = listener.get("SslPolicy") {
                policy.error("an HTTP listener has no SslPolicy");
            }
            None
        }
        Protocol::Https => {
            let policy = ssl_policy::read(listener, certificates.keyring().map(|keyring| &keyring.provider))?;
            Some(Read { policy, certificate, mutual })
        }
    }
}

fn certificate<'v>(
    listener: &Object<'v>,
    protocol: Option<Protocol>,
    certificates: &Certificates<'v>,
) -> Option<Item<'v>> {
    let Some(list) = listener.get("Certificates") else {
        if protocol == Some(Protocol::Https) {
            listener.error("an HTTPS listener needs Certificates");
        }
        return None;
    };
    let arns = certificates.arns(&list);
    match protocol {
        Some(Protocol::Https) if arns.len() != 1 && list.is_list() => {
            list.error("exactly one certificate stands here; others belong into a ListenerCertificate");
        }
        Some(Protocol::Http) if !arns.is_empty() => list.error("an HTTP listener has no certificates"),
        _ => {}
    }
    arns.into_iter().next()
}
