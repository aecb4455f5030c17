//! Where TLS and the life of a connection meet: what is half said, half sealed or half sent when something ends, breaks,
//! drains or changes.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ContentType;
use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundOpaqueMessage, OutboundPlainMessage,
    Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{ConnectionTrafficSecrets, Error, SupportedCipherSuite, Tls13CipherSuite};
use secure_support::{Lab, config, identity, policy, terms};
use sluicegate::config::Protocol;
use sluicegate::shard::{Fate, WireId};
use sluicegate::tls::{Connector, MutualAuthentication, Provider, Session, Terms, TrustStore, Verify};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// A record of application data that nobody can open.
const UNREADABLE: [u8; 25] = [23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

fn target() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 7], 443))
}

/// TLS to clients and to targets.
fn secure() -> Lab {
    Lab::new(config(Some(terms()), &[target()], Protocol::Https))
}

/// TLS to clients only.
fn secure_to_clients() -> Lab {
    Lab::new(config(Some(terms()), &[target()], Protocol::Http))
}

/// What a session has to say, as it is on the wire.
fn sealed(session: &mut Session) -> Vec<u8> {
    let mut bytes = vec![0; 64 * 1024];
    let n = session.take_ciphertext(&mut bytes);
    bytes.truncate(n);
    bytes
}

/// `text` as the client's session seals it.
fn sealed_text(lab: &mut Lab, client: usize, text: &str) -> Vec<u8> {
    let session = lab.peers[client].session.as_mut().unwrap();
    session.encrypt(text.as_bytes());
    sealed(session)
}

/// The socket of a wire is moved by hand from now on.
fn by_hand(lab: &mut Lab, peer: usize) -> WireId {
    lab.peers[peer].fate = Fate::Close;
    lab.peers[peer].wire
}

fn offer(lab: &mut Lab, wire: WireId, bytes: &[u8]) -> usize {
    lab.turn(|turn| turn.wire(wire).map_or(0, |mut wire| wire.offer(bytes)))
}

/// Takes at most `most` bytes from the wire.
fn take(lab: &mut Lab, wire: WireId, most: usize) -> Vec<u8> {
    lab.turn(|turn| {
        let Some(mut wire) = turn.wire(wire) else { return Vec::new() };
        let bytes = wire.pending();
        let bytes = bytes[..bytes.len().min(most)].to_vec();
        wire.sent(bytes.len());
        bytes
    })
}

/// What becomes of the wire; its socket is closed if it is to be.
fn fate(lab: &mut Lab, wire: WireId) -> Fate {
    lab.turn(|turn| {
        let Some(mut wire) = turn.wire(wire) else { return Fate::Close };
        let fate = wire.fate();
        if fate == Fate::Close {
            wire.lost();
        }
        fate
    })
}

fn answer_of(bytes: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{}", "x".repeat(bytes)).into_bytes()
}

/// A client whose hello was answered; its side of the handshake is by hand.
fn greeted(lab: &mut Lab, policy_name: &str) -> WireId {
    let connector = Connector::new(policy(policy_name), &Provider::aws_lc(), &lab.clock, &[]).unwrap();
    let client = lab.connect_raw().unwrap();
    lab.peers[client].raw = sealed(&mut connector.session("lab.example").unwrap());
    lab.run();
    assert!(!lab.heard(client).is_empty());
    by_hand(lab, client)
}

/// A message of a handshake may say that it is very long (RFC 5246 section 7.4); to compute on its beginning again and
/// again would be quadratic.
#[test]
fn a_handshake_message_of_65535_bytes_is_computed_on_a_few_times_and_refused() {
    let mut lab = secure();
    let wire = greeted(&mut lab, "FS-1-2-2019-08");
    let mut message = vec![16, 0, 0xff, 0xff];
    message.resize(4 + 0xffff, 0);
    let record = |part: &[u8]| [&[22, 3, 3, (part.len() >> 8) as u8, part.len() as u8], part].concat();
    let raw: Vec<u8> = message.chunks(16_384).flat_map(record).collect();
    lab.prompt = false;
    let (mut jobs, mut offset) = (0, 0);
    for _ in 0..2000 {
        offset += offer(&mut lab, wire, &raw[offset..]);
        while jobs < 100 && lab.compute() {
            jobs += 1;
        }
    }
    assert!((1..10).contains(&jobs), "{jobs} jobs");
    assert_eq!(offset, raw.len());
    take(&mut lab, wire, usize::MAX);
    assert_ne!(fate(&mut lab, wire), Fate::Open, "refused");
    lab.pass(Duration::from_secs(5));
    assert_eq!((fate(&mut lab, wire), lab.shard.census()), (Fate::Close, Default::default()));
}

/// How the end of a client's connection is settled while its answer is on its way.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// It asks for it: `Connection: close`.
    Asks,
    /// It ends its side after its request.
    Itself,
    /// The shard drains.
    Drained,
}

/// A client that reads 1,000 bytes a second gets an answer of so many bytes, all of it; and then its connection ends.
fn a_slow_reader_gets_all_of_it(ends: Ends, bytes: usize) {
    let mut lab = secure_to_clients();
    lab.answer = answer_of(bytes);
    let client = lab.connect();
    lab.run();
    let wire = by_hand(&mut lab, client);
    let close = if matches!(ends, Ends::Asks) { "\r\nConnection: close\r\n\r\n" } else { "\r\n\r\n" };
    let mut request = sealed_text(&mut lab, client, &GET.replace("\r\n\r\n", close));
    if let Ends::Itself = ends {
        let session = lab.peers[client].session.as_mut().unwrap();
        session.close();
        request.extend(sealed(session));
    }
    assert_eq!(offer(&mut lab, wire, &request), request.len());
    match ends {
        Ends::Asks => {}
        Ends::Itself => lab.turn(|turn| turn.wire(wire).unwrap().ended()),
        Ends::Drained => lab.turn(|turn| turn.draining()),
    }
    for second in 0.. {
        lab.run();
        let got = take(&mut lab, wire, 1000);
        if got.is_empty() {
            assert!(second > 55, "{ends:?} of {bytes} bytes: nothing more after {second} s");
            break;
        }
        hear(&mut lab, client, &got);
        lab.pass(Duration::from_secs(1));
    }
    let peer = &lab.peers[client];
    assert!(peer.heard.ends_with(&lab.answer[lab.answer.len() - bytes - 4..]), "{ends:?}: {}", peer.heard.len());
    assert!(peer.session.as_ref().unwrap().peer_closed(), "{ends:?}: it knows that this is all");
    lab.pass(Duration::from_secs(5));
    assert_eq!((fate(&mut lab, wire), lab.shard.census().fronts), (Fate::Close, 0), "{ends:?}");
}

/// The client opens what it read.
fn hear(lab: &mut Lab, client: usize, mut bytes: &[u8]) {
    let peer = &mut lab.peers[client];
    let session = peer.session.as_mut().unwrap();
    let mut room = vec![0; 64 * 1024];
    while !bytes.is_empty() {
        bytes = &bytes[session.feed(bytes).unwrap()..];
        let n = session.take_plaintext(&mut room);
        peer.heard.extend_from_slice(&room[..n]);
    }
}

/// Once with all of the answer in the shard's memory, once with more.
#[test]
fn who_asks_to_close_and_reads_slowly_gets_the_whole_answer_far_beyond_the_time_of_lingering() {
    a_slow_reader_gets_all_of_it(Ends::Asks, 60_000);
    a_slow_reader_gets_all_of_it(Ends::Asks, 70_000);
}

#[test]
fn who_has_ended_its_side_and_reads_slowly_gets_the_whole_answer() {
    a_slow_reader_gets_all_of_it(Ends::Itself, 60_000);
}

#[test]
fn who_reads_slowly_while_the_shard_drains_gets_the_whole_answer() {
    a_slow_reader_gets_all_of_it(Ends::Drained, 60_000);
}

#[test]
fn draining_leaves_an_answer_alone_that_is_on_its_way() {
    for secure in [true, false] {
        let mut lab = Lab::new(config(secure.then(terms), &[target()], Protocol::Http));
        lab.answer = answer_of(60_000);
        let client = if secure { lab.connect() } else { lab.connect_raw().unwrap() };
        lab.run();
        let wire = by_hand(&mut lab, client);
        let request = if secure { sealed_text(&mut lab, client, GET) } else { GET.into() };
        offer(&mut lab, wire, &request);
        lab.run();
        lab.turn(|turn| turn.draining());
        assert_eq!(fate(&mut lab, wire), Fate::Open, "TLS: {secure}");
        assert!(take(&mut lab, wire, usize::MAX).len() > 10_000, "TLS: {secure}");
    }
}

#[test]
fn a_client_in_its_handshake_may_end_it_while_the_shard_drains_and_is_closed_then() {
    let mut lab = secure();
    let client = lab.connect();
    lab.turn(|turn| turn.draining());
    lab.run();
    assert!(lab.peers[client].session.as_ref().unwrap().is_open());
    lab.pass(Duration::from_secs(3));
    lab.run();
    assert_eq!((lab.peers[client].fate, lab.shard.census()), (Fate::Close, Default::default()));
}

/// An hour of bytes, one in fifty seconds, is no reason to keep a connection that idles for more than sixty.
#[test]
fn a_record_that_never_ends_does_not_keep_an_idle_connection() {
    let mut lab = secure();
    let client = lab.connect();
    lab.run();
    let wire = by_hand(&mut lab, client);
    let mut lived = 0;
    for byte in [23, 3, 3, 0x40, 0].into_iter().chain([0; 67]) {
        lab.pass(Duration::from_secs(50));
        if offer(&mut lab, wire, &[byte]) == 0 || fate(&mut lab, wire) == Fate::Close {
            break;
        }
        lived += 50;
    }
    assert_eq!(lived, 50, "there after 50 s, gone after 100 s");
}

#[test]
fn what_an_idle_connection_holds_of_a_record_is_in_the_account() {
    let mut lab = secure();
    let client = lab.connect();
    lab.run();
    let wire = by_hand(&mut lab, client);
    assert_eq!(lab.shard.census().memory.metered, 0);
    let mut record = vec![23, 3, 3, 0x40, 0];
    record.resize(5 + 0x4000, 0);
    assert_eq!(offer(&mut lab, wire, &record[..16_000]), 16_000);
    assert!(lab.shard.census().memory.metered > 0, "{:?}", lab.shard.census());
    assert_eq!(offer(&mut lab, wire, &record[16_000..]), 389);
    assert_eq!(fate(&mut lab, wire), Fate::Close, "the record is whole, and nonsense");
    assert_eq!(lab.shard.census().memory.metered, 0);
}

#[test]
fn a_target_that_closes_is_told_goodbye_and_one_that_stays_is_not() {
    for (answer, closes) in [("\r\nConnection: close", true), ("", false)] {
        let mut lab = secure();
        lab.answer = format!("HTTP/1.1 200 OK{answer}\r\nContent-Length: 2\r\n\r\nhi").into_bytes();
        let client = lab.connect();
        lab.run();
        lab.says(client, GET);
        lab.run();
        assert!(lab.heard(client).ends_with("hi"));
        let target = &lab.peers[1];
        assert_eq!((target.fate == Fate::Close, target.session.as_ref().unwrap().peer_closed()), (closes, closes));
    }
}

/// A client that has been answered over TLS or without, and the wires of both sides, moved by hand.
fn pooled(front: bool, back: Protocol) -> (Lab, usize, WireId, WireId) {
    let mut lab = Lab::new(config(front.then(terms), &[target()], back));
    let client = if front { lab.connect() } else { lab.connect_raw().unwrap() };
    lab.run();
    lab.says(client, GET);
    lab.run();
    assert_eq!((lab.heard(client).matches("hi").count(), lab.peers.len(), lab.shard.census().pooled), (1, 2, 1));
    let wire = lab.peers[client].wire;
    let back = by_hand(&mut lab, 1);
    (lab, client, wire, back)
}

#[test]
fn a_pooled_connection_that_breaks_before_its_request_was_sent_is_renewed_once() {
    let (mut lab, client, wire, back) = pooled(true, Protocol::Https);
    let request = sealed_text(&mut lab, client, GET);
    offer(&mut lab, wire, &request);
    assert!(lab.turn(|turn| turn.wire(back).unwrap().reads_first()));
    offer(&mut lab, back, &UNREADABLE);
    assert_eq!((fate(&mut lab, back), lab.dials.len()), (Fate::Close, 1));
    lab.run();
    assert_eq!((lab.heard(client).matches("hi").count(), lab.peers.len()), (2, 3));
}

#[test]
fn a_pooled_connection_that_breaks_after_its_request_was_sent_is_a_502() {
    let (mut lab, client, wire, back) = pooled(true, Protocol::Https);
    let request = sealed_text(&mut lab, client, GET);
    offer(&mut lab, wire, &request);
    assert!(!take(&mut lab, back, usize::MAX).is_empty());
    offer(&mut lab, back, &UNREADABLE);
    assert_eq!((fate(&mut lab, back), lab.dials.len()), (Fate::Close, 0));
    lab.run();
    assert!(lab.heard(client).contains("HTTP/1.1 502 "), "{}", lab.heard(client));
}

#[test]
fn a_request_that_could_not_be_written_to_a_pooled_connection_goes_to_another() {
    for protocol in [Protocol::Http, Protocol::Https] {
        let (mut lab, client, wire, back) = pooled(false, protocol);
        offer(&mut lab, wire, GET.as_bytes());
        lab.turn(|turn| {
            let mut wire = turn.wire(back).unwrap();
            assert!(!wire.pending().is_empty());
            wire.unwritable();
        });
        assert_eq!(lab.dials.len(), 1, "{protocol:?}");
        lab.run();
        assert_eq!(lab.heard(client).matches("hi").count(), 2, "{protocol:?}");
    }
}

#[test]
fn an_alert_is_not_lost_to_what_crosses_it() {
    let mut lab = secure();
    let wire = greeted(&mut lab, "TLS13-1-2-2021-06");
    offer(&mut lab, wire, &UNREADABLE);
    lab.compute();
    let alert = lab.turn(|turn| turn.wire(wire).unwrap().pending().to_vec());
    assert!(!alert.is_empty());
    offer(&mut lab, wire, &UNREADABLE);
    assert_eq!((fate(&mut lab, wire), take(&mut lab, wire, usize::MAX)), (Fate::Open, alert));
    lab.pass(Duration::from_secs(5));
    assert_eq!((fate(&mut lab, wire), lab.shard.census()), (Fate::Close, Default::default()));
}

#[test]
fn a_request_that_breaks_while_its_target_shakes_hands_is_not_kept_for_ever() {
    let mut config = config(None, &[target()], Protocol::Https);
    config.load_balancers[0].attributes.idle_timeout = Duration::from_secs(1);
    let mut lab = Lab::new(config);
    let client = lab.connect_raw().unwrap();
    let wire = by_hand(&mut lab, client);
    offer(&mut lab, wire, b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n");
    let (back, _) = lab.dials.pop().unwrap();
    lab.turn(|turn| turn.dialed(back, Ok(Lab::endpoints(1))));
    lab.pass(Duration::from_secs(5));
    assert_eq!(fate(&mut lab, wire), Fate::Open, "a handshake has ten seconds");
    offer(&mut lab, wire, b"zz\r\nthis is no chunk\r\n");
    lab.turn(|turn| turn.wire(back).map(|mut wire| wire.lost()));
    let answer = lab.turn(|turn| turn.wire(wire).unwrap().pending().to_vec());
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    lab.pass(Duration::from_secs(10));
    assert_eq!((fate(&mut lab, wire), lab.shard.census().exchanges), (Fate::Close, 0), "it never took its answer");
}

/// Its requests would be told to targets as if they had come over TLS.
#[test]
fn a_connection_without_tls_ends_when_its_listener_gets_tls_and_stays_else() {
    for gets_tls in [true, false] {
        let mut lab = Lab::new(config(None, &[target()], Protocol::Http));
        let client = lab.connect_raw().unwrap();
        lab.run();
        let wire = by_hand(&mut lab, client);
        let new = config(gets_tls.then(terms), &[target()], Protocol::Http);
        lab.turn(|turn| turn.reconfigured(Arc::new(new)));
        offer(&mut lab, wire, GET.as_bytes());
        let dialed = lab.dials.pop();
        assert_eq!((fate(&mut lab, wire) == Fate::Close, dialed.is_none()), (gets_tls, gets_tls));
        let Some((back, _)) = dialed else { continue };
        lab.turn(|turn| turn.dialed(back, Ok(Lab::endpoints(1))));
        let request = String::from_utf8(take(&mut lab, back, usize::MAX)).unwrap();
        assert!(request.contains("X-Forwarded-Proto: http\r\n"), "{request}");
    }
}

#[test]
fn a_client_in_its_handshake_goes_with_its_listener() {
    for port in [443, 444] {
        let mut lab = secure_to_clients();
        let client = lab.connect();
        let mut new = config(Some(terms()), &[target()], Protocol::Http);
        new.listeners[0].port = port;
        lab.turn(|turn| turn.reconfigured(Arc::new(new)));
        lab.run();
        lab.pass(Duration::from_secs(11));
        lab.run();
        let stays = port == 443;
        assert_eq!((lab.peers[client].fate == Fate::Open, lab.shard.census().fronts == 1), (stays, stays));
    }
}

#[test]
fn a_tunnel_that_was_cut_off_does_not_look_whole_to_the_other_side() {
    for says_so in [true, false] {
        let mut lab = secure();
        lab.answer =
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhalf".to_vec();
        let client = lab.connect();
        lab.run();
        lab.says(client, "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        lab.run();
        assert!(lab.heard(client).ends_with("\r\n\r\nhalf"));
        if says_so {
            lab.peers[1].session.as_mut().unwrap().close();
            lab.run();
        }
        lab.ends(1);
        lab.run();
        let client = &lab.peers[client];
        assert_ne!(client.fate, Fate::Open);
        assert_eq!(client.session.as_ref().unwrap().peer_closed(), says_so);
    }
}

#[test]
fn a_listener_that_demands_certificates_from_now_on_serves_no_connection_without() {
    let verify = Verify { store: Arc::new(TrustStore::default()), ignore_expiry: false, advertise: false };
    for (mutual, serves) in [(MutualAuthentication::Verify(Arc::new(verify)), false), (terms().mutual, true)] {
        let mut lab = secure_to_clients();
        let client = lab.connect();
        lab.run();
        let new = Terms { mutual, ..Terms::new(policy("TLS13-1-2-2021-06"), identity("localhost")) };
        lab.turn(|turn| turn.reconfigured(Arc::new(config(Some(new), &[target()], Protocol::Http))));
        lab.says(client, GET);
        lab.run();
        assert_eq!(lab.heard(client).contains("200 OK"), serves, "{}", lab.heard(client));
    }
}

/// How many records without plaintext may follow each other is limited by the TLS library; how long they are together, by
/// padding (RFC 8446 section 5.4), is not: 32 KiB are borne.
#[test]
fn who_sends_nothing_but_padding_is_closed_after_32_kib_of_it() {
    let mut lab = secure();
    lab.connector = Connector::new(policy("TLS13-1-2-2021-06"), &hollow(), &lab.clock, &[]).unwrap();
    let client = lab.connect();
    lab.run();
    for answers in [1, 2] {
        say_padding(&mut lab, client, 16);
        assert_eq!(lab.peers[client].fate, Fate::Open);
        // With plaintext the count begins anew.
        lab.says(client, GET);
        lab.run();
        assert_eq!(lab.heard(client).matches("\r\n\r\nhi").count(), answers);
    }
    say_padding(&mut lab, client, 16);
    assert_eq!(lab.peers[client].fate, Fate::Open);
    say_padding(&mut lab, client, 1);
    assert_eq!((lab.peers[client].fate, lab.shard.census().fronts), (Fate::Close, 0));
}

/// Says so many records of 2 KiB.
fn say_padding(lab: &mut Lab, client: usize, records: usize) {
    for _ in 0..records {
        let record = sealed_text(lab, client, "-");
        assert_eq!(record.len(), 2048);
        lab.peers[client].raw.extend(record);
    }
    lab.run();
}

/// What is sealed for a record of 2 KiB with nothing but padding in it: the type of its content, and zeros.
const PADDING: [u8; 2048 - 5 - 1 - 16] = {
    let mut bytes = [0; 2048 - 5 - 1 - 16];
    bytes[0] = 23;
    bytes
};

/// Cryptography that seals padding instead of a single byte of plaintext.
fn hollow() -> Provider {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let hollow = |suite: &SupportedCipherSuite| match suite {
        SupportedCipherSuite::Tls13(Tls13CipherSuite { common, hkdf_provider, aead_alg, .. }) => {
            let common = rustls::crypto::CipherSuiteCommon { ..*common };
            let aead_alg = Box::leak(Box::new(Hollow(*aead_alg)));
            let suite = Tls13CipherSuite { common, hkdf_provider: *hkdf_provider, aead_alg, quic: None };
            SupportedCipherSuite::Tls13(Box::leak(Box::new(suite)))
        }
        other => *other,
    };
    let cipher_suites = provider.cipher_suites.iter().map(hollow).collect();
    CryptoProvider { cipher_suites, ..provider }.into()
}

struct Hollow(&'static dyn Tls13AeadAlgorithm);

impl Tls13AeadAlgorithm for Hollow {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(HollowEncrypter(self.0.encrypter(key, iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.0.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

struct HollowEncrypter(Box<dyn MessageEncrypter>);

impl MessageEncrypter for HollowEncrypter {
    fn encrypt(&mut self, mut message: OutboundPlainMessage<'_>, seq: u64) -> Result<OutboundOpaqueMessage, Error> {
        if message.typ == ContentType::ApplicationData && message.payload.len() == 1 {
            // The type follows the content: as a zero, it is padding, too.
            (message.typ, message.payload) = (ContentType::Unknown(0), OutboundChunks::Single(&PADDING));
        }
        self.0.encrypt(message, seq)
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        self.0.encrypted_payload_len(len)
    }
}
