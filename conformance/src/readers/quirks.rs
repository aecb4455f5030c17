//! The ways in which servers are sloppy, each as a switch, and the combinations that the oracle tries.

/// What a CR or LF that stands alone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    /// Refused.
    Refused,
    /// The end of the line.
    EndsLine,
    /// A byte like any other.
    IsData,
}

/// What control characters in a line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    /// Refused.
    Refused,
    /// Bytes like any others.
    Kept,
    /// NUL ends the value, as it does a string in C; the others are bytes.
    NulEnds,
}

/// How a request line is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Three words with one space between them.
    Three,
    /// At any blanks; what follows the third word is dropped.
    AtBlanks,
    /// The method ends at the first space and the version begins at the last; what is between is the target.
    LastIsVersion,
}

/// Which versions are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// `HTTP/1.1` and `HTTP/1.0`.
    Two,
    /// Whatever is not `HTTP/1.0` is as good as `HTTP/1.1`.
    Any,
    /// As `Any`; and a request line without a version is a whole request (HTTP/0.9).
    OldToo,
}

/// What a line is that begins with a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folds {
    /// Refused.
    Refused,
    /// More of the value before it.
    Joined,
    /// A field of its own, without the blanks.
    OwnField,
    /// Nothing.
    Dropped,
}

/// How field names are compared; letters compare without regard to case in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// They are tokens, directly before the colon.
    Exact,
    /// Blanks around them do not count.
    Trimmed,
    /// The first word counts.
    FirstWord,
    /// `_` is `-`, as in the environment of a CGI program.
    Underscores,
    /// Any byte that is no letter or digit is `-`.
    Punctuation,
    /// Only letters and digits count, in the names of the fields that frame a body. Another's `-Host` is no `Host`.
    Alphanumerics,
    /// Blanks and control characters do not count, wherever they are.
    Visible,
}

/// What frames a body that has both a length and chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Both {
    /// It is refused.
    Refused,
    /// `Transfer-Encoding`.
    Coding,
    /// `Content-Length`.
    Length,
}

/// Which of several equal names counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// There may be only one.
    Only,
    /// The first.
    First,
    /// The last.
    Last,
}

/// What the host of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// The authority of an absolute target, else the only `Host`, which HTTP/1.1 must have.
    Only,
    /// The first `Host`, or none, whatever the target.
    First,
    /// The last `Host`, or none, whatever the target.
    Last,
}

/// How a `Content-Length` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Digits.
    Digits,
    /// As `strtol` with base 10: blanks, a sign, digits, and the rest does not count; without digits it is 0.
    Strtol,
    /// As `strtol` with base 0: `0x5` is 5, `010` is 8.
    StrtolAnyBase,
}

/// Which values of `Transfer-Encoding` mean chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codings {
    /// `chunked` once and alone; others are refused.
    Exact,
    /// `chunked` alone, in lower case; others do not count.
    LowerCase,
    /// Any that has `chunked` somewhere in it.
    Contains,
    /// Lists whose first item is `chunked`.
    FirstItem,
    /// Lists whose last item is `chunked`.
    LastItem,
    /// Lists with `chunked` as an item.
    AnyItem,
    /// `chunked` in the first field of several.
    FirstField,
    /// `chunked` in the last field of several.
    LastField,
}

/// What `Transfer-Encoding` is in HTTP/1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldCodings {
    /// Refused.
    Refused,
    /// As good as in HTTP/1.1.
    Obeyed,
    /// Nothing.
    Ignored,
}

/// Which bodies are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// All.
    All,
    /// Not those of `GET` and `HEAD`: what follows the head is the next request ("CL.0", "TE.0").
    NotOfGetAndHead,
}

/// How the size of a chunk is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Hexadecimal digits, then nothing or an extension.
    Exact,
    /// As `strtol` with base 16: blanks, a sign, `0x`, digits, and the rest does not count; without digits it is 0.
    Strtol,
    /// As `Strtol`, in 32 bits.
    Wrapping,
}

/// What must follow the data of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterData {
    /// CRLF.
    Crlf,
    /// CRLF or LF.
    LfToo,
    /// Any two bytes.
    TwoBytes,
    /// Anything up to an LF.
    RestOfLine,
    /// CRLF or nothing.
    Optional,
}

/// What trailers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailers {
    /// Fields that do not count.
    Dropped,
    /// Fields like those of the head.
    Merged,
}

/// A way to be sloppy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// What to call it.
    pub name: &'static str,
    /// LF without CR, in a head or in trailers.
    pub bare_lf: Bare,
    /// CR without LF, in a head or in trailers.
    pub bare_cr: Bare,
    /// LF without CR, in the line of a chunk.
    pub chunk_lf: Bare,
    /// CR without LF, in the line of a chunk.
    pub chunk_cr: Bare,
    /// Control characters in any line.
    pub controls: Controls,
    /// Empty lines before a request do not count.
    pub leading_lines: bool,
    /// The request line.
    pub words: Words,
    /// Its version.
    pub versions: Versions,
    /// Lines that begin with a blank.
    pub folds: Folds,
    /// A line of blanks ends the head.
    pub blank_line_ends_head: bool,
    /// A line without a colon does not count.
    pub without_colon: bool,
    /// Field names.
    pub names: Names,
    /// A length beside chunks.
    pub both: Both,
    /// Several lengths.
    pub lengths: Which,
    /// Lengths.
    pub numbers: Numbers,
    /// Chunks or not.
    pub codings: Codings,
    /// Chunks in HTTP/1.0.
    pub old_codings: OldCodings,
    /// The host.
    pub hosts: Hosts,
    /// Bodies at all.
    pub bodies: Bodies,
    /// Sizes of chunks.
    pub sizes: Sizes,
    /// What follows the data of a chunk.
    pub after_data: AfterData,
    /// Trailers.
    pub trailers: Trailers,
}

impl Quirks {
    /// None: as good as the strict reader.
    pub const NONE: Quirks = Quirks {
        name: "no quirks",
        bare_lf: Bare::Refused,
        bare_cr: Bare::Refused,
        chunk_lf: Bare::Refused,
        chunk_cr: Bare::Refused,
        controls: Controls::Refused,
        leading_lines: false,
        words: Words::Three,
        versions: Versions::Two,
        folds: Folds::Refused,
        blank_line_ends_head: false,
        without_colon: false,
        names: Names::Exact,
        both: Both::Refused,
        lengths: Which::Only,
        numbers: Numbers::Digits,
        codings: Codings::Exact,
        old_codings: OldCodings::Refused,
        hosts: Hosts::Only,
        bodies: Bodies::All,
        sizes: Sizes::Exact,
        after_data: AfterData::Crlf,
        trailers: Trailers::Dropped,
    };

    /// Each quirk alone, then profiles of servers that have many at once.
    pub fn all_variants() -> &'static [Quirks] {
        &VARIANTS
    }

    /// The variant of that name.
    pub fn named(name: &str) -> Option<&'static Quirks> {
        VARIANTS.iter().find(|quirks| quirks.name == name)
    }
}

const fn only(name: &'static str) -> Quirks {
    Quirks { name, ..Quirks::NONE }
}

static VARIANTS: [Quirks; 54] = [
    Quirks::NONE,
    Quirks { bare_lf: Bare::EndsLine, ..only("LF ends lines") },
    Quirks { bare_lf: Bare::IsData, ..only("LF is data") },
    Quirks { bare_cr: Bare::EndsLine, ..only("CR ends lines") },
    Quirks { bare_cr: Bare::IsData, ..only("CR is data") },
    Quirks { chunk_lf: Bare::EndsLine, ..only("LF ends chunk lines") },
    Quirks { chunk_lf: Bare::IsData, ..only("LF in a chunk line is data") },
    Quirks { chunk_cr: Bare::EndsLine, ..only("CR ends chunk lines") },
    Quirks { chunk_cr: Bare::IsData, ..only("CR in a chunk line is data") },
    Quirks { controls: Controls::Kept, ..only("control characters are kept") },
    Quirks { controls: Controls::NulEnds, ..only("NUL ends values") },
    Quirks { leading_lines: true, ..only("empty lines before a request") },
    Quirks { words: Words::AtBlanks, ..only("words at any blanks") },
    Quirks { words: Words::LastIsVersion, ..only("the last word is the version") },
    Quirks { versions: Versions::Any, ..only("any version") },
    Quirks { words: Words::AtBlanks, versions: Versions::OldToo, ..only("requests without a version") },
    Quirks { folds: Folds::Joined, ..only("folds are joined") },
    Quirks { folds: Folds::OwnField, ..only("a fold is a field") },
    Quirks { folds: Folds::Dropped, ..only("folds are dropped") },
    Quirks { blank_line_ends_head: true, ..only("a line of blanks ends the head") },
    Quirks { without_colon: true, ..only("lines without a colon") },
    Quirks { names: Names::Trimmed, ..only("blanks before the colon") },
    Quirks { names: Names::FirstWord, ..only("the first word is the name") },
    Quirks { names: Names::Underscores, ..only("underscores are hyphens") },
    Quirks { names: Names::Punctuation, ..only("punctuation is a hyphen") },
    Quirks { names: Names::Alphanumerics, ..only("only letters and digits of names count") },
    Quirks { names: Names::Visible, controls: Controls::Kept, ..only("only visible bytes of names count") },
    Quirks { both: Both::Coding, ..only("chunks before length") },
    Quirks { both: Both::Length, ..only("length before chunks") },
    Quirks { lengths: Which::First, ..only("the first length") },
    Quirks { lengths: Which::Last, ..only("the last length") },
    Quirks { numbers: Numbers::Strtol, ..only("lengths by strtol") },
    Quirks { numbers: Numbers::StrtolAnyBase, ..only("lengths by strtol in any base") },
    Quirks { codings: Codings::LowerCase, ..only("chunked in lower case") },
    Quirks { codings: Codings::Contains, ..only("chunked somewhere") },
    Quirks { codings: Codings::FirstItem, ..only("chunked first") },
    Quirks { codings: Codings::LastItem, ..only("chunked last") },
    Quirks { codings: Codings::AnyItem, ..only("chunked in the list") },
    Quirks { codings: Codings::FirstField, ..only("the first coding field") },
    Quirks { codings: Codings::LastField, ..only("the last coding field") },
    Quirks { old_codings: OldCodings::Obeyed, ..only("chunks in HTTP/1.0") },
    Quirks { old_codings: OldCodings::Ignored, ..only("no chunks in HTTP/1.0") },
    Quirks { hosts: Hosts::First, ..only("the first Host") },
    Quirks { hosts: Hosts::Last, ..only("the last Host") },
    Quirks { bodies: Bodies::NotOfGetAndHead, ..only("no bodies on GET and HEAD") },
    Quirks { sizes: Sizes::Strtol, ..only("chunk sizes by strtol") },
    Quirks { sizes: Sizes::Wrapping, ..only("chunk sizes in 32 bits") },
    Quirks { after_data: AfterData::LfToo, ..only("LF after a chunk") },
    Quirks { after_data: AfterData::TwoBytes, ..only("any two bytes after a chunk") },
    Quirks {
        after_data: AfterData::Optional,
        trailers: Trailers::Merged,
        ..only("nothing after a chunk, trailers are fields")
    },
    OLD_C_SERVER,
    GATEWAY,
    LINE_READER,
    ANCIENT,
];

/// Written in C, with pointers into one buffer: NUL ends strings, numbers are whatever `strtol` says.
const OLD_C_SERVER: Quirks = Quirks {
    name: "a server in old C",
    bare_lf: Bare::EndsLine,
    chunk_lf: Bare::EndsLine,
    chunk_cr: Bare::IsData,
    bare_cr: Bare::IsData,
    controls: Controls::NulEnds,
    leading_lines: true,
    words: Words::AtBlanks,
    versions: Versions::Any,
    folds: Folds::Joined,
    without_colon: true,
    names: Names::Trimmed,
    both: Both::Coding,
    lengths: Which::Last,
    numbers: Numbers::Strtol,
    codings: Codings::Contains,
    old_codings: OldCodings::Obeyed,
    hosts: Hosts::Last,
    sizes: Sizes::Strtol,
    after_data: AfterData::RestOfLine,
    ..Quirks::NONE
};

/// Turns fields into variables of an environment, and believes the length.
const GATEWAY: Quirks = Quirks {
    name: "a gateway to CGI programs",
    bare_lf: Bare::EndsLine,
    chunk_lf: Bare::EndsLine,
    controls: Controls::Kept,
    leading_lines: true,
    words: Words::AtBlanks,
    versions: Versions::Any,
    folds: Folds::OwnField,
    without_colon: true,
    names: Names::Punctuation,
    both: Both::Length,
    lengths: Which::First,
    numbers: Numbers::StrtolAnyBase,
    codings: Codings::AnyItem,
    old_codings: OldCodings::Ignored,
    hosts: Hosts::First,
    sizes: Sizes::Wrapping,
    after_data: AfterData::TwoBytes,
    trailers: Trailers::Merged,
    ..Quirks::NONE
};

/// Splits text into lines at anything that could be an end, and strips each.
const LINE_READER: Quirks = Quirks {
    name: "a reader of text lines",
    bare_lf: Bare::EndsLine,
    bare_cr: Bare::EndsLine,
    chunk_lf: Bare::EndsLine,
    chunk_cr: Bare::EndsLine,
    controls: Controls::Kept,
    leading_lines: true,
    words: Words::LastIsVersion,
    versions: Versions::Any,
    folds: Folds::OwnField,
    blank_line_ends_head: true,
    without_colon: true,
    names: Names::Visible,
    both: Both::Coding,
    lengths: Which::Last,
    numbers: Numbers::Strtol,
    codings: Codings::LastItem,
    old_codings: OldCodings::Obeyed,
    hosts: Hosts::Last,
    sizes: Sizes::Strtol,
    after_data: AfterData::LfToo,
    trailers: Trailers::Merged,
    ..Quirks::NONE
};

/// From before RFC 2616, and without bodies on `GET` and `HEAD`.
const ANCIENT: Quirks = Quirks {
    name: "an ancient server",
    bare_lf: Bare::EndsLine,
    bare_cr: Bare::IsData,
    chunk_lf: Bare::EndsLine,
    controls: Controls::Kept,
    leading_lines: true,
    words: Words::AtBlanks,
    versions: Versions::OldToo,
    folds: Folds::Joined,
    without_colon: true,
    names: Names::Alphanumerics,
    both: Both::Coding,
    lengths: Which::First,
    numbers: Numbers::Strtol,
    codings: Codings::FirstItem,
    old_codings: OldCodings::Ignored,
    hosts: Hosts::First,
    bodies: Bodies::NotOfGetAndHead,
    sizes: Sizes::Strtol,
    after_data: AfterData::Optional,
    ..Quirks::NONE
};
