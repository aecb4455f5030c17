//! Security policies: which protocols, cipher suites and key exchanges a listener offers, by the names that templates
//! use (guide TLS-08 to TLS-31, and the post-quantum ones of 2025). This is what the guide says; what is served of it
//! follows from what the cryptography at hand can do ([`Provider::serves`](super::Provider::serves)).

use Version::{Tls10, Tls11, Tls12, Tls13};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the protocol's")]
pub enum Version {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl Version {
    /// As OpenSSL, logs and `x-amzn-tls-version` have it: `TLSv1.2`.
    pub fn name(self) -> &'static str {
        match self {
            Tls10 => "TLSv1",
            Tls11 => "TLSv1.1",
            Tls12 => "TLSv1.2",
            Tls13 => "TLSv1.3",
        }
    }
}

/// A cipher suite: its name in OpenSSL's spelling, its number (IANA), and the versions that know it.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// As OpenSSL spells it: `ECDHE-RSA-AES128-GCM-SHA256`; the suites of TLS 1.3 as in RFC 8446.
    pub name: &'static str,
    /// As the protocol numbers it.
    pub id: u16,
    /// The first version that has it.
    first: Version,
    /// The last one.
    last: Version,
}

impl Suite {
    /// Whether a version of the protocol has it.
    pub fn is_of(&self, version: Version) -> bool {
        (self.first..=self.last).contains(&version)
    }

    /// The suite of that number, among those that any policy has.
    pub fn numbered(id: u16) -> Option<&'static Suite> {
        SUITES.iter().find(|suite| suite.id == id)
    }
}

const fn suite(name: &'static str, id: u16, first: Version, last: Version) -> Suite {
    Suite { name, id, first, last }
}

/// Every suite of every policy, in the order in which servers prefer them (guide TLS-01): that of the guide's tables.
static SUITES: [Suite; 22] = [
    suite("TLS_AES_128_GCM_SHA256", 0x1301, Tls13, Tls13),
    suite("TLS_AES_256_GCM_SHA384", 0x1302, Tls13, Tls13),
    suite("TLS_CHACHA20_POLY1305_SHA256", 0x1303, Tls13, Tls13),
    suite("ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B, Tls12, Tls12),
    suite("ECDHE-RSA-AES128-GCM-SHA256", 0xC02F, Tls12, Tls12),
    suite("ECDHE-ECDSA-AES128-SHA256", 0xC023, Tls12, Tls12),
    suite("ECDHE-RSA-AES128-SHA256", 0xC027, Tls12, Tls12),
    suite("ECDHE-ECDSA-AES128-SHA", 0xC009, Tls10, Tls12),
    suite("ECDHE-RSA-AES128-SHA", 0xC013, Tls10, Tls12),
    suite("ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C, Tls12, Tls12),
    suite("ECDHE-RSA-AES256-GCM-SHA384", 0xC030, Tls12, Tls12),
    suite("ECDHE-ECDSA-AES256-SHA384", 0xC024, Tls12, Tls12),
    suite("ECDHE-RSA-AES256-SHA384", 0xC028, Tls12, Tls12),
    suite("ECDHE-RSA-AES256-SHA", 0xC014, Tls10, Tls12),
    suite("ECDHE-ECDSA-AES256-SHA", 0xC00A, Tls10, Tls12),
    suite("AES128-GCM-SHA256", 0x009C, Tls12, Tls12),
    suite("AES128-SHA256", 0x003C, Tls12, Tls12),
    suite("AES128-SHA", 0x002F, Tls10, Tls12),
    suite("AES256-GCM-SHA384", 0x009D, Tls12, Tls12),
    suite("AES256-SHA256", 0x003D, Tls12, Tls12),
    suite("AES256-SHA", 0x0035, Tls10, Tls12),
    suite("DES-CBC3-SHA", 0x000A, Tls10, Tls12),
];

/// Groups of suites that the guide's tables have or have not together, as bits of what a policy has.
mod has {
    pub(super) const AES13: u8 = 1;
    pub(super) const CHACHA13: u8 = 2;
    pub(super) const T13: u8 = AES13 | CHACHA13;
    pub(super) const EGCM: u8 = 4;
    pub(super) const ECBC2: u8 = 8;
    pub(super) const ECBC1: u8 = 16;
    pub(super) const RSA2: u8 = 32;
    pub(super) const RSA1: u8 = 64;
    pub(super) const DES: u8 = 128;
    pub(super) const EXT: u8 = EGCM | ECBC2 | ECBC1 | RSA2 | RSA1;
}

fn group_of(suite: &Suite) -> u8 {
    let forward = suite.name.starts_with("ECDHE");
    match suite.name {
        "TLS_CHACHA20_POLY1305_SHA256" => has::CHACHA13,
        "DES-CBC3-SHA" => has::DES,
        name if name.starts_with("TLS_") => has::AES13,
        name if forward && name.contains("GCM") => has::EGCM,
        _ if forward && suite.first == Tls12 => has::ECBC2,
        _ if forward => has::ECBC1,
        _ if suite.first == Tls12 => has::RSA2,
        _ => has::RSA1,
    }
}

/// A security policy.
#[derive(Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its whole name: `ELBSecurityPolicy-2016-08`.
    pub name: &'static str,
    first: Version,
    last: Version,
    suites: u8,
}

macro_rules! policies {
    ($($name:literal $first:ident..$last:ident $suites:expr;)*) => {
        &[$(Policy { name: concat!("ELBSecurityPolicy-", $name), first: $first, last: $last, suites: $suites }),*]
    };
}

/// All of them, in the guide's order.
static POLICIES: &[Policy] = {
    use has::*;
    const FIPS13: u8 = AES13;
    policies! {
        "TLS13-1-2-2021-06" Tls12..Tls13 T13 | EGCM | ECBC2;
        "TLS13-1-3-2021-06" Tls13..Tls13 T13;
        "TLS13-1-2-Res-2021-06" Tls12..Tls13 T13 | EGCM;
        "TLS13-1-2-Ext2-2021-06" Tls12..Tls13 T13 | EXT;
        "TLS13-1-2-Ext1-2021-06" Tls12..Tls13 T13 | EGCM | ECBC2 | RSA2;
        "TLS13-1-1-2021-06" Tls11..Tls13 T13 | EXT;
        "TLS13-1-0-2021-06" Tls10..Tls13 T13 | EXT;
        "TLS13-1-3-FIPS-2023-04" Tls13..Tls13 FIPS13;
        "TLS13-1-2-Res-FIPS-2023-04" Tls12..Tls13 FIPS13 | EGCM;
        "TLS13-1-2-FIPS-2023-04" Tls12..Tls13 FIPS13 | EGCM | ECBC2;
        "TLS13-1-2-Ext0-FIPS-2023-04" Tls12..Tls13 FIPS13 | EGCM | ECBC2 | ECBC1;
        "TLS13-1-2-Ext1-FIPS-2023-04" Tls12..Tls13 FIPS13 | EGCM | ECBC2 | RSA2;
        "TLS13-1-2-Ext2-FIPS-2023-04" Tls12..Tls13 FIPS13 | EXT;
        "TLS13-1-1-FIPS-2023-04" Tls11..Tls13 FIPS13 | EXT;
        "TLS13-1-0-FIPS-2023-04" Tls10..Tls13 FIPS13 | EXT;
        "FS-1-2-Res-2020-10" Tls12..Tls12 EGCM;
        "FS-1-2-Res-2019-08" Tls12..Tls12 EGCM | ECBC2;
        "FS-1-2-2019-08" Tls12..Tls12 EGCM | ECBC2 | ECBC1;
        "FS-1-1-2019-08" Tls11..Tls12 EGCM | ECBC2 | ECBC1;
        "FS-2018-06" Tls10..Tls12 EGCM | ECBC2 | ECBC1;
        "2016-08" Tls10..Tls12 EXT;
        "2015-05" Tls10..Tls12 EXT;
        "TLS-1-2-Ext-2018-06" Tls12..Tls12 EXT;
        "TLS-1-2-2017-01" Tls12..Tls12 EGCM | ECBC2 | RSA2;
        "TLS-1-1-2017-01" Tls11..Tls12 EXT;
        "TLS-1-0-2015-04" Tls10..Tls12 EXT | DES;
        "TLS13-1-2-PQ-2025-09" Tls12..Tls13 T13 | EGCM | ECBC2;
        "TLS13-1-3-PQ-2025-09" Tls13..Tls13 T13;
        "TLS13-1-2-Res-PQ-2025-09" Tls12..Tls13 T13 | EGCM;
        "TLS13-1-2-Ext1-PQ-2025-09" Tls12..Tls13 T13 | EGCM | ECBC2 | RSA2;
        "TLS13-1-2-Ext2-PQ-2025-09" Tls12..Tls13 T13 | EXT;
        "TLS13-1-0-PQ-2025-09" Tls10..Tls13 T13 | EXT;
        "TLS13-1-3-FIPS-PQ-2025-09" Tls13..Tls13 FIPS13;
        "TLS13-1-2-Res-FIPS-PQ-2025-09" Tls12..Tls13 FIPS13 | EGCM;
        "TLS13-1-2-FIPS-PQ-2025-09" Tls12..Tls13 FIPS13 | EGCM | ECBC2;
        "TLS13-1-2-Ext0-FIPS-PQ-2025-09" Tls12..Tls13 FIPS13 | EGCM | ECBC2 | ECBC1;
        "TLS13-1-2-Ext1-FIPS-PQ-2025-09" Tls12..Tls13 FIPS13 | EGCM | ECBC2 | RSA2;
        "TLS13-1-2-Ext2-FIPS-PQ-2025-09" Tls12..Tls13 FIPS13 | EXT;
        "TLS13-1-0-FIPS-PQ-2025-09" Tls10..Tls13 FIPS13 | EXT;
    }
};

/// What a listener has whose template names none (guide TLS-04).
const DEFAULT: &str = "ELBSecurityPolicy-2016-08";

/// What connections to targets have behind a listener with TLS 1.3 (guide TLS-05); behind others it is the default.
const BACK_END_13: &str = "ELBSecurityPolicy-TLS13-1-0-2021-06";

/// A group for key exchange: its name as logs have it, and its number (IANA).
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// `x25519`, `secp256r1`, `X25519MLKEM768`
    pub name: &'static str,
    /// As the protocol numbers it.
    pub id: u16,
    hybrid: bool,
    fips: bool,
}

/// In order of preference: where a policy has hybrid groups, they come first.
static GROUPS: [Group; 7] = [
    Group { name: "X25519MLKEM768", id: 0x11EC, hybrid: true, fips: true },
    Group { name: "SecP256r1MLKEM768", id: 0x11EB, hybrid: true, fips: true },
    Group { name: "SecP384r1MLKEM1024", id: 0x11ED, hybrid: true, fips: true },
    Group { name: "x25519", id: 0x001D, hybrid: false, fips: false },
    Group { name: "secp256r1", id: 0x0017, hybrid: false, fips: true },
    Group { name: "secp384r1", id: 0x0018, hybrid: false, fips: true },
    Group { name: "secp521r1", id: 0x0019, hybrid: false, fips: true },
];

impl Group {
    /// The group of that number.
    pub fn numbered(id: u16) -> Option<&'static Group> {
        GROUPS.iter().find(|group| group.id == id)
    }
}

impl Policy {
    /// All policies, in the guide's order.
    pub fn all() -> &'static [Policy] {
        POLICIES
    }

    /// The policy of that name.
    pub fn named(name: &str) -> Option<&'static Policy> {
        POLICIES.iter().find(|policy| policy.name == name)
    }

    /// The policy of a listener whose template names none (guide TLS-04).
    pub fn default_for_listeners() -> &'static Policy {
        Policy::named(DEFAULT).unwrap_or(&POLICIES[0])
    }

    /// The policy for targets, behind listeners with TLS 1.3 or behind others (guide TLS-05).
    pub fn back_end(tls13: bool) -> &'static Policy {
        Policy::named(if tls13 { BACK_END_13 } else { DEFAULT }).unwrap_or(&POLICIES[0])
    }

    /// Whether it has TLS 1.3.
    pub fn has_tls13(&self) -> bool {
        self.last == Tls13
    }

    /// Its versions, the latest first.
    pub fn versions(&self) -> impl Iterator<Item = Version> {
        let (first, last) = (self.first, self.last);
        [Tls13, Tls12, Tls11, Tls10].into_iter().filter(move |version| (first..=last).contains(version))
    }

    /// Its suites for a version, the preferred one first.
    pub fn suites(&self, version: Version) -> impl Iterator<Item = &'static Suite> {
        let within = (self.first..=self.last).contains(&version);
        let suites = self.suites;
        SUITES.iter().filter(move |suite| within && suite.is_of(version) && group_of(suite) & suites != 0)
    }

    /// Its groups; of those that a client knows, the one that it prefers is used.
    pub fn groups(&self) -> impl Iterator<Item = &'static Group> {
        let (fips, hybrid) = (self.is_fips(), self.is_post_quantum());
        GROUPS.iter().filter(move |group| (group.fips || !fips) && (hybrid || !group.hybrid))
    }

    /// Whether it is one of those that keep to FIPS 140 (guide TLS-06).
    pub fn is_fips(&self) -> bool {
        self.name.contains("-FIPS-")
    }

    /// Whether it has hybrid, post-quantum key exchange.
    pub fn is_post_quantum(&self) -> bool {
        self.name.contains("-PQ-")
    }
}
