//! Redirect actions (guide RED-*): which components may hold which keywords and characters, and whether
//! anything changes at all.

use super::action::Where;
use super::condition::{check_host, is_path_char, only};
use super::report::quote;
use super::shape::{Item, Object};
use crate::config::Protocol;
use crate::rules::{Redirect, RedirectProtocol, RedirectStatus};

/// Guide RED-05, RED-07, RED-08: characters of a host, a path or a query.
const COMPONENT_LEN_MAX: usize = 128;

pub(super) fn read(item: &Item<'_>, place: &Where<'_>) -> Option<Redirect> {
    let object = item.object(&["Host", "Path", "Port", "Protocol", "Query", "StatusCode"])?;
    let status = status(&object);
    let protocol = protocol(&object, place);
    let host = component(&object, "Host", "#{host}", host);
    let port = component(&object, "Port", "#{port}", port);
    let path = component(&object, "Path", "/#{path}", path);
    let query = component(&object, "Query", "#{query}", query);
    let redirect =
        Redirect { protocol: protocol?, host: host?, port: port?, path: path?, query: query?, status: status? };
    if changes_nothing(&redirect, place) {
        object.error("at least one of Protocol, Host, Port and Path must change, or the redirect leads back to itself");
        return None;
    }
    Some(redirect)
}

/// Guide RED-01.
fn status(object: &Object<'_>) -> Option<RedirectStatus> {
    match object.require("StatusCode")?.one_of(&["HTTP_301", "HTTP_302"])? {
        "HTTP_301" => Some(RedirectStatus::MovedPermanently),
        _ => Some(RedirectStatus::Found),
    }
}

/// Guide RED-04: never from HTTPS to HTTP.
fn protocol(object: &Object<'_>, place: &Where<'_>) -> Option<RedirectProtocol> {
    let Some(item) = object.get("Protocol") else {
        return Some(RedirectProtocol::Same);
    };
    match item.one_of(&["HTTP", "HTTPS", "#{protocol}"])? {
        "HTTPS" => Some(RedirectProtocol::Https),
        "HTTP" if place.protocol == Some(Protocol::Https) => {
            item.error("a redirect from HTTPS to HTTP is not allowed");
            None
        }
        "HTTP" => Some(RedirectProtocol::Http),
        _ => Some(RedirectProtocol::Same),
    }
}

type Check = fn(&Item<'_>, &str) -> bool;

fn component(object: &Object<'_>, name: &str, default: &str, check: Check) -> Option<String> {
    let Some(item) = object.get(name) else {
        return Some(default.to_owned());
    };
    let least = usize::from(name != "Query");
    let text = item.sized(least..=COMPONENT_LEN_MAX)?;
    check(&item, text).then(|| text.to_owned())
}

/// Guide RED-05.
fn host(item: &Item<'_>, text: &str) -> bool {
    let Some(plain) = without_keywords(item, text, &["host"]) else {
        return false;
    };
    // `#{host}` brings its own dot, and its own letters after it.
    let whole = text.replace("#{host}", "host.host");
    let plain_is_clean = only(item, &plain, |char| char.is_ascii_alphanumeric() || "-.*?_;".contains(char));
    plain_is_clean && check_host(item, &whole)
}

/// Guide RED-06.
fn port(item: &Item<'_>, text: &str) -> bool {
    text == "#{port}" || item.port().is_some()
}

/// Guide RED-07.
fn path(item: &Item<'_>, text: &str) -> bool {
    if !text.starts_with('/') {
        item.error(&format!("{} does not begin with a slash", quote(text)));
        return false;
    }
    let plain = without_keywords(item, text, &["host", "port", "path"]);
    plain.is_some_and(|plain| only(item, &plain, is_path_char))
}

/// Guide RED-08.
fn query(item: &Item<'_>, text: &str) -> bool {
    let plain = without_keywords(item, text, &["protocol", "host", "port", "path", "query"]);
    plain.is_some_and(|plain| only(item, &plain, |char| matches!(char, '!'..='~')))
}

const KEYWORDS: [&str; 5] = ["protocol", "host", "port", "path", "query"];

/// Guide RED-09: the text without its keywords; `None` after an error about one that may not stand here, or
/// stands twice.
fn without_keywords(item: &Item<'_>, text: &str, allowed: &[&str]) -> Option<String> {
    let mut plain = text.to_owned();
    for keyword in KEYWORDS {
        let written = format!("#{{{keyword}}}");
        match text.matches(&written).count() {
            0 => continue,
            1 if allowed.contains(&keyword) => plain = plain.replacen(&written, "", 1),
            1 => {
                item.error(&format!("`{written}` cannot stand here"));
                return None;
            }
            _ => {
                item.error(&format!("`{written}` stands here more than once"));
                return None;
            }
        }
    }
    if text.contains("#{") && plain.contains("#{") {
        item.error(&format!("{} has a keyword that does not exist", quote(text)));
        return None;
    }
    Some(plain)
}

/// Guide RED-03: every component stays what the request had, or is what this listener has anyway.
fn changes_nothing(redirect: &Redirect, place: &Where<'_>) -> bool {
    let same_protocol = match redirect.protocol {
        RedirectProtocol::Same => true,
        RedirectProtocol::Http => place.protocol == Some(Protocol::Http),
        RedirectProtocol::Https => place.protocol == Some(Protocol::Https),
    };
    let same_port = redirect.port == "#{port}" || place.port.is_some_and(|port| redirect.port == port.to_string());
    same_protocol && same_port && redirect.host == "#{host}" && redirect.path == "/#{path}"
}
