//! `SslPolicy` of a listener: which of the predefined security policies it is (guide TLS-03, TLS-04), whether anything of it
//! can be served here, and whether the listeners of a load balancer agree (TLS-06).

use super::report::quote;
use super::shape::{Item, Object};
use super::spelling::suggestion;
use crate::tls::{Policy, Provider};

/// A policy, and where it is named, if it is.
pub(super) struct Read<'v> {
    pub(super) policy: &'static Policy,
    item: Option<Item<'v>>,
}

/// `None` after an error.
pub(super) fn read<'v>(listener: &Object<'v>, provider: Option<&Provider>) -> Option<Read<'v>> {
    let item = listener.get("SslPolicy");
    let policy = match &item {
        Some(item) => named(item)?,
        None => Policy::default_for_listeners(),
    };
    if provider.is_some_and(|provider| !provider.serves_any(policy)) {
        let problem = unservable(policy);
        item.as_ref().map_or_else(|| listener.error(&problem), |item| item.error(&problem));
    }
    if let Some(item) = item.as_ref().filter(|_| policy.is_fips()) {
        item.warning(&format!(
            "what {} allows is kept to, but the cryptography here is not the validated module that FIPS 140 asks for",
            quote(policy.name)
        ));
    }
    Some(Read { policy, item })
}

fn named(item: &Item<'_>) -> Option<&'static Policy> {
    let name = item.text()?;
    let found = Policy::named(name);
    if found.is_none() {
        item.error(&format!("{} is none of the predefined security policies{}", quote(name), meant(name)));
    }
    found
}

/// Often the beginning that all names have is what is missing.
fn meant(name: &str) -> String {
    let whole = format!("ELBSecurityPolicy-{name}");
    let name = if Policy::named(&whole).is_some() { &whole } else { name };
    suggestion(name, Policy::all().iter().map(|policy| policy.name))
}

/// Why a policy cannot be had.
fn unservable(policy: &Policy) -> String {
    let versions: Vec<&str> = policy.versions().map(|version| version.name()).collect();
    format!(
        "nothing of {} can be served: the cryptography here has none of its cipher suites for {}",
        quote(policy.name),
        versions.join(", ")
    )
}

/// Guide TLS-06: on one load balancer all policies keep to FIPS 140, or none does. Takes the listeners of one, by name.
pub(super) fn check_mixture<'a, 'v: 'a>(listeners: impl Iterator<Item = (&'a str, &'a Read<'v>)> + Clone) {
    let other = listeners.clone().find(|(_, read)| !read.policy.is_fips());
    let fips =
        listeners.filter(|(_, read)| read.policy.is_fips()).find_map(|(_, read)| Some((read, read.item.as_ref()?)));
    if let (Some((other, has)), Some((read, item))) = (other, fips) {
        item.error(&format!(
            "{} keeps to FIPS 140 and {}, which the listener {other} of the same load balancer has, does not; they cannot be mixed",
            quote(read.policy.name),
            quote(has.policy.name)
        ));
    }
}
