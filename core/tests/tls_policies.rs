//! The guide's security policies, stated once more: each as the protocols and the cipher suites that the guide's tables tick,
//! in their order, so that a slip in the table of the core is found.

use sluicegate::tls::{Policy, Suite, Version};

/// The suites that the tables have together, or not at all.
const T13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const T13_FIPS: [&str; 2] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];
const EGCM: [&str; 4] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
];
const ECBC2: [&str; 4] =
    ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384"];
const ECBC1: [&str; 4] =
    ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"];
const RSA2: [&str; 4] = ["AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"];
const RSA1: [&str; 2] = ["AES128-SHA", "AES256-SHA"];

/// The rows of the guide's tables from top to bottom, which is the order of preference.
const ORDER: [&str; 22] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "AES256-SHA256",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

/// What TLS 1.0 and 1.1 know of them: AES-GCM and MACs of SHA-2 came with TLS 1.2 (RFC 5288, RFC 5246).
const OLD: [&str; 7] = [
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

/// A policy has these protocols, the latest first, and these suites over all of them.
fn states(name: &str, versions: &[&str], groups: &[&[&str]]) {
    let name = format!("ELBSecurityPolicy-{name}");
    let policy = Policy::named(&name).unwrap_or_else(|| panic!("there is no {name}"));
    let stated: Vec<&str> = policy.versions().map(Version::name).collect();
    assert_eq!(stated, versions, "{name}");
    let listed = groups.concat();
    let has = |suite: &&str| listed.contains(suite);
    for version in policy.versions() {
        let is_of = |suite: &&str| match version {
            Version::Tls13 => suite.starts_with("TLS_"),
            Version::Tls12 => !suite.starts_with("TLS_"),
            Version::Tls11 | Version::Tls10 => OLD.contains(suite),
        };
        let expected: Vec<&str> = ORDER.into_iter().filter(has).filter(is_of).collect();
        let stated: Vec<&str> = policy.suites(version).map(|suite| suite.name).collect();
        assert_eq!(stated, expected, "{name} {}", version.name());
    }
    for version in [Version::Tls13, Version::Tls12, Version::Tls11, Version::Tls10] {
        let offered = policy.versions().any(|stated| stated == version);
        assert!(offered || policy.suites(version).next().is_none(), "{name} {}", version.name());
    }
}

const V13: &[&str] = &["TLSv1.3"];
const V12_13: &[&str] = &["TLSv1.3", "TLSv1.2"];
const V11_13: &[&str] = &["TLSv1.3", "TLSv1.2", "TLSv1.1"];
const V10_13: &[&str] = &["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"];
const V12: &[&str] = &["TLSv1.2"];
const V11_12: &[&str] = &["TLSv1.2", "TLSv1.1"];
const V10_12: &[&str] = &["TLSv1.2", "TLSv1.1", "TLSv1"];

/// TLS-08
#[test]
fn tls13_1_2_2021_06() {
    states("TLS13-1-2-2021-06", V12_13, &[&T13, &EGCM, &ECBC2]);
}

/// TLS-09
#[test]
fn tls13_1_3_2021_06() {
    states("TLS13-1-3-2021-06", V13, &[&T13]);
}

/// TLS-10
#[test]
fn tls13_1_2_res_2021_06() {
    states("TLS13-1-2-Res-2021-06", V12_13, &[&T13, &EGCM]);
}

/// TLS-11
#[test]
fn tls13_1_2_ext1_2021_06() {
    states("TLS13-1-2-Ext1-2021-06", V12_13, &[&T13, &EGCM, &ECBC2, &RSA2]);
}

/// TLS-12
#[test]
fn tls13_1_2_ext2_2021_06() {
    states("TLS13-1-2-Ext2-2021-06", V12_13, &[&T13, &EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-13
#[test]
fn tls13_1_1_2021_06() {
    states("TLS13-1-1-2021-06", V11_13, &[&T13, &EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-14
#[test]
fn tls13_1_0_2021_06() {
    states("TLS13-1-0-2021-06", V10_13, &[&T13, &EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-15
#[test]
fn tls13_1_3_fips_2023_04() {
    states("TLS13-1-3-FIPS-2023-04", V13, &[&T13_FIPS]);
}

/// TLS-16
#[test]
fn tls13_1_2_res_fips_2023_04() {
    states("TLS13-1-2-Res-FIPS-2023-04", V12_13, &[&T13_FIPS, &EGCM]);
}

/// TLS-17
#[test]
fn tls13_1_2_fips_2023_04() {
    states("TLS13-1-2-FIPS-2023-04", V12_13, &[&T13_FIPS, &EGCM, &ECBC2]);
}

/// TLS-18
#[test]
fn tls13_1_2_ext0_fips_2023_04() {
    states("TLS13-1-2-Ext0-FIPS-2023-04", V12_13, &[&T13_FIPS, &EGCM, &ECBC2, &ECBC1]);
}

/// TLS-19
#[test]
fn tls13_1_2_ext1_fips_2023_04() {
    states("TLS13-1-2-Ext1-FIPS-2023-04", V12_13, &[&T13_FIPS, &EGCM, &ECBC2, &RSA2]);
}

/// TLS-20
#[test]
fn tls13_1_2_ext2_fips_2023_04() {
    states("TLS13-1-2-Ext2-FIPS-2023-04", V12_13, &[&T13_FIPS, &EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-21
#[test]
fn tls13_1_1_and_1_0_fips_2023_04() {
    states("TLS13-1-1-FIPS-2023-04", V11_13, &[&T13_FIPS, &EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
    states("TLS13-1-0-FIPS-2023-04", V10_13, &[&T13_FIPS, &EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-22
#[test]
fn fs_1_2_res_2020_10() {
    states("FS-1-2-Res-2020-10", V12, &[&EGCM]);
}

/// TLS-23
#[test]
fn fs_1_2_res_2019_08() {
    states("FS-1-2-Res-2019-08", V12, &[&EGCM, &ECBC2]);
}

/// TLS-24
#[test]
fn fs_1_2_2019_08() {
    states("FS-1-2-2019-08", V12, &[&EGCM, &ECBC2, &ECBC1]);
}

/// TLS-25
#[test]
fn fs_1_1_2019_08() {
    states("FS-1-1-2019-08", V11_12, &[&EGCM, &ECBC2, &ECBC1]);
}

/// TLS-26
#[test]
fn fs_2018_06() {
    states("FS-2018-06", V10_12, &[&EGCM, &ECBC2, &ECBC1]);
}

/// TLS-27
#[test]
fn the_default_of_2016_08_and_its_twin_of_2015_05() {
    states("2016-08", V10_12, &[&EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
    states("2015-05", V10_12, &[&EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-28
#[test]
fn tls_1_2_ext_2018_06() {
    states("TLS-1-2-Ext-2018-06", V12, &[&EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-29
#[test]
fn tls_1_2_2017_01() {
    states("TLS-1-2-2017-01", V12, &[&EGCM, &ECBC2, &RSA2]);
}

/// TLS-30
#[test]
fn tls_1_1_2017_01() {
    states("TLS-1-1-2017-01", V11_12, &[&EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1]);
}

/// TLS-31
#[test]
fn tls_1_0_2015_04_alone_has_triple_des() {
    states("TLS-1-0-2015-04", V10_12, &[&EGCM, &ECBC2, &ECBC1, &RSA2, &RSA1, &["DES-CBC3-SHA"]]);
    let has = |policy: &&Policy| {
        policy.versions().flat_map(|version| policy.suites(version)).any(|suite| suite.name == "DES-CBC3-SHA")
    };
    let all: Vec<&str> = Policy::all().iter().filter(has).map(|policy| policy.name).collect();
    assert_eq!(all, ["ELBSecurityPolicy-TLS-1-0-2015-04"]);
}

/// The policies of September 2025: what those without `PQ` have, with hybrid key exchange first.
#[test]
fn post_quantum_policies_have_the_protocols_and_suites_of_their_elder_twins() {
    for (twin, elder) in [
        ("TLS13-1-3-PQ-2025-09", "TLS13-1-3-2021-06"),
        ("TLS13-1-2-PQ-2025-09", "TLS13-1-2-2021-06"),
        ("TLS13-1-2-Res-PQ-2025-09", "TLS13-1-2-Res-2021-06"),
        ("TLS13-1-2-Ext1-PQ-2025-09", "TLS13-1-2-Ext1-2021-06"),
        ("TLS13-1-2-Ext2-PQ-2025-09", "TLS13-1-2-Ext2-2021-06"),
        ("TLS13-1-0-PQ-2025-09", "TLS13-1-0-2021-06"),
        ("TLS13-1-3-FIPS-PQ-2025-09", "TLS13-1-3-FIPS-2023-04"),
        ("TLS13-1-2-FIPS-PQ-2025-09", "TLS13-1-2-FIPS-2023-04"),
        ("TLS13-1-2-Res-FIPS-PQ-2025-09", "TLS13-1-2-Res-FIPS-2023-04"),
        ("TLS13-1-2-Ext0-FIPS-PQ-2025-09", "TLS13-1-2-Ext0-FIPS-2023-04"),
        ("TLS13-1-2-Ext1-FIPS-PQ-2025-09", "TLS13-1-2-Ext1-FIPS-2023-04"),
        ("TLS13-1-2-Ext2-FIPS-PQ-2025-09", "TLS13-1-2-Ext2-FIPS-2023-04"),
        ("TLS13-1-0-FIPS-PQ-2025-09", "TLS13-1-0-FIPS-2023-04"),
    ] {
        let named =
            |name: &str| Policy::named(&format!("ELBSecurityPolicy-{name}")).unwrap_or_else(|| panic!("{name}"));
        let (twin, elder) = (named(twin), named(elder));
        assert!(twin.versions().eq(elder.versions()), "{}", twin.name);
        for version in twin.versions() {
            assert!(twin.suites(version).eq(elder.suites(version)), "{}", twin.name);
        }
        let hybrid = ["X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024"];
        let groups: Vec<&str> = twin.groups().map(|group| group.name).collect();
        assert_eq!(groups[..3], hybrid, "{}", twin.name);
        assert!(elder.groups().map(|group| group.name).eq(groups[3..].iter().copied()), "{}", twin.name);
        assert_eq!((twin.is_post_quantum(), elder.is_post_quantum(), twin.is_fips()), (true, false, elder.is_fips()));
    }
}

/// No policy has a suite that the tables above do not have, and there are no others but the ones tested here.
#[test]
fn there_are_26_policies_of_the_guide_and_13_of_2025() {
    let (new, guide): (Vec<_>, Vec<_>) = Policy::all().iter().partition(|policy| policy.is_post_quantum());
    assert_eq!((guide.len(), new.len()), (26, 13));
    let mut names: Vec<&str> = Policy::all().iter().map(|policy| policy.name).collect();
    assert!(names.iter().all(|name| name.starts_with("ELBSecurityPolicy-")));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 39);
}

/// The numbers that IANA gave to the suites.
#[test]
fn every_suite_has_the_number_of_its_name() {
    let numbers = [
        0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC023, 0xC027, 0xC009, 0xC013, 0xC02C, 0xC030, 0xC024, 0xC028, 0xC014,
        0xC00A, 0x009C, 0x003C, 0x002F, 0x009D, 0x003D, 0x0035, 0x000A,
    ];
    for (name, number) in ORDER.iter().zip(numbers) {
        assert_eq!(Suite::numbered(number).map(|suite| suite.name), Some(*name));
    }
}

/// TLS-04: a template is what the API and the command line take, so their default holds, not the console's.
#[test]
fn a_listener_that_names_no_policy_has_that_of_2016_08() {
    assert_eq!(Policy::default_for_listeners().name, "ELBSecurityPolicy-2016-08");
}

/// TLS-05
#[test]
fn targets_are_offered_tls_1_3_behind_a_listener_that_has_it_and_else_the_default() {
    for policy in Policy::all() {
        let front = policy.versions().any(|version| version == Version::Tls13);
        assert_eq!(policy.has_tls13(), front, "{}", policy.name);
        let expected = if front { "ELBSecurityPolicy-TLS13-1-0-2021-06" } else { "ELBSecurityPolicy-2016-08" };
        assert_eq!(Policy::back_end(policy.has_tls13()).name, expected, "behind {}", policy.name);
    }
}

/// TLS-06: a policy is one of the two kinds by its name.
#[test]
fn fips_policies_are_those_that_say_so_and_have_no_cipher_or_group_that_fips_does_not_know() {
    for policy in Policy::all() {
        assert_eq!(policy.is_fips(), policy.name.contains("FIPS"));
        let unknown = policy.suites(Version::Tls13).any(|suite| suite.name.contains("CHACHA"))
            || policy.groups().any(|group| group.name == "x25519");
        let has_13 = policy.versions().any(|version| version == Version::Tls13);
        assert_eq!(unknown, !policy.is_fips(), "{} {has_13}", policy.name);
    }
}
