//! Conditions of a rule (guide COND-*, RULE-07, RULE-08), in both forms: `Field` with `Values`, and `Field` with
//! a `…Config`.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::report::quote;
use super::shape::{Item, Object};
use crate::rules::{Condition, Pattern, QueryPair};

/// Guide RULE-08: match evaluations of one condition. `source-ip` may use all that a rule has (`wire.md` H19).
const VALUES_PER_CONDITION_MAX: usize = 3;

/// Guide QUO-07: match evaluations, that is values, of one rule.
const VALUES_PER_RULE_MAX: usize = 5;

/// Guide RULE-08: wildcard characters of one rule.
const WILDCARDS_PER_RULE_MAX: usize = 5;

/// Guide COND-01, COND-04, COND-08, COND-11: characters of a value.
const VALUE_LEN_MAX: usize = 128;

/// Guide COND-08, COND-10: characters of a header name or method.
const NAME_LEN_MAX: usize = 40;

const KNOWN: &[&str] = &[
    "Field",
    "HTTPHeaderConfig",
    "HostHeaderConfig",
    "HttpHeaderConfig",
    "HttpRequestMethodConfig",
    "PathPatternConfig",
    "QueryStringConfig",
    "RegexValues",
    "SourceIpConfig",
    "Values",
];

const FIELDS: &[&str] =
    &["host-header", "path-pattern", "http-header", "http-request-method", "query-string", "source-ip"];

/// The conditions of a rule, with what the limits count.
pub(super) fn read_all(list: &Item<'_>) -> Vec<Condition> {
    let items = list.items();
    if items.is_empty() && list.unknown().is_none() {
        list.error("a rule needs at least one condition");
    }
    let mut counts = Counts::default();
    let conditions: Vec<Condition> = items.iter().filter_map(|item| read(item, &mut counts)).collect();
    if counts.values > VALUES_PER_RULE_MAX {
        list.error(&format!(
            "a rule can have {VALUES_PER_RULE_MAX} values in all its conditions; this one has {}",
            counts.values
        ));
    }
    if counts.wildcards > WILDCARDS_PER_RULE_MAX {
        let found = counts.wildcards;
        list.error(&format!("a rule can have {WILDCARDS_PER_RULE_MAX} wildcard characters; this one has {found}"));
    }
    conditions
}

#[derive(Default)]
struct Counts {
    fields: BTreeSet<&'static str>,
    values: usize,
    wildcards: usize,
}

fn read(item: &Item<'_>, counts: &mut Counts) -> Option<Condition> {
    let object = item.object(KNOWN)?;
    let field_item = object.require("Field")?;
    let field = field_item.one_of(FIELDS)?;
    let repeatable = matches!(field, "http-header" | "query-string");
    if !counts.fields.insert(field) && !repeatable {
        field_item.error(&format!("a rule can have one {field} condition"));
    }
    refuse_other_configs(&object, field);
    if let Some(regex) = object.get("RegexValues") {
        regex.error("regular expressions are not supported yet");
        return None;
    }
    match field {
        "host-header" => Some(Condition::HostHeader(patterns(&values(&object, "HostHeaderConfig")?, counts, host))),
        "path-pattern" => Some(Condition::PathPattern(patterns(&values(&object, "PathPatternConfig")?, counts, path))),
        "http-header" => http_header(&object, counts),
        "http-request-method" => Some(Condition::HttpRequestMethod(methods(&object, counts)?)),
        "query-string" => Some(Condition::QueryString(pairs(&object, counts)?)),
        _ => Some(Condition::SourceIp(networks(&object, counts)?)),
    }
}

/// A `…Config` that belongs to another field would silently count for nothing.
fn refuse_other_configs(object: &Object<'_>, field: &str) {
    let own: &[&str] = match field {
        "host-header" => &["HostHeaderConfig"],
        "path-pattern" => &["PathPatternConfig"],
        "http-header" => &["HttpHeaderConfig", "HTTPHeaderConfig"],
        "http-request-method" => &["HttpRequestMethodConfig"],
        "query-string" => &["QueryStringConfig"],
        _ => &["SourceIpConfig"],
    };
    for name in KNOWN.iter().filter(|name| name.ends_with("Config") && !own.contains(name)) {
        if let Some(item) = object.get(name) {
            item.error(&format!("does not belong to the field {field}"));
        }
    }
}

/// The values, from the `…Config` or from the short form; `None` after an error.
fn values<'v>(object: &Object<'v>, config: &str) -> Option<Vec<Item<'v>>> {
    let Some(item) = object.either(config, "Values") else {
        object.error(&format!("{config} or Values is missing"));
        return None;
    };
    if item.path.ends_with(config) {
        let config = item.object(&["RegexValues", "Values"])?;
        if let Some(regex) = config.get("RegexValues") {
            regex.error("regular expressions are not supported yet");
            return None;
        }
        return listed(&config.require("Values")?);
    }
    listed(&item)
}

fn listed<'v>(list: &Item<'v>) -> Option<Vec<Item<'v>>> {
    let items = list.items();
    if items.is_empty() {
        if list.unknown().is_none() {
            list.error("at least one value is needed");
        }
        return None;
    }
    Some(items)
}

impl Counts {
    /// Counts the values of one condition; too many of them are an error at the first that is.
    fn count(&mut self, values: &[Item<'_>], most: usize) {
        self.values = self.values.saturating_add(values.len());
        if let Some(first_too_many) = values.get(most) {
            first_too_many.error(&format!("a condition can have {most} values; this one has {}", values.len()));
        }
    }
}

fn patterns(items: &[Item<'_>], counts: &mut Counts, check: fn(&Item<'_>, &str) -> Option<Pattern>) -> Vec<Pattern> {
    counts.count(items, VALUES_PER_CONDITION_MAX);
    let mut pattern = |item: &Item<'_>| {
        let text = item.sized(1..=VALUE_LEN_MAX)?;
        counts.wildcards += text.bytes().filter(|byte| matches!(byte, b'*' | b'?')).count();
        check(item, text)
    };
    items.iter().filter_map(&mut pattern).collect()
}

/// Guide COND-01; COND-03 names two characters that only the console takes.
fn host(item: &Item<'_>, text: &str) -> Option<Pattern> {
    check_host(item, text).then(|| Pattern::ignoring_case(text))
}

/// Whether a text may be a host name with wildcards.
pub(super) fn check_host(item: &Item<'_>, text: &str) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-.*?_;".contains(char);
    if !only(item, text, allowed) {
        return false;
    }
    if text.contains(['_', ';']) {
        item.warning("`_` and `;` are taken by the console only");
    }
    match text.rsplit_once('.') {
        None => {
            item.error(&format!("{} has no `.`", quote(text)));
            false
        }
        Some((_, last)) if !last.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            item.error(&format!("{} has something other than letters after the last `.`", quote(text)));
            false
        }
        Some(_) => true,
    }
}

/// Guide COND-04, RED-07: the characters of a path.
pub(super) fn is_path_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?;".contains(char)
}

fn path(item: &Item<'_>, text: &str) -> Option<Pattern> {
    if !only(item, text, is_path_char) {
        return None;
    }
    if text.contains(';') {
        item.warning("`;` is taken by the console only");
    }
    Some(Pattern::new(text))
}

/// Guide RULE-10: only visible ASCII characters can match. A blank may stand within a header's value.
fn visible(item: &Item<'_>, text: &str) -> Option<Pattern> {
    only(item, text, |char| matches!(char, ' '..='~')).then(|| Pattern::ignoring_case(text))
}

pub(super) fn only(item: &Item<'_>, text: &str, allowed: impl Fn(char) -> bool) -> bool {
    let Some(other) = text.chars().find(|char| !allowed(*char)) else {
        return true;
    };
    item.error(&format!("{} contains {}, which is not allowed here", quote(text), quote(&other.to_string())));
    false
}

fn http_header(object: &Object<'_>, counts: &mut Counts) -> Option<Condition> {
    let Some(config) = object.either("HttpHeaderConfig", "HTTPHeaderConfig") else {
        object.error("HttpHeaderConfig is missing");
        return None;
    };
    if let Some(values) = object.get("Values") {
        values.error("an http-header condition needs HttpHeaderConfig, which names the header");
    }
    let config = config.object(&["HTTPHeaderName", "HttpHeaderName", "RegexValues", "Values"])?;
    let name = match config.either("HttpHeaderName", "HTTPHeaderName") {
        Some(name) => header_name(&name),
        None => {
            config.error("HttpHeaderName is missing");
            None
        }
    };
    if let Some(regex) = config.get("RegexValues") {
        regex.error("regular expressions are not supported yet");
        return None;
    }
    let values = patterns(&listed(&config.require("Values")?)?, counts, visible);
    Some(Condition::HttpHeader { name: name?, values })
}

/// Guide COND-08, `wire.md` H16: a field name, not `Host`, without wildcards.
fn header_name(item: &Item<'_>) -> Option<String> {
    let name = item.sized(1..=NAME_LEN_MAX)?;
    if name.eq_ignore_ascii_case("host") {
        item.error("an http-header condition cannot name Host; there is host-header");
        return None;
    }
    let wildcard = |char: char| matches!(char, '*' | '?');
    let token = |char: char| char.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(char);
    only(item, name, |char| token(char) && !wildcard(char)).then(|| name.to_owned())
}

/// Guide COND-10: capital letters, hyphens and underscores.
fn methods(object: &Object<'_>, counts: &mut Counts) -> Option<Vec<String>> {
    let items = values(object, "HttpRequestMethodConfig")?;
    counts.count(&items, VALUES_PER_CONDITION_MAX);
    let method = |item: &Item<'_>| {
        let text = item.sized(1..=NAME_LEN_MAX)?;
        only(item, text, |char| char.is_ascii_uppercase() || "-_".contains(char)).then(|| text.to_owned())
    };
    Some(items.iter().filter_map(method).collect())
}

/// Guide COND-11, `wire.md` H17: pairs with or without a key; a backslash escapes `*` and `?`.
fn pairs(object: &Object<'_>, counts: &mut Counts) -> Option<Vec<QueryPair>> {
    if let Some(values) = object.get("Values") {
        values.error("a query-string condition needs QueryStringConfig");
        return None;
    }
    let config = object.require("QueryStringConfig")?.object(&["Values"])?;
    let items = listed(&config.require("Values")?)?;
    counts.count(&items, VALUES_PER_CONDITION_MAX);
    let mut pair = |item: &Item<'_>| {
        let object = item.object(&["Key", "Value"])?;
        let key = match object.get("Key") {
            Some(key) => Some(escaped(&key, counts)?),
            None => None,
        };
        let value = escaped(&object.require("Value")?, counts)?;
        Some(QueryPair { key, value })
    };
    Some(items.iter().filter_map(&mut pair).collect())
}

fn escaped(item: &Item<'_>, counts: &mut Counts) -> Option<Pattern> {
    let text = item.sized(1..=VALUE_LEN_MAX)?;
    if !only(item, text, |char| matches!(char, ' '..='~')) {
        return None;
    }
    counts.wildcards += unescaped_wildcards(text);
    Some(Pattern::escaped_ignoring_case(text))
}

fn unescaped_wildcards(text: &str) -> usize {
    let mut bytes = text.bytes();
    let mut count = 0;
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' => count += 1,
            _ => {}
        }
    }
    count
}

/// Guide COND-12.
fn networks(object: &Object<'_>, counts: &mut Counts) -> Option<Vec<IpNet>> {
    let items = match object.get("SourceIpConfig") {
        Some(config) if object.get("Values").is_none() => {
            let config = config.object(&["IpAddressType", "Values"])?;
            if let Some(item) = config.get("IpAddressType") {
                item.error("only network load balancers have it");
            }
            listed(&config.require("Values")?)?
        }
        _ => values(object, "SourceIpConfig")?,
    };
    counts.count(&items, VALUES_PER_RULE_MAX);
    Some(items.iter().filter_map(network).collect())
}

fn network(item: &Item<'_>) -> Option<IpNet> {
    let text = item.text()?;
    let network: Option<IpNet> = text.parse().ok();
    if text == "255.255.255.255/32" {
        item.error("255.255.255.255/32 cannot be a source");
        return None;
    }
    if network.is_none() {
        item.error(&format!("{} is no network in CIDR form, like `192.0.2.0/24`", quote(text)));
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_wildcards_are_not_counted() {
        for (text, count) in [("", 0), ("a*b?", 2), (r"\*", 0), (r"\\*", 1), (r"\?*", 1), (r"*\", 1)] {
            assert_eq!(unescaped_wildcards(text), count, "{text}");
        }
    }
}
