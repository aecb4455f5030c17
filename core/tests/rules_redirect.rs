//! Where redirects lead.

use sluicegate::rules::{
    LOCATION_BYTES_MAX, LocationTooLong, Redirect, RedirectParts, RedirectProtocol, RedirectStatus,
};

/// A redirect with the defaults of the guide.
fn redirect() -> Redirect {
    Redirect {
        protocol: RedirectProtocol::Same,
        host: "#{host}".to_owned(),
        port: "#{port}".to_owned(),
        path: "/#{path}".to_owned(),
        query: "#{query}".to_owned(),
        status: RedirectStatus::MovedPermanently,
    }
}

const PARTS: RedirectParts<'static> =
    RedirectParts { scheme: "http", host: b"www.Example.com", port: 80, path: b"/a/b", query: b"x=1&y=2" };

fn location(redirect: &Redirect, parts: &RedirectParts<'_>) -> String {
    let mut out = b"kept ".to_vec();
    redirect.location(parts, &mut out).unwrap();
    String::from_utf8(out).unwrap().strip_prefix("kept ").unwrap().to_owned()
}

#[test]
fn what_is_not_changed_keeps_its_value_and_the_port_is_always_there() {
    assert_eq!(location(&redirect(), &PARTS), "http://www.example.com:80/a/b?x=1&y=2");
}

#[test]
fn http_becomes_https() {
    let https = Redirect { protocol: RedirectProtocol::Https, port: "443".to_owned(), ..redirect() };
    assert_eq!(location(&https, &PARTS), "https://www.example.com:443/a/b?x=1&y=2");
    let http = Redirect { protocol: RedirectProtocol::Http, ..redirect() };
    assert_eq!(location(&http, &RedirectParts { scheme: "https", ..PARTS }), "http://www.example.com:80/a/b?x=1&y=2");
}

#[test]
fn the_path_keyword_has_no_leading_slash() {
    let moved = Redirect { path: "/new/#{path}".to_owned(), ..redirect() };
    assert_eq!(location(&moved, &PARTS), "http://www.example.com:80/new/a/b?x=1&y=2");
    assert_eq!(location(&moved, &RedirectParts { path: b"/", ..PARTS }), "http://www.example.com:80/new/?x=1&y=2");
    assert_eq!(
        location(&redirect(), &RedirectParts { path: b"//evil/", ..PARTS }),
        "http://www.example.com:80//evil/?x=1&y=2"
    );
}

#[test]
fn keywords_are_replaced_where_the_guide_allows_them() {
    let all = Redirect {
        host: "m.#{host}".to_owned(),
        path: "/#{host}/#{port}/#{path}".to_owned(),
        query: "#{protocol},#{host},#{port},#{path},#{query}".to_owned(),
        ..redirect()
    };
    assert_eq!(
        location(&all, &PARTS),
        "http://m.www.example.com:80/www.example.com/80/a/b?http,www.example.com,80,a/b,x=1&y=2"
    );
}

#[test]
fn keywords_are_text_where_the_guide_does_not_allow_them() {
    let odd = Redirect { path: "/#{query}#{protocol}".to_owned(), query: "#{other}".to_owned(), ..redirect() };
    assert_eq!(location(&odd, &PARTS), "http://www.example.com:80/%23%7Bquery%7D%23%7Bprotocol%7D?%23%7Bother%7D");
    let host = Redirect { host: "#{path}.com".to_owned(), ..redirect() };
    assert!(location(&host, &PARTS).starts_with("http://%23%7Bpath%7D.com:80/"));
}

#[test]
fn what_a_keyword_stands_for_is_not_searched_for_keywords() {
    let parts = RedirectParts { query: b"#{host}", path: b"/#{port}", ..PARTS };
    assert_eq!(location(&redirect(), &parts), "http://www.example.com:80/%23%7Bport%7D?%23%7Bhost%7D");
}

#[test]
fn an_empty_query_leaves_no_question_mark() {
    assert_eq!(location(&redirect(), &RedirectParts { query: b"", ..PARTS }), "http://www.example.com:80/a/b");
    let fixed = Redirect { query: "a=b".to_owned(), ..redirect() };
    assert_eq!(location(&fixed, &RedirectParts { query: b"", ..PARTS }), "http://www.example.com:80/a/b?a=b");
    let dropped = Redirect { query: String::new(), ..redirect() };
    assert_eq!(location(&dropped, &PARTS), "http://www.example.com:80/a/b");
}

#[test]
fn hosts_are_in_lower_case_and_addresses_keep_their_brackets() {
    let fixed = Redirect { host: "NEW.Example.com".to_owned(), ..redirect() };
    assert!(location(&fixed, &PARTS).starts_with("http://new.example.com:80/"));
    let parts = RedirectParts { host: b"[2001:DB8::1]", ..PARTS };
    assert!(location(&redirect(), &parts).starts_with("http://[2001:db8::1]:80/"));
}

#[test]
fn nothing_that_a_client_sends_gets_raw_into_the_url() {
    let every: Vec<u8> = (0..=255).collect();
    let parts = RedirectParts { host: &every, path: &every, query: &every, ..PARTS };
    let url = location(&redirect(), &parts);
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    assert!(!url.contains(['#', '"', '<', '>', '\\', '{', '}', '|', '^', '`']), "{url}");
    let (authority, _) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert!(authority.ends_with(":80") && !authority.contains(['@', '?']), "{authority}");
    assert_eq!(authority.matches(':').count(), 1, "{authority}");
}

#[test]
fn a_line_end_in_the_query_is_encoded() {
    let parts = RedirectParts { query: b"a\r\nSet-Cookie: b", ..PARTS };
    assert!(location(&redirect(), &parts).ends_with("?a%0D%0ASet-Cookie:%20b"));
}

#[test]
fn escapes_stay_as_they_were_sent() {
    let parts = RedirectParts { path: b"/%2e%2F%zz", query: b"q=%20+", ..PARTS };
    assert_eq!(location(&redirect(), &parts), "http://www.example.com:80/%2e%2F%zz?q=%20+");
}

#[test]
fn a_url_has_at_most_8_k() {
    let fixed_len = "http://www.example.com:80/a/b?".len();
    let query = vec![b'q'; LOCATION_BYTES_MAX - fixed_len];
    assert_eq!(location(&redirect(), &RedirectParts { query: &query, ..PARTS }).len(), 8192);
    let longer = vec![b'q'; query.len() + 1];
    let mut out = b"kept".to_vec();
    assert_eq!(redirect().location(&RedirectParts { query: &longer, ..PARTS }, &mut out), Err(LocationTooLong));
    assert_eq!(out, b"kept");
}

#[test]
fn statuses_are_301_and_302() {
    assert_eq!([RedirectStatus::MovedPermanently.code(), RedirectStatus::Found.code()], [301, 302]);
}
