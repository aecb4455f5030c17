//! The parser and the rules alone, for a server of your own: no sockets, no shard, no default features needed.
//!
//! `cargo run -p sluicegate --no-default-features --example parse_and_decide`

use sluicegate::desync::{Clearing, Reading};
use sluicegate::http::FieldRoom;
use sluicegate::http::h1::head::{Scan, Scanner};
use sluicegate::rules::{Action, Condition, FixedResponse, Pattern, Rule, Ruleset, Subject};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let answer =
        |text: &str| Action::FixedResponse(FixedResponse { status: 200, content_type: None, body: text.to_owned() });
    let pictures = Rule {
        name: "pictures".to_owned(),
        priority: 10,
        conditions: vec![Condition::PathPattern(vec![Pattern::new("/img/*")])],
        action: answer("a picture"),
    };
    let rules = Ruleset::new(vec![pictures], answer("something else")).map_err(|errors| format!("{errors:?}"))?;

    let bytes = b"GET /img/cat.png?size=2 HTTP/1.1\r\nHost: example.com\r\n\r\n";
    let Scan::Head { len, regular } = Scanner::request().scan(bytes)? else {
        return Err("the head is not whole".into());
    };
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(&bytes[..len], regular, &mut mended, &mut room);
    let cleared = reading.clear(&Clearing::default())?;
    let subject = Subject {
        method: cleared.request().method,
        host: cleared.host(),
        path: cleared.target().path,
        query: cleared.target().query,
        fields: cleared.request().fields.0,
        source: "192.0.2.1".parse()?,
    };
    if let Action::FixedResponse(fixed) = rules.decide(&subject).action {
        println!("{} {}", fixed.status, fixed.body);
    }
    print!("{}", rules.explain(&subject));
    Ok(())
}
