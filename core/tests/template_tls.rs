//! What templates say of TLS besides certificates: security policies, client certificates, trust stores.
#![cfg(feature = "aws-lc")]

mod template_support;
mod vault_support;

use std::sync::Arc;

use sluicegate::config::{Config, Revocation, S3Object};
use sluicegate::time::Mono;
use sluicegate::tls::{MutualAuthentication, Policy, Terms, Version};
use template_support::*;
use vault_support::*;

#[test]
fn an_https_listener_has_exactly_one_certificate_and_a_policy_and_an_http_listener_none() {
    let (inputs, _) = Shelf::with(&["main", "other"]).inputs();
    let good = https(&certificate("main"));
    let config = load_with(&good, &inputs).config;
    assert!(config.listeners[0].tls.is_none(), "HTTP has no TLS");
    let Terms { policy, default, list, mutual } = terms(&config, "Https");
    assert_eq!(policy.name, "ELBSecurityPolicy-2016-08");
    assert_eq!(default.as_ref().map(|identity| identity.arn.clone()), Some(arn("main")));
    assert!(list.is_empty() && matches!(mutual, MutualAuthentication::Off));
    let two =
        format!("Certificates: [{{ CertificateArn: '{}' }}, {{ CertificateArn: '{}' }}]", arn("main"), arn("other"));
    let exactly = |place: &str| {
        format!(
            "t.yaml:{place}: Https.Certificates: exactly one certificate stands here; others belong into a ListenerCertificate"
        )
    };
    edge(&inputs, &good, &https(&two), &exactly("11:153"));
    edge(&inputs, &good, &https("Certificates: []"), &exactly("11:153"));
    edge(&inputs, &good, &https(""), "t.yaml:11:17: Https: an HTTPS listener needs Certificates");
}

#[test]
fn without_a_policy_a_listener_has_the_default_one() {
    let inputs = main_inputs();
    let name = |properties: &str| terms(&load_with(&secured(properties), &inputs).config, "Https").policy.name;
    assert_eq!(name(""), "ELBSecurityPolicy-2016-08");
    assert_eq!(name("SslPolicy: !Ref AWS::NoValue"), "ELBSecurityPolicy-2016-08");
    for policy in Policy::all() {
        assert_eq!(name(&format!("SslPolicy: {}", policy.name)), policy.name);
    }
}

#[test]
fn there_are_no_policies_but_the_predefined_ones() {
    let inputs = main_inputs();
    let good = secured("SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06");
    for (name, expected) in [
        (
            "my-own-policy",
            "t.yaml:11:241: Https.SslPolicy: `my-own-policy` is none of the predefined security policies",
        ),
        (
            "ELBSecurityPolicy-2016-8",
            "t.yaml:11:241: Https.SslPolicy: `ELBSecurityPolicy-2016-8` is none of the predefined security policies; did you mean `ELBSecurityPolicy-2016-08`?",
        ),
        (
            "TLS13-1-3-2021-06",
            "t.yaml:11:241: Https.SslPolicy: `TLS13-1-3-2021-06` is none of the predefined security policies; did you mean `ELBSecurityPolicy-TLS13-1-3-2021-06`?",
        ),
    ] {
        edge(&inputs, &good, &secured(&format!("SslPolicy: {name}")), expected);
    }
    let imported = errors_with(&secured("SslPolicy: !ImportValue p"), &inputs);
    assert!(
        imported.len() == 1 && imported[0].contains("nothing says what another stack exports as `p`"),
        "{imported:?}"
    );
}

#[test]
fn a_policy_of_which_nothing_can_be_served_is_an_error_that_says_why() {
    let without = |versions: &[Version]| {
        let mut inputs = main_inputs();
        if let Some(keyring) = &mut inputs.keyring {
            keyring.provider = keyring.provider.without(versions);
        }
        inputs
    };
    let only_13 = without(&[Version::Tls12]);
    let good = secured("SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06");
    let why = "nothing of `ELBSecurityPolicy-2016-08` can be served: the cryptography here has none of its cipher suites for TLSv1.2, TLSv1.1, TLSv1";
    edge(
        &only_13,
        &good,
        &secured("SslPolicy: ELBSecurityPolicy-2016-08"),
        &format!("t.yaml:11:241: Https.SslPolicy: {why}"),
    );
    edge(&only_13, &good, &secured(""), &format!("t.yaml:11:17: Https: {why}"));
    edge(
        &without(&[Version::Tls13]),
        &good,
        &secured("SslPolicy: ELBSecurityPolicy-TLS13-1-3-2021-06"),
        "t.yaml:11:241: Https.SslPolicy: nothing of `ELBSecurityPolicy-TLS13-1-3-2021-06` can be served: the cryptography here has none of its cipher suites for TLSv1.3",
    );
    // Without a keyring nobody knows what can be served.
    load(&secured(""));
}

#[test]
fn policies_that_keep_to_fips_and_others_do_not_mix_on_a_load_balancer() {
    let inputs = main_inputs();
    const FIPS: &str = "SslPolicy: ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04";
    let two = |first: &str, second: &str| {
        let main = certificate("main");
        https_and(&format!("{main}, {first}"), &listener("Second", 444, &format!("{main}, {second}")))
    };
    let fips_13 = "SslPolicy: ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04";
    let other = "SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06";
    load_with(&two(FIPS, fips_13), &inputs);
    load_with(&two(other, ""), &inputs);
    let mixed = "keeps to FIPS 140 and `ELBSecurityPolicy-TLS13-1-2-2021-06`, which the listener";
    assert_eq!(
        errors_with(&two(FIPS, other), &inputs),
        [format!(
            "t.yaml:11:241: Https.SslPolicy: `ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04` {mixed} Second of the same load balancer has, does not; they cannot be mixed"
        )]
    );
    assert_eq!(
        errors_with(&two(other, FIPS), &inputs),
        [format!(
            "t.yaml:14:241: Second.SslPolicy: `ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04` {mixed} Https of the same load balancer has, does not; they cannot be mixed"
        )]
    );
    let default = errors_with(&two("", FIPS), &inputs);
    assert!(
        default.len() == 1 && default[0].contains("`ELBSecurityPolicy-2016-08`, which the listener Https"),
        "{default:?}"
    );
    let elsewhere = two(FIPS, other).replace("Second:\n", "Second: # elsewhere\n").replace(
        "LoadBalancerArn: !Ref Web, Port: 444, Protocol: HTTPS, DefaultActions: [{ Type: forward, TargetGroupArn: !Ref Group }]",
        "LoadBalancerArn: !Ref Web2, Port: 444, Protocol: HTTPS, DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: 200 } }]",
    ) + "  Web2: { Type: AWS::ElasticLoadBalancingV2::LoadBalancer }\n";
    load_with(&elsewhere, &inputs);
}

#[test]
fn a_policy_that_keeps_to_fips_is_a_warning_since_the_module_is_not_validated() {
    let loaded = load_with(&secured("SslPolicy: ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04"), &main_inputs());
    assert_eq!(
        lines(&loaded.warnings),
        [
            "t.yaml:11:241: Https.SslPolicy: what `ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04` allows is kept to, but the cryptography here is not the validated module that FIPS 140 asks for"
        ]
    );
}

/// An HTTPS listener that asks its clients like this, and a trust store `Trust`.
fn mutual(block: &str) -> String {
    https_and(&format!("{}, MutualAuthentication: {block}", certificate("main")), &trust("Trust", "clients.pem"))
}

fn trust(name: &str, key: &str) -> String {
    format!(
        "  {name}: {{ Type: AWS::ElasticLoadBalancingV2::TrustStore, Properties: {{ CaCertificatesBundleS3Bucket: bucket, CaCertificatesBundleS3Key: {key} }} }}\n"
    )
}

fn revocation(name: &str, store: &str, contents: &str) -> String {
    format!(
        "  {name}: {{ Type: AWS::ElasticLoadBalancingV2::TrustStoreRevocation, Properties: {{ TrustStoreArn: {store}, RevocationContents: {contents} }} }}\n"
    )
}

fn trusting() -> Shelf {
    Shelf::with(&["main"]).object("s3://bucket/clients.pem", Authority::until(2030).bundle())
}

#[test]
fn listeners_ask_nothing_pass_on_or_verify_and_pass_on_where_a_block_names_no_mode() {
    let (inputs, _) = trusting().inputs();
    let asked = |block: &str| terms(&load_with(&mutual(block), &inputs).config, "Https").mutual.clone();
    for off in [
        "!Ref AWS::NoValue",
        "{ Mode: off }",
        "{ Mode: off, IgnoreClientCertificateExpiry: false, AdvertiseTrustStoreCaNames: off }",
    ] {
        assert!(matches!(asked(off), MutualAuthentication::Off), "{off}");
    }
    for passthrough in ["{}", "{ Mode: passthrough }", "{ IgnoreClientCertificateExpiry: false }"] {
        assert!(matches!(asked(passthrough), MutualAuthentication::Passthrough), "{passthrough}");
    }
    for (more, ignore_expiry, advertise) in [
        ("", false, false),
        (", IgnoreClientCertificateExpiry: true", true, false),
        (", AdvertiseTrustStoreCaNames: on", false, true),
        (", IgnoreClientCertificateExpiry: false, AdvertiseTrustStoreCaNames: off", false, false),
    ] {
        for arn in ["!Ref Trust", "!GetAtt Trust.TrustStoreArn"] {
            let MutualAuthentication::Verify(verify) =
                asked(&format!("{{ Mode: verify, TrustStoreArn: {arn}{more} }}"))
            else {
                panic!("{more}");
            };
            assert_eq!((verify.ignore_expiry, verify.advertise), (ignore_expiry, advertise), "{more}");
        }
    }
}

#[test]
fn verifying_needs_a_trust_store_of_the_template_and_nothing_else_has_one() {
    let (inputs, _) = trusting().inputs();
    let good = mutual("{ Mode: verify, TrustStoreArn: !Ref Trust }");
    let only = |mode: &str| format!("only the mode verify has it, and the mode is {mode}");
    for (block, expected) in [
        ("{ Mode: verify }", "252: Https.MutualAuthentication: the mode verify needs TrustStoreArn".to_owned()),
        (
            "{ Mode: verified }",
            "260: Https.MutualAuthentication.Mode: `verified` is none of off, passthrough, verify"
                .to_owned(),
        ),
        (
            "{ Mode: verify, TrustStoreArn: arn:x }",
            "283: Https.MutualAuthentication.TrustStoreArn: `arn:x` is the ARN of no trust store in this template"
                .to_owned(),
        ),
        (
            "{ Mode: verify, TrustStoreArn: !ImportValue t }",
            "283: Https.MutualAuthentication.TrustStoreArn: a trust store of this template is needed here; this is what another stack exports as `t`".to_owned(),
        ),
        (
            "{ Mode: verify, TrustStoreArn: [!Ref Trust] }",
            "283: Https.MutualAuthentication.TrustStoreArn: a single value must stand here, not a list".to_owned(),
        ),
        (
            "{ TrustStoreArn: !Ref Trust }",
            format!("269: Https.MutualAuthentication.TrustStoreArn: {}", only("passthrough")),
        ),
        (
            "{ Mode: off, TrustStoreArn: !Ref Trust }",
            format!("280: Https.MutualAuthentication.TrustStoreArn: {}", only("off")),
        ),
        (
            "{ IgnoreClientCertificateExpiry: true }",
            format!("285: Https.MutualAuthentication.IgnoreClientCertificateExpiry: {}", only("passthrough")),
        ),
        (
            "{ Mode: off, AdvertiseTrustStoreCaNames: on }",
            format!("293: Https.MutualAuthentication.AdvertiseTrustStoreCaNames: {}", only("off")),
        ),
    ] {
        edge(&inputs, &good, &mutual(block), &format!("t.yaml:11:{expected}"));
    }
}

#[test]
fn an_http_listener_asks_for_no_client_certificates() {
    let http = |block: &str| {
        with("").replace(
            "Protocol: HTTP, DefaultActions",
            &format!("Protocol: HTTP, MutualAuthentication: {block}, DefaultActions"),
        )
    };
    for asks in ["{}", "{ Mode: passthrough }"] {
        boundary(
            &http("{ Mode: off }"),
            &http(asks),
            "Http.MutualAuthentication: an HTTP listener has no client certificates",
        );
    }
}

#[test]
fn a_load_balancer_has_two_listeners_that_verify_and_they_may_share_a_trust_store() {
    let (inputs, shelf) = trusting().inputs();
    let verifying = |port: u16, more: &str| {
        let block =
            format!("{}, MutualAuthentication: {{ Mode: verify, TrustStoreArn: !Ref Trust }}", certificate("main"));
        listener(&format!("L{port}"), port, &block) + more
    };
    let passing = listener("Passing", 450, &format!("{}, MutualAuthentication: {{}}", certificate("main")));
    let some = |count: u16| {
        with(&(1..=count).map(|n| verifying(450 + n, "")).collect::<String>())
            + &passing
            + &trust("Trust", "clients.pem")
    };
    edge(
        &inputs,
        &some(2),
        &some(3),
        "t.yaml:2:3: Web: a load balancer can have 2 listeners that verify client certificates; this one has 3",
    );
    let config = load_with(&some(2), &inputs).config;
    let store = |name: &str| match &terms(&config, name).mutual {
        MutualAuthentication::Verify(verify) => Arc::clone(&verify.store),
        other => panic!("{other:?}"),
    };
    assert!(Arc::ptr_eq(&store("L451"), &store("L452")));
    assert_eq!(shelf.asked().iter().filter(|asked| asked.starts_with("s3:")).count(), 3, "once for each reading");
}

#[test]
fn a_trust_store_that_a_listener_verifies_with_cannot_be_taken_away() {
    let (inputs, _) = trusting().inputs();
    let text = mutual("{ Mode: verify, TrustStoreArn: !Ref Trust }");
    let without = text.replace(&trust("Trust", "clients.pem"), "");
    edge(&inputs, &text, &without, "t.yaml:11:283: Https: there is no parameter or resource `Trust`");
}

#[test]
fn trust_stores_that_no_listener_verifies_with_need_not_be_at_hand() {
    let verifying = mutual("{ Mode: verify, TrustStoreArn: !Ref Trust }");
    let revoked =
        |text: &str| text.to_owned() + &revocation("Revoked", "!Ref Trust", "[{ S3Bucket: bucket, S3Key: crl }]");
    let (inputs, shelf) = trusting().inputs();
    edge(
        &inputs,
        &verifying,
        &verifying.replace("clients.pem", "other.pem"),
        "t.yaml:12:138: Trust.CaCertificatesBundleS3Key: s3://bucket/other.pem is not there",
    );
    edge(
        &inputs,
        &verifying,
        &revoked(&verifying),
        "t.yaml:13:160: Revoked.RevocationContents[0].S3Key: s3://bucket/crl is not there",
    );
    let asked = || shelf.asked().iter().filter(|asked| asked.starts_with("s3://")).count();
    let before = asked();
    for unused in [with(&trust("Trust", "other.pem")), mutual("{ Mode: passthrough }")] {
        assert_eq!(lines(&load_with(&revoked(&unused), &inputs).warnings), [""; 0]);
    }
    assert_eq!(asked(), before);
    // Where nobody looks for them, they need not be there either, nor be known.
    load(&revoked(&verifying));
    load(&revoked(&verifying).replace(
        "S3Bucket: bucket, S3Key: crl",
        "S3Bucket: !ImportValue b, S3Key: !ImportValue k, S3ObjectVersion: !ImportValue v",
    ));
}

#[test]
fn objects_are_named_by_bucket_key_and_version() {
    let (inputs, shelf) =
        Shelf::with(&["main"]).object("s3://bucket/a/clients.pem?7", Authority::until(2030).bundle()).inputs();
    let store = |properties: &str| {
        with_resource(
            "TrustStore",
            &format!("{{ CaCertificatesBundleS3Bucket: bucket, CaCertificatesBundleS3Key: {properties} }}"),
        )
    };
    let good = store("a/clients.pem, CaCertificatesBundleS3ObjectVersion: 7");
    load_with(&good, &inputs);
    let verifying = mutual("{ Mode: verify, TrustStoreArn: !Ref Trust }")
        .replace("clients.pem", "a/clients.pem, CaCertificatesBundleS3ObjectVersion: 7");
    load_with(&verifying, &inputs);
    assert_eq!(shelf.asked(), ["s3://bucket/a/clients.pem?7", &arn("main")]);
    let long = "k".repeat(1025);
    for (bad, message) in [
        (
            with_resource("TrustStore", "{ CaCertificatesBundleS3Bucket: b }"),
            "11:17: Other: CaCertificatesBundleS3Key is missing",
        ),
        (
            with_resource("TrustStore", "{ CaCertificatesBundleS3Key: k }"),
            "11:17: Other: CaCertificatesBundleS3Bucket is missing",
        ),
        (
            good.replace("3Bucket: bucket", "3Bucket: a/b"),
            "11:49: Other.CaCertificatesBundleS3Bucket: a bucket's name has no slash",
        ),
        (store(&long), "11:84: Other.CaCertificatesBundleS3Key: has 1025 characters; 1 to 1024 are allowed"),
        (store("''"), "11:84: Other.CaCertificatesBundleS3Key: has 0 characters; 1 to 1024 are allowed"),
        (
            store("!ImportValue k"),
            "11:84: Other.CaCertificatesBundleS3Key: a single value is needed here, and nothing says what another stack exports as `k`; give it with --import k=VALUE",
        ),
    ] {
        let found: Vec<String> =
            errors_with(&bad, &inputs).into_iter().filter(|line| !line.contains("is not there")).collect();
        assert_eq!(found, [format!("t.yaml:{message}")]);
    }
    let revoked =
        |contents: &str| with(&(trust("Trust", "clients.pem") + &revocation("Revoked", "!Ref Trust", contents)));
    let good = revoked("[{ S3Bucket: b, S3Key: k, RevocationType: CRL }]");
    boundary(
        &good,
        &revoked("[{ S3Bucket: b, S3Key: k, RevocationType: OCSP }]"),
        "10:174: Revoked.RevocationContents[0].RevocationType: `OCSP` is none of CRL",
    );
    boundary(&good, &revoked("[{ S3Bucket: b }]"), "Revoked.RevocationContents[0]: S3Key is missing");
    boundary(
        &good,
        &good.replace("!Ref Trust", "arn:x"),
        "Revoked.TrustStoreArn: `arn:x` is the ARN of no trust store in this template",
    );
    boundary(&good, &good.replace("TrustStoreArn: !Ref Trust, ", ""), "Revoked: TrustStoreArn is missing");
}

#[test]
fn there_are_twenty_trust_stores_and_thirty_revocation_lists_of_one() {
    let stores = |count: usize| with(&(0..count).map(|n| trust(&format!("T{n}"), "clients.pem")).collect::<String>());
    boundary(&stores(20), &stores(21), "t.yaml:29:69: T20: more than 20 trust stores");
    // What is too many is not loaded.
    let (inputs, shelf) = trusting().inputs();
    let verifying = |number: usize| {
        let block =
            format!("{}, MutualAuthentication: {{ Mode: verify, TrustStoreArn: !Ref T{number} }}", certificate("main"));
        stores(22) + &listener("Https", 443, &block)
    };
    for (number, objects) in [(19, 1), (20, 1)] {
        assert_eq!(errors_with(&verifying(number), &inputs).len(), 1);
        assert_eq!(shelf.asked().iter().filter(|asked| asked.starts_with("s3://")).count(), objects);
    }
    let lists = |counts: [usize; 2]| {
        let contents = |count: usize| format!("[{}]", vec!["{ S3Bucket: b, S3Key: k }"; count].join(", "));
        let [first, second] = counts.map(contents);
        with(
            &(trust("Trust", "clients.pem")
                + &revocation("A", "!Ref Trust", &first)
                + &revocation("B", "!Ref Trust", &second)),
        )
    };
    boundary(
        &lists([20, 10]),
        &lists([20, 11]),
        "B.RevocationContents[10]: more than 30 revocation lists of one trust store",
    );
    let names = |second: &str| {
        let named = |name: &str| {
            trust(name, "clients.pem")
                .replace("Properties: {", &format!("Properties: {{ Name: {second},"))
                .replace("Name: first, Name", "Name")
        };
        with(&(trust("A", "clients.pem").replace("Properties: {", "Properties: { Name: first,") + &named("B")))
    };
    boundary(&names("second"), &names("first"), "B: the trust store A has the name `first` too");
}

/// A trust store with these revocation lists, in the keys `1`, `2` and so on of the bucket.
fn revoking(lists: usize) -> String {
    let contents: Vec<String> =
        (1..=lists).map(|number| format!("{{ S3Bucket: bucket, S3Key: '{number}' }}")).collect();
    let (first, rest) = contents.split_at(contents.len().min(1));
    let revoked =
        |name: &str, contents: &[String]| revocation(name, "!Ref Trust", &format!("[{}]", contents.join(", ")));
    https_and(
        &format!("{}, MutualAuthentication: {{ Mode: verify, TrustStoreArn: !Ref Trust }}", certificate("main")),
        &(trust("Trust", "clients.pem") + &revoked("First", first) + &revoked("Others", rest)),
    )
}

#[test]
fn a_trust_store_has_one_bundle_and_the_lists_of_all_its_revocations() {
    let authority = Authority::until(2030);
    let (inputs, shelf) = Shelf::with(&["main"])
        .object("s3://bucket/clients.pem", authority.bundle())
        .object("s3://bucket/1", authority.revokes(&[1, 2], 2027))
        .object("s3://bucket/2", authority.revokes(&[3], 2027))
        .object("s3://bucket/3", authority.revokes(&[], 2027))
        .inputs();
    let store = |lists: usize| {
        let loaded = load_with(&revoking(lists), &inputs);
        assert_eq!(lines(&loaded.warnings), [""; 0]);
        match &terms(&loaded.config, "Https").mutual {
            MutualAuthentication::Verify(verify) => Arc::clone(&verify.store),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((store(0).certificates(), store(0).revoked_entries()), (1, 0));
    assert_eq!([1, 2, 3].map(|lists| store(lists).revoked_entries()), [2, 3, 3]);
    assert!(store(0).name().contains(":truststore/Trust-"), "{}", store(0).name());
    let asked = shelf.asked();
    let objects = |asked: &String| asked.strip_prefix("s3://bucket/").map(str::to_owned);
    let last: Vec<String> = asked.iter().filter_map(objects).collect();
    assert!(last.join(" ").contains("clients.pem 1 2 3"), "in their order: {last:?}");
    // Without a keyring nobody is trusted.
    let config = load(&revoking(3)).config;
    let MutualAuthentication::Verify(verify) = &terms(&config, "Https").mutual else { panic!("it verifies") };
    assert_eq!((verify.store.certificates(), verify.store.revoked_entries()), (0, 0));
}

#[test]
fn what_is_wrong_with_a_trust_store_is_an_error_where_the_object_is_named() {
    let (authority, stranger) = (Authority::until(2030), Authority::until(2030));
    let shelf = |bundle: &[u8], second: &[u8]| {
        Shelf::with(&["main"])
            .object("s3://bucket/clients.pem", bundle)
            .object("s3://bucket/1", authority.revokes(&[1], 2027))
            .object("s3://bucket/2", second)
            .object("s3://bucket/3", authority.revokes(&[3], 2027))
            .inputs()
            .0
    };
    let good = authority.revokes(&[2], 2027);
    load_with(&revoking(3), &shelf(&authority.bundle(), &good));
    assert_eq!(
        errors_with(&revoking(3), &shelf(b"nothing", &good)),
        [
            "t.yaml:12:138: Trust.CaCertificatesBundleS3Key: there is no certificate in the CA bundle, which has to be PEM"
        ]
    );
    assert_eq!(
        errors_with(&revoking(3), &shelf(&pem("shop.example").chain, &good)),
        ["t.yaml:12:138: Trust.CaCertificatesBundleS3Key: certificate 1 of the CA bundle is not a CA's"]
    );
    let second = "t.yaml:14:159: Others.RevocationContents[0].S3Key: revocation list 2";
    assert_eq!(
        errors_with(&revoking(3), &shelf(&authority.bundle(), b"nothing")),
        [format!("{second} is no certificate revocation list in PEM or DER")]
    );
    let found = errors_with(&revoking(3), &shelf(&authority.bundle(), &stranger.revokes(&[2], 2027)));
    assert!(found.len() == 1 && found[0].starts_with(second), "{found:?}");
}

#[test]
fn what_has_expired_in_a_trust_store_is_a_warning() {
    let warnings = |authority_until: i32, list_until: i32| {
        let authority = Authority::until(authority_until);
        let (inputs, _) = Shelf::with(&["main"])
            .object("s3://bucket/clients.pem", authority.bundle())
            .object("s3://bucket/1", authority.revokes(&[1], list_until))
            .inputs();
        lines(&load_with(&revoking(1), &inputs).warnings)
    };
    assert_eq!(warnings(2027, 2027), [""; 0]);
    assert_eq!(
        warnings(2026, 2027),
        ["t.yaml:12:71: Trust: certificate 1 of the CA bundle has expired and vouches for nobody"]
    );
    assert_eq!(
        warnings(2027, 2026),
        ["t.yaml:12:71: Trust: revocation list 1 has expired; what it revokes stays revoked"]
    );
}

#[test]
fn revocation_lists_are_numbered_from_one_through_all_resources_and_keep_their_ids() {
    let authority = Authority::until(2030);
    let list = |number: u8| authority.revokes(&[number], 2027);
    let (inputs, _) = Shelf::with(&["main"])
        .object("s3://bucket/clients.pem", authority.bundle())
        .object("s3://bucket/1", list(1))
        .object("s3://bucket/2", list(2))
        .object("s3://bucket/2?9", list(2))
        .object("s3://bucket/3", list(3))
        .inputs();
    let lists = |config: &Config| -> Vec<(u64, String)> {
        let [store] = &config.trust_stores[..] else { panic!("one trust store") };
        let list = |one: &Revocation| {
            let S3Object { bucket, key, version } = one.object.clone().expect("a known place");
            (one.id, format!("{bucket}/{key}?{}", version.unwrap_or_default()))
        };
        store.revocations.iter().map(list).collect()
    };
    let places = |all: &[(u64, &str)]| all.iter().map(|(id, key)| (*id, format!("bucket/{key}"))).collect::<Vec<_>>();
    let first = load_with(&revoking(3), &inputs).config;
    assert_eq!(lists(&first), places(&[(1, "1?"), (2, "2?"), (3, "3?")]));
    assert_eq!(first.trust_stores[0].logical_id, "Trust");
    assert!(
        matches!(&terms(&first, "Https").mutual, MutualAuthentication::Verify(verify) if Arc::ptr_eq(&verify.store, &first.trust_stores[0].contents))
    );
    let versioned = revoking(3).replace("S3Key: '2' }", "S3Key: '2', S3ObjectVersion: 9 }");
    let next = load_with(&versioned, &inputs).config.next(&first, Mono::from_nanos(0));
    assert_eq!(lists(&next), places(&[(1, "1?"), (4, "2?9"), (3, "3?")]), "another version is another list");
    let back = load_with(&revoking(3), &inputs).config.next(&next, Mono::from_nanos(0));
    assert_eq!(lists(&back), places(&[(1, "1?"), (5, "2?"), (3, "3?")]));
    // Without a keyring the places may be unknown; the numbers are the same.
    let unknown = load(&revoking(2).replace("S3Key: '1'", "S3Key: !ImportValue k")).config;
    assert!(unknown.trust_stores[0].revocations[0].object.is_none());
    assert_eq!(unknown.trust_stores[0].revocations[1].id, 2);
}
