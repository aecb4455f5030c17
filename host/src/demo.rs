//! The demo: three small targets, and a template that shows what rules can do with them, over HTTP and over HTTPS with a
//! certificate that is made on the spot.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use sluicegate::tls::{Pem, Vault};

/// The longest request head and body that a target reads.
const REQUEST_MAX: u64 = 1024 * 1024;

/// What was made for the demo.
#[derive(Clone)]
pub(crate) struct Stage {
    targets: Targets,
    pub(crate) certificate: Arc<OwnCertificate>,
}

/// The running targets' ports.
#[derive(Clone, Copy)]
struct Targets {
    shop: [u16; 2],
    api: u16,
}

/// Starts the targets, and makes a certificate for `localhost` and the address of the HTTPS listener.
///
/// # Errors
///
/// A line for the operator: no port, thread or chance is left for them.
pub(crate) fn start(secure: IpAddr) -> Result<Stage, String> {
    let targets =
        || Ok::<_, io::Error>(Targets { shop: [target("shop-1")?, target("shop-2")?], api: target("api-1")? });
    let targets = targets().map_err(|error| format!("cannot start the demo's targets: {error}"))?;
    let certificate = self_signed(secure).map_err(|error| format!("cannot make the demo's certificate: {error}"))?;
    Ok(Stage { targets, certificate: Arc::new(OwnCertificate(certificate)) })
}

/// The one certificate of the demo, whatever it is asked for.
#[derive(Debug)]
pub(crate) struct OwnCertificate(Pem);

impl Vault for OwnCertificate {
    fn certificate(&self, _: &str) -> Result<Pem, String> {
        Ok(self.0.clone())
    }

    fn object(&self, bucket: &str, key: &str, _: Option<&str>) -> Result<Vec<u8>, String> {
        Err(format!("the demo has no s3://{bucket}/{key}"))
    }
}

fn self_signed(address: IpAddr) -> Result<Pem, rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), address.to_string()];
    names.dedup();
    let key = rcgen::KeyPair::generate()?;
    let mut wanted = rcgen::CertificateParams::new(names)?;
    wanted.distinguished_name.push(rcgen::DnType::CommonName, "Sluicegate demo");
    let certificate = wanted.self_signed(&key)?;
    Ok(Pem { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() })
}

/// Answers on a port that the system picks, for as long as the program runs.
fn target(name: &'static str) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let accept = move || {
        for stream in listener.incoming().flatten() {
            // A target that cannot serve a connection closes it.
            let _ = thread::Builder::new().name(name.to_owned()).spawn(move || serve(name, &stream));
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(accept)?;
    Ok(port)
}

/// Answers request after request until the balancer closes the connection.
fn serve(name: &str, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        let mut limited = (&mut input).take(REQUEST_MAX);
        loop {
            let mut line = String::new();
            if limited.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let body = read_body(&lines, &mut input)?;
        (&*stream).write_all(answer(name, &lines, body).as_bytes())?;
    }
}

/// Reads the body, by length or in chunks, and counts it.
fn read_body(lines: &[String], input: &mut impl BufRead) -> io::Result<u64> {
    let value = |name: &str| {
        let mut fields = lines.iter().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    if value("transfer-encoding").is_some() {
        return read_chunks(input);
    }
    let length = value("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    io::copy(&mut input.take(length), &mut io::sink())
}

fn read_chunks(input: &mut impl BufRead) -> io::Result<u64> {
    let mut total = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        total += io::copy(&mut input.take(size), &mut io::sink())?;
        if size == 0 {
            // Trailers, up to the empty line.
            while input.read_line({
                line.clear();
                &mut line
            })? > 2
            {}
            return Ok(total);
        }
        input.read_line(&mut line)?;
    }
}

fn answer(name: &str, lines: &[String], body: u64) -> String {
    let head = lines.join("\n");
    let text = format!("{name} got a body of {body} bytes and this head:\n\n{head}\n");
    let is_head = lines.first().is_some_and(|line| line.starts_with("HEAD "));
    let shown = if is_head { "" } else { &text };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{shown}",
        text.len()
    )
}

/// What a real template looks like, with targets on this machine and the HTTP and the HTTPS listener on these ports.
pub(crate) fn template([port, secure_port]: [u16; 2], stage: &Stage) -> String {
    let Targets { shop: [shop_one, shop_two], api } = stage.targets;
    // A rule belongs to one listener, so each has its own.
    let rules = |prefix| include_str!("demo-rules.yaml").replace("{prefix}", prefix);
    let text = include_str!("demo.yaml")
        .replace("{port}", &port.to_string())
        .replace("{secure-port}", &secure_port.to_string())
        .replace("{certificate}", CERTIFICATE)
        .replace("{shop-1}", &shop_one.to_string())
        .replace("{shop-2}", &shop_two.to_string())
        .replace("{api-1}", &api.to_string());
    text + &rules("") + &rules("Secure")
}

const CERTIFICATE: &str = "arn:aws:acm:us-east-1:000000000000:certificate/demo";

/// Requests to try.
pub(crate) fn hints(listen: SocketAddr, secure: SocketAddr) -> String {
    format!(
        "\nTry:\n  \
         curl -i http://{listen}/                             # round robin over two targets\n  \
         curl -i http://{listen}/api/orders -d 'one=1'        # a path rule\n  \
         curl -i http://{listen}/ -H 'Host: api.example'      # a host rule\n  \
         curl -i http://{listen}/ -H 'X-Beta: yes'            # a header rule\n  \
         curl -i http://{listen}/old/page?x=1                 # a redirect\n  \
         curl -i http://{listen}/health                       # a fixed response\n  \
         curl -ik https://{secure}/                           # the same over TLS; -k: the certificate was made just now\n\n\
         Stop with Ctrl-C.\n"
    )
}

#[cfg(test)]
mod tests {
    use sluicegate::config::Listener;
    use sluicegate::config::template::Inputs;
    use sluicegate::tls::{Keyring, Provider};

    use super::*;

    #[test]
    fn the_template_is_one_that_the_reader_takes_without_a_warning() {
        let stage = stage();
        let text = template([8080, 8443], &stage);
        let source = sluicegate::config::template::Source { name: "demo", text: &text };
        let now = crate::Clock::new().now().wall;
        let keyring = Keyring { vault: stage.certificate, provider: Provider::aws_lc(), now };
        let inputs = Inputs { keyring: Some(keyring), ..Inputs::default() };
        let (config, warnings) = sluicegate::cli::load(source, &inputs).expect("a valid template");
        assert_eq!(warnings, "");
        assert_eq!(config.groups.len(), 2);
        assert!(config.unserved().is_empty());
        let listener = |port| config.listeners.iter().find(|listener| listener.port == port).expect("a listener");
        let (plain, secure) = (listener(8080), listener(8443));
        assert!(plain.tls.is_none() && secure.tls.as_ref().is_some_and(|terms| terms.default.is_some()));
        let actions = |listener: &Listener| {
            let rules = listener.rules.rules().iter();
            rules.map(|rule| (rule.priority, format!("{:?}{:?}", rule.conditions, rule.action))).collect::<Vec<_>>()
        };
        assert_eq!((actions(plain).len(), actions(plain)), (5, actions(secure)));
    }

    fn stage() -> Stage {
        let certificate = self_signed(Ipv4Addr::LOCALHOST.into()).expect("made");
        Stage { targets: Targets { shop: [1001, 1002], api: 1003 }, certificate: Arc::new(OwnCertificate(certificate)) }
    }

    #[test]
    fn every_start_has_a_certificate_of_its_own() {
        let [one, other] = [stage(), stage()].map(|stage| stage.certificate.0.clone());
        assert!(one.chain != other.chain && one.key != other.key);
        assert!(self_signed("::1".parse().expect("an address")).is_ok());
    }

    #[test]
    fn a_target_tells_who_it_is_and_what_it_got_and_keeps_the_connection() {
        let port = target("t-1").expect("started");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connected");
        let requests = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\
                        HEAD /b HTTP/1.1\r\nX: y\r\n\r\nGET /c HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(requests.as_bytes()).expect("written");
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("answered");
        assert!(answers.contains("t-1 got a body of 2 bytes"), "{answers}");
        assert!(answers.contains("GET /c HTTP/1.1\nContent-Length: 0\n"), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
        assert!(!answers.contains("HEAD /b"), "{answers}");
    }
}
