//! Why a request does not comply, how dangerous that is, and what is done about it.

use core::fmt;

/// How far a request is from complying with RFC 9112 (guide DSY-01).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// It complies.
    #[default]
    Compliant,
    /// It does not comply, and everybody reads it in the same way.
    Acceptable,
    /// It does not comply, and not everybody reads it in the same way.
    Ambiguous,
    /// It is most likely made to be read in two ways.
    Severe,
}

impl Tier {
    /// As the access log has it (guide DSY-07), which leaves Compliant out.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Compliant => "Compliant",
            Tier::Acceptable => "Acceptable",
            Tier::Ambiguous => "Ambiguous",
            Tier::Severe => "Severe",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done about each [`Tier`] (guide DSY-03 to DSY-05): `routing.http.desync_mitigation_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Everything is let through that has one reading.
    Monitor,
    /// Severe is refused; after Ambiguous both connections close.
    #[default]
    Defensive,
    /// Everything but Compliant is refused.
    Strictest,
}

impl Mode {
    /// Every mode, from the most lenient on.
    pub const ALL: [Mode; 3] = [Mode::Monitor, Mode::Defensive, Mode::Strictest];

    /// As templates have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Monitor => "monitor",
            Mode::Defensive => "defensive",
            Mode::Strictest => "strictest",
        }
    }

    /// Whether requests of that tier are let through.
    pub const fn lets_through(self, tier: Tier) -> bool {
        match self {
            Mode::Monitor => true,
            Mode::Defensive => !matches!(tier, Tier::Severe),
            Mode::Strictest => matches!(tier, Tier::Compliant),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares the reasons once: name, tier, and what was found.
macro_rules! reasons {
    ($($name:ident, $tier:ident, $text:literal;)*) => {
        /// Why a request does not comply: the reason codes of the guide (DSY-09 to DSY-27).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $text] $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the guide.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// The guide's name, which the access log has.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Reason::$name => stringify!($name),)*
                }
            }

            /// What it makes of a request.
            pub const fn tier(self) -> Tier {
                match self {
                    $(Reason::$name => Tier::$tier,)*
                }
            }

            /// What was found.
            pub const fn describe(self) -> &'static str {
                match self {
                    $(Reason::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    AmbiguousUri, Ambiguous, "The request target contains control characters.";
    BadContentLength, Severe, "Content-Length is not one decimal number below 2^64, or is folded.";
    BadHeader, Severe, "A header field contains a carriage return or NUL, has a blank before its colon, or is a folded Host.";
    BadTransferEncoding, Severe, "Transfer-Encoding names an unknown coding, does not end in chunked, is malformed or folded.";
    BadUri, Severe, "The request target contains a carriage return or NUL, or is missing.";
    BadMethod, Severe, "The request method is no token.";
    BadVersion, Severe, "The request version is none of HTTP.";
    BothTeClPresent, Ambiguous, "There are both Transfer-Encoding and Content-Length.";
    DuplicateContentLength, Ambiguous, "There is more than one Content-Length, all of the same value.";
    EmptyHeader, Ambiguous, "A header line has no name or no colon, or is folded, or there is an odd empty line.";
    GetHeadZeroContentLength, Acceptable, "GET or HEAD comes with a Content-Length of 0.";
    MultipleContentLength, Severe, "There is more than one Content-Length, of different values.";
    MultipleTransferEncodingChunked, Severe, "Transfer-Encoding names chunked more than once.";
    NonCompliantHeader, Acceptable, "A header field contains control characters, its name is no token, or a line ends without carriage return.";
    NonCompliantVersion, Acceptable, "The request version is missing, older than 1.0, between 1.2 and 1.9, or has blanks around it.";
    SpaceInUri, Acceptable, "The request target contains spaces, or more than one stands beside it.";
    SuspiciousHeader, Ambiguous, "The name of a header field can be taken for Transfer-Encoding or Content-Length.";
    UndefinedContentLengthSemantics, Ambiguous, "GET or HEAD comes with a body of some length, or HTTP/0.9 with a Content-Length.";
    UndefinedTransferEncodingSemantics, Ambiguous, "GET, HEAD or HTTP/1.0 comes with Transfer-Encoding, or it is identity alone.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_nineteen_reasons_and_none_is_compliant() {
        assert_eq!(Reason::ALL.len(), 19);
        let of = |tier| Reason::ALL.iter().filter(|reason| reason.tier() == tier).count();
        let counts = [Tier::Compliant, Tier::Acceptable, Tier::Ambiguous, Tier::Severe].map(of);
        assert_eq!(counts, [0, 4, 7, 8]);
    }

    #[test]
    fn the_modes_let_through_what_the_matrix_says() {
        let let_through = |mode: Mode| {
            [Tier::Compliant, Tier::Acceptable, Tier::Ambiguous, Tier::Severe].map(|tier| mode.lets_through(tier))
        };
        assert_eq!(let_through(Mode::Monitor), [true, true, true, true]);
        assert_eq!(let_through(Mode::Defensive), [true, true, true, false]);
        assert_eq!(let_through(Mode::Strictest), [true, false, false, false]);
        assert_eq!(Mode::default(), Mode::Defensive);
    }
}
