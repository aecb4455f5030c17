//! Where the files are that a template names by ARN or by `s3://`: the flags, and what they make of a name. No file is read
//! here.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use clap::Args;

/// Files for what a template only names.
#[derive(Clone, Debug, Default, Args)]
pub struct Files {
    /// Where certificates are that the template names by ARN: ...:certificate/NAME and ...:server-certificate/.../NAME are
    /// NAME.pem, the certificate and then those that lead to its root, and NAME.key in this directory
    #[arg(long, value_name = "DIR")]
    pub certificates: Option<PathBuf>,
    /// Where one certificate is, by the last part of its ARN or by the whole ARN, wherever the others are; may be repeated
    #[arg(long, value_name = "NAME=CHAIN.pem,KEY.pem")]
    pub certificate: Vec<CertificateFiles>,
    /// Where objects are that the template names, such as trust stores: s3://BUCKET/KEY is the file BUCKET/KEY in this directory,
    /// and a version V of it is BUCKET/KEY@V
    #[arg(long, value_name = "DIR")]
    pub bucket_root: Option<PathBuf>,
}

/// A certificate of the command line: `NAME=CHAIN.pem,KEY.pem`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The last part of its ARN, or the whole.
    pub name: String,
    /// The certificate itself, then those that lead to its root; PEM.
    pub chain: PathBuf,
    /// Its private key; PEM.
    pub key: PathBuf,
}

impl FromStr for CertificateFiles {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<CertificateFiles, Self::Err> {
        let parts = text.split_once('=').and_then(|(name, files)| {
            let (chain, key) = files.split_once(',')?;
            [name, chain, key].iter().all(|part| !part.is_empty()).then_some((name, chain, key))
        });
        let (name, chain, key) = parts.ok_or("it has to look like NAME=CHAIN.pem,KEY.pem")?;
        Ok(CertificateFiles { name: name.to_owned(), chain: chain.into(), key: key.into() })
    }
}

impl Files {
    /// Whether a flag says where anything is.
    pub fn any(&self) -> bool {
        let Files { certificates, certificate, bucket_root } = self;
        certificates.is_some() || !certificate.is_empty() || bucket_root.is_some()
    }

    /// Where the certificate of that ARN is. One that was given by itself goes before the directory, and the last of a name
    /// counts.
    ///
    /// # Errors
    ///
    /// One sentence for the operator: no flag says where it is, or its name is none that a file may have.
    pub fn certificate(&self, arn: &str) -> Result<CertificateFiles, String> {
        let name = certificate_name(arn);
        let is_meant =
            |given: &&CertificateFiles| given.name == arn || name.as_ref().is_ok_and(|name| given.name == *name);
        if let Some(given) = self.certificate.iter().rev().find(is_meant) {
            return Ok(given.clone());
        }
        let Some(directory) = &self.certificates else {
            return Err(match &self.certificate[..] {
                [] => "no certificate files were given: --certificates DIR or --certificate NAME=CHAIN.pem,KEY.pem"
                    .to_owned(),
                _ => format!("no files were given for {arn}: --certificate {}=CHAIN.pem,KEY.pem", name.unwrap_or(arn)),
            });
        };
        let name = name?;
        let file = |ending| directory.join(format!("{name}.{ending}"));
        Ok(CertificateFiles { name: name.to_owned(), chain: file("pem"), key: file("key") })
    }

    /// Where an object is, in that version or as it is now.
    ///
    /// # Errors
    ///
    /// As for [`certificate`](Files::certificate).
    pub fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<PathBuf, String> {
        let Some(root) = &self.bucket_root else {
            return Err(format!(
                "s3://{bucket}/{key} is not at hand: --bucket-root DIR says where the file {bucket}/{key} is"
            ));
        };
        let plain = is_file_name(bucket)
            && key.split('/').all(is_file_name)
            && version.is_none_or(|version| is_file_name(&format!("@{version}")));
        if !plain {
            return Err(format!("s3://{bucket}/{key} is no name that a file below the bucket root can have"));
        }
        let mut path = root.join(bucket).join(key);
        if let Some(version) = version {
            path.as_mut_os_string().push(format!("@{version}"));
        }
        Ok(path)
    }
}

/// The name under which a certificate's files are kept: the last part of its ARN.
///
/// # Errors
///
/// One sentence: it is no certificate's ARN, or its name is none that a file may have.
fn certificate_name(arn: &str) -> Result<&str, String> {
    let mut parts = arn.splitn(6, ':');
    let resource = parts.next().filter(|first| *first == "arn").and_then(|_| parts.nth(4));
    let name = resource.and_then(|resource| match resource.split_once('/') {
        Some(("certificate", name)) => Some(name),
        Some(("server-certificate", path)) => path.rsplit('/').next(),
        _ => None,
    });
    let name = name.ok_or_else(|| {
        format!("{arn} is no certificate's ARN: it has to end like certificate/NAME or server-certificate/NAME")
    })?;
    if is_file_name(name) { Ok(name) } else { Err(format!("{arn}: its last part is no name that a file can have")) }
}

/// The longest name that a file may have, in bytes.
const FILE_NAME_LEN_MAX: usize = 255;

/// Room for the ending of a name: `.pem`, `.key`.
const ENDING_LEN: usize = 4;

/// Whether that is one name in a directory, and not a way out of it.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_one = matches!((components.next(), components.next()), (Some(Component::Normal(one)), None) if one == name);
    is_one && name.len() <= FILE_NAME_LEN_MAX - ENDING_LEN && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACM: &str = "arn:aws:acm:eu-west-1:123456789012:certificate/11aa-22bb";
    const IAM: &str = "arn:aws:iam::123456789012:server-certificate/web/prod/shop";

    fn given(text: &str) -> CertificateFiles {
        text.parse().expect("a certificate")
    }

    fn in_directory() -> Files {
        Files { certificates: Some("/etc/tls".into()), ..Files::default() }
    }

    #[test]
    fn the_last_part_of_an_arn_names_two_files_of_the_directory() {
        for (arn, name) in [(ACM, "11aa-22bb"), (IAM, "shop"), ("arn:aws-cn:acm:r:a:certificate/x.y", "x.y")] {
            let found = in_directory().certificate(arn).expect(arn);
            let file = |ending: &str| PathBuf::from(format!("/etc/tls/{name}.{ending}"));
            assert_eq!(found, CertificateFiles { name: name.to_owned(), chain: file("pem"), key: file("key") });
        }
    }

    #[test]
    fn a_certificate_given_by_itself_goes_before_the_directory_and_the_last_of_a_name_counts() {
        let mut files = in_directory();
        files.certificate = vec![given("shop=a,b"), given("11aa-22bb=c,d"), given("shop=e,f")];
        assert_eq!(files.certificate(IAM), Ok(given("shop=e,f")));
        files.certificate.push(given(&format!("{ACM}=g,h")));
        assert_eq!(files.certificate(ACM).map(|files| files.chain), Ok(PathBuf::from("g")));
        assert_eq!(files.certificate("arn:aws:acm:r:a:certificate/z").map(|files| files.name), Ok("z".to_owned()));
    }

    #[test]
    fn no_name_leaves_the_directory() {
        for name in ["..", ".", "", "../x", "a/b", "/etc/passwd", "a/", "a\0b", "a\nb", &"x".repeat(252)] {
            let arn = format!("arn:aws:acm:r:a:certificate/{name}");
            let line = in_directory().certificate(&arn).expect_err(name);
            assert!(line.contains("no name that a file can have"), "{line}");
        }
        for name in ["..", ".", "", "a\0b"] {
            let arn = format!("arn:aws:iam::a:server-certificate/path/{name}");
            assert!(in_directory().certificate(&arn).is_err(), "{arn}");
        }
        assert!(in_directory().certificate(&format!("arn:aws:acm:r:a:certificate/{}", "x".repeat(251))).is_ok());
    }

    #[test]
    fn what_is_no_arn_of_a_certificate_is_refused_unless_it_was_given_by_that_very_name() {
        for arn in [
            "shop",
            "",
            "arn:aws:acm:r:a",
            "arn:aws:acm:r:a:key/x",
            "arn:aws:acm:r:certificate/x",
            "xrn:a:b:c:d:certificate/x",
        ] {
            let line = in_directory().certificate(arn).expect_err(arn);
            assert!(line.contains("is no certificate's ARN"), "{line}");
        }
        let files = Files { certificate: vec![given("shop=a,b")], ..in_directory() };
        assert_eq!(files.certificate("shop"), Ok(given("shop=a,b")));
    }

    #[test]
    fn without_a_flag_the_line_says_which_there_are() {
        let none = Files::default();
        let line = none.certificate(ACM).expect_err("none");
        assert_eq!(line, "no certificate files were given: --certificates DIR or --certificate NAME=CHAIN.pem,KEY.pem");
        let other = Files { certificate: vec![given("shop=a,b")], ..Files::default() };
        let line = other.certificate(ACM).expect_err("another");
        assert_eq!(line, format!("no files were given for {ACM}: --certificate 11aa-22bb=CHAIN.pem,KEY.pem"));
        let line = none.object("b", "k", None).expect_err("none");
        assert_eq!(line, "s3://b/k is not at hand: --bucket-root DIR says where the file b/k is");
        assert_eq!([none.any(), other.any(), in_directory().any()], [false, true, true]);
        assert!(Files { bucket_root: Some("/s3".into()), ..Files::default() }.any());
    }

    #[test]
    fn an_object_is_a_file_below_its_bucket_and_a_version_of_it_is_one_beside_it() {
        let files = Files { bucket_root: Some("/s3".into()), ..Files::default() };
        assert_eq!(files.object("trust", "ca/roots.pem", None), Ok("/s3/trust/ca/roots.pem".into()));
        assert_eq!(files.object("trust", "ca/roots.pem", Some("v1")), Ok("/s3/trust/ca/roots.pem@v1".into()));
        for (bucket, key, version) in [
            ("..", "k", None),
            ("b/c", "k", None),
            ("", "k", None),
            ("b", "", None),
            ("b", "../k", None),
            ("b", "a/../../k", None),
            ("b", "/etc/passwd", None),
            ("b", "a//b", None),
            ("b", "./a", None),
            ("b", "a\0", None),
            ("b", "k", Some("/../x")),
            ("b", "k", Some("a\0")),
        ] {
            let line = files.object(bucket, key, version).expect_err(key);
            assert!(line.contains("no name that a file below the bucket root can have"), "{line}");
        }
    }

    #[test]
    fn a_certificate_of_the_command_line_has_a_name_and_two_files() {
        let parsed = given("arn:aws:acm:r:a:certificate/x=/a=b.pem,/c.key");
        assert_eq!(parsed.name, "arn:aws:acm:r:a:certificate/x");
        assert_eq!((parsed.chain, parsed.key), ("/a=b.pem".into(), "/c.key".into()));
        for wrong in ["", "x", "x=", "x=a", "x=a,", "x=,b", "=a,b"] {
            let problem = wrong.parse::<CertificateFiles>().expect_err(wrong);
            assert_eq!(problem, "it has to look like NAME=CHAIN.pem,KEY.pem");
        }
    }
}
