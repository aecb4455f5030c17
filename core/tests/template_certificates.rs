//! The certificates of listeners as templates name them: by ARN, by resource, in lists.
#![cfg(feature = "aws-lc")]

mod template_support;
mod vault_support;

use std::sync::Arc;

use sluicegate::config::template::Inputs;
use sluicegate::time::Mono;
use sluicegate::tls::Pem;
use template_support::*;
use vault_support::*;

#[test]
fn what_is_wrong_with_a_certificate_is_an_error_where_it_is_named() {
    let (main, other) = (pem("a.example"), pem("b.example"));
    let (inputs, _) = Shelf::with(&["main"])
        .certificate(&arn("mismatch"), Pem { chain: main.chain.clone(), key: other.key.clone() })
        .certificate(&arn("empty"), Pem { chain: b"nothing".to_vec(), key: other.key.clone() })
        .certificate(&arn("keyless"), Pem { chain: main.chain.clone(), key: main.chain.clone() })
        .inputs();
    for (name, problem) in [
        ("missing", "no file has this certificate"),
        ("mismatch", "the private key is not the certificate's"),
        ("empty", "there is no certificate in PEM"),
        ("keyless", "there is no private key in PEM"),
    ] {
        edge(
            &inputs,
            &https(&certificate("main")),
            &https(&certificate(name)),
            &format!("t.yaml:11:172: Https.Certificates[0].CertificateArn: {problem}"),
        );
        let more = list("More", &[arn("main"), arn(name)]);
        edge(
            &inputs,
            &https(&certificate("main")),
            &https_and(&certificate("main"), &more),
            &format!("t.yaml:12:214: More.Certificates[1].CertificateArn: {problem}"),
        );
    }
    let (inputs, _) = Shelf::with(&["main"]).inputs();
    let no_arn = "is no ARN of a certificate: arn:aws:acm:REGION:ACCOUNT:certificate/NAME or arn:aws:iam::ACCOUNT:server-certificate/NAME";
    for inputs in [&inputs, &Inputs::default()] {
        edge(
            inputs,
            &https(&certificate("main")),
            &https("Certificates: [{ CertificateArn: main }]"),
            &format!("t.yaml:11:172: Https.Certificates[0].CertificateArn: `main` {no_arn}"),
        );
    }
}

#[test]
fn a_certificate_that_several_listeners_name_is_loaded_once_and_shared() {
    let (inputs, shelf) = Shelf::with(&["main", "more"]).inputs();
    let text = https_and(
        &certificate("main"),
        &(listener("Second", 444, &certificate("main")) + &list("More", &[arn("main"), arn("more")])),
    );
    let config = load_with(&text, &inputs).config;
    let (first, second) = (terms(&config, "Https"), terms(&config, "Second"));
    let default = first.default.as_ref().expect("a certificate");
    assert!(Arc::ptr_eq(default, second.default.as_ref().expect("a certificate")));
    // The default one may be in the list, too.
    assert!(Arc::ptr_eq(default, &first.list[0]));
    assert_eq!(arns(&first.list), [arn("main"), arn("more")]);
    assert!(second.list.is_empty());
    assert_eq!(shelf.asked(), [arn("main"), arn("more")]);
    // What is wrong with it is said once, too.
    let (inputs, shelf) = Shelf::default().inputs();
    assert_eq!(errors_with(&text, &inputs).len(), 2);
    assert_eq!(shelf.asked(), [arn("main"), arn("more")]);
}

#[test]
fn lists_of_one_listener_add_up_and_the_same_certificate_twice_is_a_warning() {
    let (inputs, _) = Shelf::with(&["main", "a", "b", "c"]).inputs();
    let more = list("More", &[arn("a"), arn("b")]) + &list("Others", &[arn("c"), arn("a")]);
    let loaded = load_with(&https_and(&certificate("main"), &more), &inputs);
    assert_eq!(arns(&terms(&loaded.config, "Https").list), [arn("a"), arn("b"), arn("c")]);
    assert_eq!(
        lines(&loaded.warnings),
        [
            "t.yaml:13:213: Others.Certificates[1].CertificateArn: the certificate is in the list of this listener already"
        ]
    );
}

#[test]
fn certificates_are_added_to_https_listeners_of_the_template() {
    let (inputs, _) = Shelf::with(&["main", "a"]).inputs();
    let to =
        |listener: &str| https_and(&certificate("main"), &list("More", &[arn("a")]).replace("!Ref Https", listener));
    edge(
        &inputs,
        &to("!Ref Https"),
        &to("!Ref Http"),
        "t.yaml:12:94: More.ListenerArn: an HTTP listener has no certificates",
    );
    edge(
        &inputs,
        &to("!GetAtt Https.ListenerArn"),
        &to("!ImportValue l"),
        "t.yaml:12:94: More.ListenerArn: a listener of this template is needed here; this is what another stack exports as `l`",
    );
    edge(
        &inputs,
        &to("!Ref Https"),
        &to("arn:x"),
        "t.yaml:12:94: More.ListenerArn: `arn:x` is the ARN of no listener in this template",
    );
}

#[test]
fn a_load_balancer_has_25_certificates_besides_default_ones() {
    let names = |count: usize| (0..count).map(|number| arn(&format!("c{number}"))).collect::<Vec<_>>();
    let shelf =
        names(26).iter().fold(Shelf::with(&["main", "second"]), |shelf, arn| shelf.certificate(arn, pem("x.example")));
    let (inputs, _) = shelf.inputs();
    let text = |first: &[String], second: &[String]| {
        let second = list("Others", second).replace("!Ref Https", "!Ref Second");
        https_and(
            &certificate("main"),
            &(listener("Second", 444, &certificate("second")) + &list("More", first) + &second),
        )
    };
    let too_many = "t.yaml:2:3: Web: a load balancer can have 25 certificates besides default ones; this one has 26";
    let names = names(26);
    edge(&inputs, &text(&names[..25], &[]), &text(&names, &[]), too_many);
    // The same one on two listeners counts once, and default ones do not count.
    let with = |names: &[String], more: &str| [names, &[arn(more)]].concat();
    edge(
        &inputs,
        &text(&with(&names[..20], "main"), &with(&names[15..25], "second")),
        &text(&names[..20], &names[15..]),
        too_many,
    );
    assert_eq!(errors(&text(&names, &[])), [too_many], "also where certificates are not looked for");
}

#[test]
fn a_server_certificate_stands_in_the_template_itself() {
    let (inputs, shelf) = Shelf::default().inputs();
    let default = |text: &str| {
        let config = load_with(text, &inputs).config;
        terms(&config, "Https").default.as_ref().map(|identity| identity.arn.clone()).expect("a certificate")
    };
    let whole = |properties: &str, certificate: &str| {
        https_and(
            &format!("Certificates: [{{ CertificateArn: {certificate} }}]"),
            &server_certificate(properties, &pem("shop.example")),
        )
    };
    let generated = default(&whole("", "!GetAtt Cert.Arn"));
    assert!(generated.starts_with("arn:aws:iam::000000000000:server-certificate/Cert-"), "{generated}");
    let properties = "      ServerCertificateName: web\n      Path: /cloud/front/\n";
    let written = "arn:aws:iam::000000000000:server-certificate/cloud/front/web";
    assert_eq!(default(&whole(properties, "!GetAtt Cert.Arn")), written);
    assert_eq!(default(&whole(properties, written)), written);
    assert_eq!(
        default(&whole(properties, "!Sub 'arn:aws:iam::${AWS::AccountId}:server-certificate/cloud/front/${Cert}'")),
        written
    );
    assert_eq!(shelf.asked(), [""; 0], "nobody else is asked");
    assert_eq!(
        errors_with(&whole(properties, "!Ref Cert"), &inputs),
        ["t.yaml:11:172: Https.Certificates[0].CertificateArn: `web` is the name of Cert; its ARN is !GetAtt Cert.Arn"]
    );
    // Others of the account are not in the template.
    assert_eq!(errors_with(&whole(properties, "arn:aws:iam::000000000000:server-certificate/web"), &inputs).len(), 1);
    assert_eq!(shelf.asked(), ["arn:aws:iam::000000000000:server-certificate/web"]);
}

#[test]
fn what_is_wrong_with_a_server_certificate_is_an_error_whether_a_listener_shows_it_or_not() {
    let (inputs, _) = Shelf::default().inputs();
    let (good, other) = (pem("shop.example"), pem("b.example"));
    let text = |properties: &str, pem: &Pem| with(&server_certificate(properties, pem));
    let mismatch = Pem { chain: good.chain.clone(), key: other.key };
    let error = "t.yaml:12:7: Cert: the private key is not the certificate's";
    edge(&inputs, &text("", &good), &text("", &mismatch), error);
    assert_eq!(
        errors_with(
            &https_and("Certificates: [{ CertificateArn: !GetAtt Cert.Arn }]", &server_certificate("", &mismatch)),
            &inputs
        ),
        ["t.yaml:15:7: Cert: the private key is not the certificate's"]
    );
    load(&text("", &mismatch));
    let name = |name: &str| text(&format!("      ServerCertificateName: '{name}'\n"), &good);
    edge(
        &inputs,
        &name(&"n".repeat(128)),
        &name("a b"),
        "t.yaml:12:30: Cert.ServerCertificateName: `a b` is not 1 to 128 letters, digits and any of `_+=,.@-`",
    );
    assert_eq!(errors_with(&name(&"n".repeat(129)), &inputs).len(), 1);
    let path = |path: &str| text(&format!("      Path: {path}\n"), &good);
    edge(
        &inputs,
        &path("/a/b/"),
        &path("/a/b"),
        "t.yaml:12:13: Cert.Path: `/a/b` does not begin and end with a slash, with names between slashes",
    );
    let long = |length: usize| text("", &Pem { chain: vec![b'c'; length], key: good.key.clone() });
    // With the end of its line.
    load(&long(16 * 1024 - 1));
    let error = "t.yaml:13:9: Cert.CertificateBody: has 16385 characters; 1 to 16384 are allowed";
    assert_eq!(errors(&long(16 * 1024)), [error]);
    let misspelt = text("", &good).replace("PrivateKey", "PrivatKey");
    let found = errors_with(&misspelt, &inputs);
    assert!(found[0].ends_with("Cert: PrivateKey is missing"), "{found:?}");
    assert!(found[1].ends_with("Cert: there is no property `PrivatKey`; did you mean `PrivateKey`?"), "{found:?}");
    let twice = text("      ServerCertificateName: web\n", &good)
        + &server_certificate("      ServerCertificateName: web\n", &good).replace("Cert:", "Other:");
    let found = errors_with(&twice, &inputs);
    assert!(
        found.len() == 1 && found[0].ends_with("Other: the server certificate Cert has the name `web` too"),
        "{found:?}"
    );
}

#[test]
fn the_certificates_above_a_server_certificate_stand_beside_it() {
    let (inputs, _) = Shelf::default().inputs();
    let above = String::from_utf8(pem("authority.example").chain).expect("PEM").replace('\n', "\n        ");
    let chain = format!("      CertificateChain: |\n        {}\n", above.trim_end());
    load_with(&with(&server_certificate(&chain, &pem("shop.example"))), &inputs);
    assert_eq!(
        errors_with(&with(&server_certificate("      CertificateChain: ''\n", &pem("a.example"))), &inputs),
        ["t.yaml:12:25: Cert.CertificateChain: has 0 characters; 1 to 2097152 are allowed"]
    );
}

#[test]
fn a_server_certificate_whose_key_only_the_account_knows_is_looked_for_like_any_other() {
    let arn = "arn:aws:iam::000000000000:server-certificate/web";
    let text = https_and(
        "Certificates: [{ CertificateArn: !GetAtt Cert.Arn }]",
        "  Cert:
    Type: AWS::IAM::ServerCertificate
    Properties: { ServerCertificateName: web, CertificateBody: x, PrivateKey: '{{resolve:secretsmanager:web}}' }
",
    );
    let (inputs, shelf) = Shelf::default().certificate(arn, pem("shop.example")).inputs();
    let config = load_with(&text, &inputs).config;
    assert!(terms(&config, "Https").default.is_some());
    assert_eq!(shelf.asked(), [arn]);
    assert_eq!(errors_with(&text, &Shelf::default().inputs().0).len(), 1);
}

#[test]
fn a_certificate_of_the_template_is_found_by_its_logical_id() {
    let text = https_and(
        "Certificates: [{ CertificateArn: !Ref Certificate }]",
        "  Certificate: { Type: AWS::CertificateManager::Certificate, Properties: { DomainName: shop.example } }\n",
    );
    let (inputs, _) = Shelf::with(&["Certificate", "real"]).inputs();
    let default = |inputs: &Inputs| {
        let config = load_with(&text, inputs).config;
        terms(&config, "Https").default.as_ref().map(|identity| identity.arn.clone())
    };
    assert_eq!(default(&inputs), Some(arn("Certificate")));
    let resolve = pairs(&[("Certificate", &arn("real"))]);
    assert_eq!(default(&Inputs { resolve, ..inputs.clone() }), Some(arn("real")));
    let elsewhere = Inputs { region: "eu-west-1".to_owned(), account: "123456789012".to_owned(), ..inputs };
    assert_eq!(errors_with(&text, &elsewhere).len(), 1, "the ARN has region and account");
}

#[test]
fn what_certificate_it_is_must_be_known_where_certificates_are_looked_for() {
    let (inputs, _) = Shelf::with(&["main"]).inputs();
    let found = |properties: &str| errors_with(&https(properties), &inputs);
    assert_eq!(
        found("Certificates: [{ CertificateArn: !ImportValue c }]"),
        [
            "t.yaml:11:172: Https.Certificates[0].CertificateArn: a single value is needed here, and nothing says what another stack exports as `c`; give it with --import c=VALUE"
        ]
    );
    assert!(found("Certificates: !ImportValue c")[0].contains("11:153: Https.Certificates: a list is needed here"));
    for unknown in ["[{ CertificateArn: !ImportValue c }]", "!ImportValue c"] {
        let config = load(&https(&format!("Certificates: {unknown}"))).config;
        assert!(terms(&config, "Https").default.is_none());
    }
    let imports = pairs(&[("c", &arn("main"))]);
    load_with(&https("Certificates: [{ CertificateArn: !ImportValue c }]"), &Inputs { imports, ..inputs });
}

#[test]
fn https_listeners_are_served_if_their_certificate_was_loaded() {
    let text = https_and(&certificate("main"), &list("More", &[arn("main")]));
    let (inputs, _) = Shelf::with(&["main"]).inputs();
    assert!(load_with(&text, &inputs).config.unserved().is_empty());
    let config = load(&text).config;
    let unserved: Vec<String> =
        config.unserved().into_iter().map(|one| format!("{}: {}", one.position, one.what)).collect();
    assert_eq!(
        unserved,
        [
            "9:3: Https: no certificate is loaded: say where certificates are with --certificates DIR or --certificate NAME=CHAIN.pem,KEY.pem"
        ]
    );
    let without = terms(&config, "Https");
    assert!(without.default.is_none() && without.list.is_empty());
}

#[test]
fn a_private_key_is_never_shown() {
    let (inputs, _) = Shelf::default().inputs();
    let secret = "-----BEGIN PRIVATE KEY----- c2VjcmV0";
    let parameter = format!("Parameters: {{ Key: {{ Type: String, NoEcho: true, Default: '{secret}' }} }}\n");
    let cert =
        |properties: &str| format!("  Cert: {{ Type: AWS::IAM::ServerCertificate, Properties: {{ {properties} }} }}\n");
    for misplaced in [
        https("Certificates: [{ CertificateArn: !Ref Key }]"),
        https("Certificates: [], SslPolicy: !Ref Key"),
        https("Certificates: [], MutualAuthentication: { Mode: !Ref Key }"),
        https("Certificates: [], MutualAuthentication: { Mode: verify, TrustStoreArn: !Ref Key }"),
        with(&cert("CertificateBody: a, PrivateKey: [!Ref Key]")),
        with(&cert("CertificateBody: a, PrivateKey: { Key: !Ref Key }")),
        with(&cert("CertificateBody: a, PrivateKey: !Sub '${Key}${'")),
        with(&cert("CertificateBody: !Ref Key, PrivateKey: !Ref Key")),
        with(&cert("CertificateBody: a, PrivateKey: a, Path: !Ref Key")),
        with(&cert("CertificateBody: a, PrivateKey: a, ServerCertificateName: !Ref Key")),
        with(&cert(&format!("CertificateBody: a, PrivateKey: !Sub '{secret}${{Nothing}}'"))),
        with(&cert(&format!("CertificateBody: a, '{secret}': a"))),
        with_resource("LoadBalancer", "{ Name: !Ref Key }"),
        with_resource("TargetGroup", "{ Protocol: !Ref Key, Port: !Ref Key }"),
    ] {
        let found = errors_with(&(parameter.clone() + &misplaced), &inputs);
        assert!(!found.is_empty() && !found.concat().contains("c2VjcmV0"), "{found:#?}");
    }
    let refused = parameter.replace("NoEcho: true", "NoEcho: true, AllowedValues: [a]");
    let found = errors_with(&(refused + &with("")), &inputs);
    assert!(found.len() == 1 && found[0].contains("a private key") && !found[0].contains("c2VjcmV0"), "{found:?}");
}

#[test]
fn certificates_that_are_not_valid_now_are_served_with_a_warning() {
    let dated = |first: i32, last: i32| {
        pem_of("shop.example", &rcgen::PKCS_ECDSA_P256_SHA256, |params| {
            params.not_before = rcgen::date_time_ymd(first, 1, 1);
            params.not_after = rcgen::date_time_ymd(last, 1, 1);
        })
    };
    let warnings = |pem: Pem| {
        let (inputs, _) = Shelf::default().certificate(&arn("main"), pem).inputs();
        let loaded =
            load_with(&https_and(&certificate("main"), &listener("Second", 444, &certificate("main"))), &inputs);
        assert!(loaded.config.unserved().is_empty());
        lines(&loaded.warnings)
    };
    let place = "t.yaml:11:172: Https.Certificates[0].CertificateArn: the certificate";
    assert_eq!(warnings(dated(2026, 2027)), [""; 0]);
    assert_eq!(warnings(dated(2025, 2026)), [format!("{place} has expired: it was valid until 2026-01-01T00:00:00Z")]);
    assert_eq!(warnings(dated(2027, 2028)), [format!("{place} is not valid before 2027-01-01T00:00:00Z")]);
    let (inputs, _) = Shelf::default().inputs();
    assert_eq!(
        lines(&load_with(&with(&server_certificate("", &dated(2025, 2026))), &inputs).warnings),
        ["t.yaml:12:7: Cert: the certificate has expired: it was valid until 2026-01-01T00:00:00Z"]
    );
}

#[test]
fn keys_that_clients_cannot_use_are_errors() {
    let found = |algorithm| {
        let (inputs, _) = Shelf::default().certificate(&arn("main"), pem_of("a.example", algorithm, |_| {})).inputs();
        errors_with(&https(&certificate("main")), &inputs)
    };
    assert_eq!(found(&rcgen::PKCS_ECDSA_P384_SHA384), [""; 0]);
    assert_eq!(found(&rcgen::PKCS_RSA_SHA256), [""; 0]);
    assert_eq!(
        found(&rcgen::PKCS_ED25519),
        [
            "t.yaml:11:172: Https.Certificates[0].CertificateArn: Ed25519 keys are not supported; RSA with 2048, 3072 or 4096 bits and ECDSA are"
        ]
    );
}

#[test]
fn a_certificate_that_is_replaced_is_another_one_in_the_next_configuration() {
    let text = https_and(&certificate("main"), &list("More", &[arn("a"), arn("b")]));
    let first = load_with(&text, &Shelf::with(&["main", "a", "b"]).inputs().0).config;
    // The default one was replaced and is in the list, one was removed, one was added.
    let changed = https_and(&certificate("new"), &list("More", &[arn("main"), arn("b"), arn("c")]));
    let next = load_with(&changed, &Shelf::with(&["main", "new", "b", "c"]).inputs().0).config;
    let next = next.next(&first, Mono::from_nanos(0));
    let terms = terms(&next, "Https");
    assert_eq!(terms.default.as_ref().map(|identity| identity.arn.clone()), Some(arn("new")));
    assert_eq!(arns(&terms.list), [arn("main"), arn("b"), arn("c")]);
    assert_eq!(next.listeners[1].arn, first.listeners[1].arn, "the listener is still the same");
}
