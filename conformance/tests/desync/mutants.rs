//! Requests as they are sent every day, and everything that is one step away from them.

/// Requests to begin with. Fields as browsers, tools, libraries and proxies send them, in their order; the last ones hold what
/// desync is about.
pub(crate) const BASES: [&str; 12] = [
    // A browser.
    "GET /api/v1/users/12345?fields=name,email&page=2 HTTP/1.1\r\n\
     Host: shop.example.com\r\n\
     User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
     Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
     Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
     Accept-Encoding: gzip, deflate, br, zstd\r\n\
     Referer: https://shop.example.com/checkout\r\n\
     Cookie: session=0123456789abcdef; theme=dark; _ga_K4X=GS2.1.s1763720000$o3$g1$t1763720123$j60$l0$h0; recent=12,7,93\r\n\
     Connection: keep-alive\r\n\
     Upgrade-Insecure-Requests: 1\r\n\
     Sec-Fetch-Mode: navigate\r\n\
     Cache-Control: max-age=0\r\n\
     X-Request-Id: 7f9c2ba4e88f827d\r\n\
     \r\n",
    // A tool.
    "GET /v1/status?verbose=true HTTP/1.1\r\n\
     Host: api.example.com\r\n\
     User-Agent: curl/8.14.1\r\n\
     Accept: application/json\r\n\
     Authorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IjIwMjUtMTEifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwi\
     c3ViIjoiMTIzNDUiLCJhdWQiOiJhcGkiLCJleHAiOjE3NjM3MjM2MDB9.Zm9yIGEgdGVzdCBhbmQgZm9yIG5vdGhpbmcgZWxzZSBhdCBhbGw\r\n\
     \r\n",
    // A library that sends data.
    "POST /v2/orders HTTP/1.1\r\n\
     Host: api.example.com\r\n\
     User-Agent: python-requests/2.32.4\r\n\
     Accept-Encoding: gzip, deflate, zstd\r\n\
     Accept: application/json\r\n\
     Connection: keep-alive\r\n\
     Authorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IjIwMjUtMTEifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIiwi\
     c3ViIjoiMTIzNDUiLCJhdWQiOiJhcGkiLCJleHAiOjE3NjM3MjM2MDB9.Zm9yIGEgdGVzdCBhbmQgZm9yIG5vdGhpbmcgZWxzZSBhdCBhbGw\r\n\
     Idempotency-Key: 0198a3f2-7c1e-7d40-9d52-1f0c5a6b7e21\r\n\
     Content-Type: application/json\r\n\
     Content-Length: 48\r\n\
     \r\n",
    // A form in another browser.
    "POST /login?next=%2Faccount HTTP/1.1\r\n\
     Host: shop.example.com\r\n\
     Connection: keep-alive\r\n\
     Content-Length: 33\r\n\
     Cache-Control: max-age=0\r\n\
     sec-ch-ua: \"Not)A;Brand\";v=\"8\", \"Chromium\";v=\"138\", \"Google Chrome\";v=\"138\"\r\n\
     sec-ch-ua-mobile: ?0\r\n\
     sec-ch-ua-platform: \"Windows\"\r\n\
     Origin: https://shop.example.com\r\n\
     Content-Type: application/x-www-form-urlencoded\r\n\
     Upgrade-Insecure-Requests: 1\r\n\
     User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 \
     Safari/537.36\r\n\
     Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
     Sec-Fetch-Site: same-origin\r\n\
     Sec-Fetch-Mode: navigate\r\n\
     Referer: https://shop.example.com/login\r\n\
     Accept-Encoding: gzip, deflate, br, zstd\r\n\
     Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\n\
     Cookie: csrf=dGhlIGNvb2tpZQ==; _ga=GA1.1.1234567890.1763720000; consent=%7B%22stats%22%3Atrue%2C%22ads%22%3Afalse%7D; \
     sid=s%3A4fKx0Yb1qNw7u2Jm.6Qm9vdHN0cmFwIG5vdGhpbmc; lang=de; cart=17f0c2d4; _gcl_au=1.1.987654321.1763720000\r\n\
     \r\n",
    // An upload whose length nobody knows yet.
    "PUT /files/2025/11/report.pdf HTTP/1.1\r\n\
     Host: files.example.com\r\n\
     User-Agent: Go-http-client/1.1\r\n\
     Transfer-Encoding: chunked\r\n\
     Authorization: Basic dXBsb2FkZXI6Y29ycmVjdC1ob3JzZQ==\r\n\
     Content-Type: application/pdf\r\n\
     X-Checksum-Sha256: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n\
     Accept-Encoding: gzip\r\n\
     \r\n",
    // Behind two other proxies.
    "GET /images/logo.svg HTTP/1.1\r\n\
     host: www.example.com\r\n\
     user-agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148\r\n\
     via: 2.0 cache-fra-1 (Varnish/7.5)\r\n\
     x-forwarded-for: 198.51.100.7, 203.0.113.19\r\n\
     x-forwarded-proto: https\r\n\
     x-amz-cf-id: 4f0f7e1f6d2c4b2a9c3d8e5a7b6c1d0e\r\n\
     traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
     if-none-match: W/\"67b0a1f4-5fc\"\r\n\
     if-modified-since: Fri, 21 Nov 2025 10:15:30 GMT\r\n\
     accept: image/avif,image/webp,*/*\r\n\
     accept-encoding: gzip\r\n\
     \r\n",
    // What a script asks before it asks.
    "OPTIONS /v1/cart HTTP/1.1\r\n\
     Host: api.example.com\r\n\
     Accept: */*\r\n\
     Access-Control-Request-Method: POST\r\n\
     Access-Control-Request-Headers: content-type,x-csrf-token\r\n\
     Origin: https://shop.example.com\r\n\
     User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15\r\n\
     Sec-Fetch-Mode: cors\r\n\
     Referer: https://shop.example.com/\r\n\
     \r\n",
    // A health check of the old kind.
    "GET /healthz HTTP/1.0\r\nUser-Agent: check_http/v2.4.9\r\nConnection: close\r\n\r\n",
    // An old client that sends something.
    "POST /services/stock HTTP/1.0\r\n\
     Host: legacy.example.com\r\n\
     User-Agent: Apache-HttpClient/4.5.14 (Java/1.8.0_452)\r\n\
     Content-Type: text/xml; charset=UTF-8\r\n\
     SOAPAction: \"http://legacy.example.com/GetPrice\"\r\n\
     Content-Length: 291\r\n\
     Connection: Keep-Alive\r\n\
     \r\n",
    // A length of zero, as some libraries send it with every request.
    "HEAD /exports/2025-11-21.csv HTTP/1.1\r\n\
     Host: data.example.com\r\n\
     Content-Length: 0\r\n\
     User-Agent: okhttp/4.12.0\r\n\
     Accept-Encoding: identity\r\n\
     \r\n",
    // Both.
    "POST /upload HTTP/1.1\r\n\
     Host: files.example.com\r\n\
     User-Agent: uploader/3.1 (linux; arm64)\r\n\
     Content-Type: application/octet-stream\r\n\
     Content-Length: 25\r\n\
     Transfer-Encoding: chunked\r\n\
     Expect: 100-continue\r\n\
     \r\n",
    // A search with a body.
    "GET /_search?size=10 HTTP/1.1\r\n\
     Host: search.example.com:9200\r\n\
     User-Agent: elasticsearch-py/8.18.0 (Python/3.13.4)\r\n\
     Accept: application/vnd.elasticsearch+json; compatible-with=8\r\n\
     Content-Type: application/json\r\n\
     Transfer-Encoding: chunked\r\n\
     \r\n",
];

/// Bytes that some reader or other treats in a way of its own.
const INTERESTING: [u8; 24] = *b"\0\x01\t\n\x0b\x0c\r\x1f !\"#,-/:;A_1\x7f\x80\xa0\xff";

/// Every byte replaced by every other, every byte left out, every interesting byte put in everywhere, and every line
/// doubled, in its place and at the end.
pub(crate) fn single(base: &[u8], mut with: impl FnMut(&[u8])) {
    with(base);
    let mut mutant = base.to_vec();
    for at in 0..base.len() {
        for byte in (0..=u8::MAX).filter(|&byte| byte != base[at]) {
            mutant[at] = byte;
            with(&mutant);
        }
        mutant[at] = base[at];
    }
    for at in 0..base.len() {
        let mut mutant = base.to_vec();
        mutant.remove(at);
        with(&mutant);
        for byte in INTERESTING {
            let mut mutant = base.to_vec();
            mutant.insert(at, byte);
            with(&mutant);
        }
    }
    let lines: Vec<&[u8]> = base.split_inclusive(|&byte| byte == b'\n').collect();
    for (at, line) in lines.iter().enumerate().take(lines.len() - 1) {
        with(&[&lines[..=at].concat(), *line, &lines[at + 1..].concat()].concat());
        with(&[&lines[..lines.len() - 1].concat(), *line, b"\r\n"].concat());
    }
}

/// Several steps at once, by chance.
pub(crate) fn several(base: &[u8], chance: &mut fastrand::Rng) -> Vec<u8> {
    let mut mutant = base.to_vec();
    for _ in 0..chance.usize(2..=4) {
        let at = chance.usize(..mutant.len());
        match chance.u8(..8) {
            0 | 1 => mutant[at] = chance.u8(..),
            2 => mutant[at] = chance.choice(INTERESTING).unwrap_or(b' '),
            3 => drop(mutant.remove(at)),
            4 => mutant.insert(at, chance.choice(INTERESTING).unwrap_or(b' ')),
            5 => put_line(&mut mutant, chance.choice(LINES).unwrap_or("X: y\r\n").as_bytes(), chance),
            6 => twice(&mut mutant, chance),
            _ => mutant[at] = mutant[at].to_ascii_uppercase(),
        }
    }
    mutant
}

/// Lines that attacks are made of.
const LINES: [&str; 26] = [
    "Content-Length: 5\r\n",
    "Content-Length: 6\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 05\r\n",
    "Content-Length: +5\r\n",
    "Content-Length:\r\n",
    "Content-Length : 5\r\n",
    "Content_Length: 5\r\n",
    "content length: 5\r\n",
    "ContentLength: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: cow\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Tran_sfer-Encoding: chunked\r\n",
    "Transfer Encoding: chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "X: y\r\n z\r\n",
    "Content-Type: a/b;\r\n c=d\r\n",
    "T----------------: x\r\n",
    ": y\r\n",
    "nonsense\r\n",
];

/// Puts a line before another one, the first excepted.
fn put_line(head: &mut Vec<u8>, line: &[u8], chance: &mut fastrand::Rng) {
    let starts: Vec<usize> = (1..head.len()).filter(|&at| head[at - 1] == b'\n').collect();
    if let Some(at) = chance.choice(starts) {
        head.splice(at..at, line.iter().copied());
    }
}

/// Doubles a line.
fn twice(head: &mut Vec<u8>, chance: &mut fastrand::Rng) {
    let lines: Vec<Vec<u8>> = head.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if let Some(line) = chance.choice(lines) {
        put_line(head, &line, chance);
    }
}
