//! Which certificate a client is shown, proved by what it gets: the default one or one of the list, by the host that it names and
//! by what it can use (guide CERT-01 to CERT-05).

#![cfg(feature = "aws-lc")]

mod tls_support;

use std::sync::Arc;

use sluicegate::tls::{Identity, MutualAuthentication, Session, Terms};
use tls_support::{Broken, Hello, Kind, Made, Wish, acceptor, ciphertext, client, nameless_client, pem, policy, shake};

const P256: Kind = Kind::P256;
const RSA: Kind = Kind::Rsa2048;

/// What today's clients can do.
const SUITES: &[u16] = &[0x1301, 0xC02B, 0xC02F];
const SCHEMES: &[u16] = &[0x0403, 0x0503, 0x0804, 0x0401];
const GROUPS: &[u16] = &[0x001D, 0x0017, 0x0018];

fn made(names: &[&str], kind: Kind) -> Made {
    Made::self_signed(&Wish { names, kind, ..Wish::default() })
}

/// A listener with certificates for those names, the default one first; ARNs are `arn:0`, `arn:1`, ...
struct Listener {
    made: Vec<Made>,
    identities: Vec<Arc<Identity>>,
    policy: &'static str,
}

impl Listener {
    fn new(certificates: &[(&[&str], Kind)]) -> Listener {
        Listener::of(certificates.iter().map(|(names, kind)| made(names, *kind)).collect())
    }

    fn of(made: Vec<Made>) -> Listener {
        let identities = made.iter().enumerate().map(|(at, made)| made.identity(&at.to_string())).collect();
        Listener { made, identities, policy: "TLS13-1-2-2021-06" }
    }

    fn session(&self) -> Session {
        let (default, list) = self.identities.split_first().unwrap();
        let default = Some(Arc::clone(default));
        let mutual = MutualAuthentication::Off;
        acceptor(&Terms { policy: policy(self.policy), default, list: list.to_vec(), mutual }).session()
    }

    /// Which certificate a client gets, by its place. Both sides must agree.
    fn shows(&self, mut client: Session) -> usize {
        let mut server = self.session();
        shake(&mut client, &mut server).unwrap();
        let place = self.made.iter().position(|made| client.peer_chain() == [&made.der[..]]).unwrap();
        assert_eq!(server.identity().unwrap().arn, format!("arn:{place}"));
        place
    }

    fn shows_to(&self, host: &str) -> usize {
        self.shows(client(policy("TLS13-1-2-2021-06"), host))
    }

    /// What is answered to a hello, and which certificate was chosen.
    fn answers(&self, hello: &Hello<'_>) -> (Result<Vec<u8>, String>, usize) {
        let mut session = self.session();
        let record = hello.record();
        assert_eq!(session.feed(&record).unwrap(), record.len());
        assert!(session.is_greeted(), "the hello is not whole");
        let answer = session.answer().map_err(|failure| failure.to_string());
        let chosen = session.identity().unwrap().arn["arn:".len()..].parse().unwrap();
        (answer.map(|()| ciphertext(&mut session)), chosen)
    }

    /// Which certificate is chosen for a hello. In TLS 1.2 it can be read on the wire.
    fn chooses(&self, hello: &Hello<'_>) -> usize {
        let (answer, chosen) = self.answers(hello);
        let answer = answer.unwrap();
        let der = &self.made[chosen].der;
        assert!(hello.tls13 || answer.windows(der.len()).any(|window| window == der), "it is not what is shown");
        chosen
    }
}

fn hello(host: &str) -> Hello<'_> {
    Hello { host: Some(host), suites: &[0xC02B, 0xC02F], schemes: SCHEMES, groups: GROUPS, ..Hello::default() }
}

#[test]
fn the_default_certificate_is_for_clients_that_name_no_host() {
    let listener = Listener::new(&[(&["a.test"], RSA), (&["a.test"], P256), (&["b.test"], P256)]);
    assert_eq!(listener.shows(nameless_client(policy("TLS13-1-2-2021-06"))), 0);
    assert_eq!(listener.chooses(&Hello { host: None, ..hello("") }), 0);
}

#[test]
fn the_default_certificate_is_for_hosts_that_no_certificate_of_the_list_has() {
    let listener = Listener::new(&[(&["a.test"], P256), (&["b.test"], P256)]);
    assert_eq!(listener.shows_to("a.test"), 0);
    assert_eq!(listener.shows_to("c.test"), 0);
    assert_eq!(listener.shows_to("x.b.test"), 0);
    assert_eq!(listener.shows_to("b.test"), 1);
}

#[test]
fn a_listener_with_one_certificate_shows_it_to_everybody() {
    let listener = Listener::new(&[(&["a.test"], P256)]);
    assert_eq!(listener.shows_to("a.test"), 0);
    assert_eq!(listener.shows_to("b.test"), 0);
}

#[test]
fn a_certificate_of_the_list_is_shown_to_those_who_name_one_of_its_hosts() {
    let listener = Listener::new(&[(&["a.test"], P256), (&["b.test", "c.test"], RSA), (&["d.test"], P256)]);
    assert_eq!(listener.shows_to("b.test"), 1);
    assert_eq!(listener.shows_to("C.TEST"), 1);
    assert_eq!(listener.shows_to("d.test"), 2);
}

#[test]
fn an_asterisk_is_for_one_label_and_not_for_the_apex() {
    let listener = Listener::new(&[(&["a.test"], P256), (&["*.example.com"], P256)]);
    assert_eq!(listener.shows_to("corp.example.com"), 1);
    assert_eq!(listener.shows_to("images.example.com"), 1);
    assert_eq!(listener.shows_to("test.login.example.com"), 0);
    assert_eq!(listener.shows_to("example.com"), 0);
}

#[test]
fn the_default_certificate_counts_among_those_of_the_list_only_if_it_is_there_too() {
    let certificates = [made(&["a.test"], P256), made(&["a.test"], RSA)];
    let apart = Listener::of(certificates.to_vec());
    assert_eq!(apart.shows_to("a.test"), 1);
    let mut there = Listener::of(certificates.to_vec());
    there.identities.push(Arc::clone(&there.identities[0]));
    assert_eq!(there.shows_to("a.test"), 0);
}

#[test]
fn a_default_certificate_that_is_in_the_list_stays_there_when_another_takes_its_place() {
    let (old, new) = (made(&["a.test"], P256), made(&["z.test"], P256));
    let mut listener = Listener::of(vec![old.clone()]);
    listener.identities.push(Arc::clone(&listener.identities[0]));
    let nameless = || nameless_client(policy("TLS13-1-2-2021-06"));
    assert_eq!((listener.shows_to("a.test"), listener.shows(nameless())), (0, 0));
    let replaced = Listener::of(vec![new, old]);
    assert_eq!((replaced.shows_to("a.test"), replaced.shows(nameless())), (1, 0));
}

#[test]
fn of_several_the_best_is_shown() {
    let a: &[&str] = &["a.test"];
    let z: (&[&str], Kind) = (&["z.test"], P256);
    let of = |kinds: &[Kind]| {
        let list = kinds.iter().map(|kind| (a, *kind));
        Listener::new(&core::iter::once(z).chain(list).collect::<Vec<_>>()).shows_to("a.test")
    };
    assert_eq!(of(&[Kind::Rsa3072, P256]), 2);
    assert_eq!(of(&[P256, Kind::Rsa3072]), 1);
    assert_eq!(of(&[RSA, Kind::Rsa3072]), 2);
    assert_eq!(of(&[P256, Kind::P384]), 2);
    assert_eq!(of(&[P256, P256]), 1);
}

#[test]
fn sha_is_shown_before_md5_though_its_key_is_shorter() {
    let list = |md5: usize| {
        let mut list = vec![made(&["z.test"], P256), made(&["a.test"], RSA), made(&["a.test"], RSA)];
        list[md5] = made(&["a.test"], Kind::Rsa3072);
        // sha256WithRSAEncryption becomes md5WithRSAEncryption, inside and outside of what is signed.
        for at in 0..list[md5].der.len() - 9 {
            if list[md5].der[at..].starts_with(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11]) {
                list[md5].der[at + 8] = 4;
            }
        }
        list[md5].chain = pem("CERTIFICATE", &list[md5].der);
        Listener::of(list)
    };
    assert_eq!(list(1).shows_to("a.test"), 2);
    assert_eq!(list(2).shows_to("a.test"), 1);
}

#[test]
fn of_equals_the_one_that_is_valid_longest_is_shown() {
    let until = |year| Made::self_signed(&Wish { not_after: (year, 1, 1), ..Wish::default() });
    let listener = Listener::of(vec![made(&["z.test"], P256), until(2027), until(2029), until(2028)]);
    assert_eq!(listener.shows_to("a.test"), 2);
}

#[test]
fn in_tls_12_a_client_with_suites_of_rsa_gets_rsa_though_it_verifies_ecdsa() {
    let listener = Listener::new(&[(&["z.test"], P256), (&["a.test"], P256), (&["a.test"], RSA)]);
    assert_eq!(listener.chooses(&hello("a.test")), 1);
    assert_eq!(listener.chooses(&Hello { suites: &[0xC02F, 0xC030], ..hello("a.test") }), 2);
    assert_eq!(listener.chooses(&Hello { suites: &[0xC02B], ..hello("a.test") }), 1);
}

#[test]
fn in_tls_12_a_client_that_verifies_no_ecdsa_gets_rsa() {
    let listener = Listener::new(&[(&["z.test"], P256), (&["a.test"], P256), (&["a.test"], RSA)]);
    for schemes in [&[0x0401][..], &[0x0804], &[0x0503, 0x0401]] {
        assert_eq!(listener.chooses(&Hello { schemes, ..hello("a.test") }), 2, "{schemes:x?}");
    }
}

#[test]
fn in_tls_12_a_client_without_the_curve_gets_another_certificate() {
    let certificates: [(&[&str], Kind); 4] =
        [(&["z.test"], P256), (&["a.test"], RSA), (&["a.test"], P256), (&["a.test"], Kind::P384)];
    let listener = Listener::new(&certificates);
    assert_eq!(listener.chooses(&hello("a.test")), 3);
    assert_eq!(listener.chooses(&Hello { groups: &[0x001D, 0x0017], ..hello("a.test") }), 2);
    assert_eq!(listener.chooses(&Hello { groups: &[0x001D], ..hello("a.test") }), 1);
}

#[test]
fn in_tls_13_a_client_gets_what_it_verifies_whatever_its_suites_of_tls_12() {
    let certificates: [(&[&str], Kind); 4] =
        [(&["z.test"], P256), (&["a.test"], RSA), (&["a.test"], P256), (&["a.test"], Kind::P384)];
    let listener = Listener::new(&certificates);
    let all = Hello { suites: SUITES, tls13: true, ..hello("a.test") };
    assert_eq!(listener.chooses(&all), 3);
    assert_eq!(listener.chooses(&Hello { suites: &[0x1301, 0xC02F], ..all.clone() }), 3);
    assert_eq!(listener.chooses(&Hello { schemes: &[0x0403, 0x0804], ..all.clone() }), 2);
    assert_eq!(listener.chooses(&Hello { schemes: &[0x0804], ..all.clone() }), 1);
}

#[test]
fn a_policy_without_tls_13_makes_suites_of_tls_12_count() {
    let mut listener = Listener::new(&[(&["z.test"], P256), (&["a.test"], P256), (&["a.test"], RSA)]);
    let offer = Hello { suites: &[0x1301, 0xC02F], tls13: true, ..hello("a.test") };
    assert_eq!(listener.chooses(&offer), 1);
    listener.policy = "2016-08";
    assert_eq!(listener.answers(&offer).1, 2);
}

#[test]
fn a_client_that_can_use_none_is_told_so() {
    let listener = Listener::new(&[(&["z.test"], RSA), (&["a.test"], P256), (&["a.test"], Kind::P384)]);
    let (answer, chosen) = listener.answers(&Hello { schemes: &[0x0804, 0x0401], ..hello("a.test") });
    assert_eq!(chosen, 2);
    assert!(answer.is_err());
    let mut session = listener.session();
    let record = Hello { suites: &[0xC02F], ..hello("a.test") }.record();
    session.feed(&record).unwrap();
    session.answer().unwrap_err();
    // handshake_failure (RFC 5246 section 7.2.2).
    assert_eq!(ciphertext(&mut session), [21, 3, 3, 0, 2, 2, 40]);
}

#[test]
fn the_name_reaches_the_other_side_only_from_clients_that_tell_it() {
    let listener = Listener::new(&[(&["a.test"], P256)]);
    let all = policy("TLS13-1-2-2021-06");
    let names =
        [(client(all, "b.test"), Some("b.test")), (nameless_client(all), None), (client(all, "192.0.2.1"), None)];
    for (mut client, name) in names {
        let mut server = listener.session();
        shake(&mut client, &mut server).unwrap();
        assert_eq!(server.server_name(), name);
    }
}

#[test]
fn two_that_have_no_version_in_common_fail_and_do_not_stall() {
    let mut listener = Listener::new(&[(&["a.test"], P256)]);
    listener.policy = "TLS13-1-3-2021-06";
    let failed = shake(&mut client(policy("TLS-1-2-2017-01"), "a.test"), &mut listener.session());
    assert!(matches!(failed, Err(Broken::Server(_))), "{failed:?}");
}
