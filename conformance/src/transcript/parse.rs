//! From the text of a transcript to its steps; what is not understood is told with its line.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::play::LOG;
use super::{Act, Behaviour, Step, Transcript, fill, text};

/// A line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

impl std::error::Error for Fault {}

/// A line with those that go on from it.
struct Line<'t> {
    number: usize,
    text: &'t str,
    /// The indented lines below, as they are.
    more: Vec<&'t str>,
}

pub(super) fn transcript(text: &str, template: impl Fn(&str) -> Option<String>) -> Result<Transcript, Fault> {
    let lines = lines(text)?;
    let Some(split) = lines.iter().position(|line| line.text == "---") else {
        return Err(Fault { line: 1, what: "no line `---` between the head and the conversation".to_owned() });
    };
    let mut head = Head::default();
    for line in &lines[..split] {
        head.line(line, &template).map_err(|what| Fault { line: line.number, what })?;
    }
    let fault = |what: &str| Fault { line: 1, what: what.to_owned() };
    let mut transcript = head.finish().map_err(|what| fault(&what))?;
    for line in &lines[split + 1..] {
        let steps = steps(line, &transcript).map_err(|what| Fault { line: line.number, what })?;
        transcript.steps.extend(steps);
    }
    match transcript.steps.iter().find(|step| only_in_virtual_time(step)) {
        Some(step) if !transcript.virtual_only => {
            Err(Fault { line: step.line, what: "this is possible in virtual time only: say `virtual only`".to_owned() })
        }
        _ if transcript.steps.is_empty() => Err(fault("nothing happens")),
        _ => Ok(transcript),
    }
}

/// Joins indented lines to the line above; drops comments and empty lines.
fn lines(text: &str) -> Result<Vec<Line<'_>>, Fault> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let fault = |what: &str| Err(Fault { line: number, what: what.to_owned() });
        if line.ends_with([' ', '\t']) {
            return fault("a space at the end of the line, where nobody sees it: write \\s");
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            lines.push(Line { number, text: line, more: Vec::new() });
        } else if let Some(last) = lines.last_mut() {
            last.more.push(line);
        } else {
            return fault("nothing for this line to go on from");
        }
    }
    Ok(lines)
}

#[derive(Default)]
struct Head {
    title: String,
    proves: Vec<String>,
    virtual_only: bool,
    template: Option<String>,
    set: BTreeMap<String, String>,
    behaviours: BTreeMap<String, Behaviour>,
}

impl Head {
    fn line(&mut self, line: &Line<'_>, template: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
        if self.title.is_empty() {
            self.title = line.text.to_owned();
            return if line.more.is_empty() { Ok(()) } else { Err("the title is one line".to_owned()) };
        }
        if let Some(name) = line.text.strip_prefix("config: ") {
            let text = template(name).ok_or_else(|| format!("there is no template `{name}`"))?;
            self.template = Some(text + &line.more.join("\n"));
            return Ok(());
        }
        if !line.more.is_empty() {
            return Err("only `config` goes on over several lines".to_owned());
        }
        if let Some(ids) = line.text.strip_prefix("proves: ") {
            self.proves = ids.split(',').map(|id| id.trim().to_owned()).collect();
        } else if line.text == "virtual only" {
            self.virtual_only = true;
        } else if let Some((name, value)) = line.text.strip_prefix("set ").and_then(|set| set.split_once(" = ")) {
            self.set.insert(name.to_owned(), value.to_owned());
        } else if let Some(name) = line.text.strip_suffix(" refuses") {
            self.behaviours.insert(name.to_owned(), Behaviour::Refuses);
        } else if let Some(name) = line.text.strip_suffix(" is silent") {
            self.behaviours.insert(name.to_owned(), Behaviour::Silent);
        } else {
            return Err(format!("`{}` means nothing before `---`", line.text));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Transcript, String> {
        if self.proves.is_empty() {
            return Err("it does not say what it proves".to_owned());
        }
        let template = self.template.ok_or("it has no configuration")?;
        for (name, default) in [("port", "80"), ("attributes", "")] {
            self.set.entry(name.to_owned()).or_insert_with(|| default.to_owned());
        }
        let settled = self.set.iter().fold(template.clone(), |text, (name, value)| fill(&text, name, value));
        let mut targets = BTreeMap::new();
        for place in settled.split("{{").skip(1) {
            let (name, _) = place.split_once("}}").ok_or("`{{` without `}}` in the template")?;
            targets.insert(name.to_owned(), self.behaviours.remove(name).unwrap_or(Behaviour::Accepts));
        }
        if let Some(name) = self.behaviours.keys().next() {
            return Err(format!("the template has no target `{name}`"));
        }
        if targets.values().any(|behaviour| *behaviour == Behaviour::Silent) && !self.virtual_only {
            return Err("a silent target is possible in virtual time only: say `virtual only`".to_owned());
        }
        let Head { title, proves, virtual_only, set, .. } = self;
        Ok(Transcript { title, proves, virtual_only, template, set, targets, steps: Vec::new() })
    }
}

fn only_in_virtual_time(step: &Step) -> bool {
    step.who == LOG || matches!(step.act, Act::Wait(_) | Act::Set { .. } | Act::Connect { from: Some(_), .. })
}

/// What one line of the conversation says.
fn steps(line: &Line<'_>, transcript: &Transcript) -> Result<Vec<Step>, String> {
    let number = line.number;
    if let Some((status, sent)) = line.text.split_once(" <- ") {
        return row(number, status, &joined(sent, &line.more));
    }
    let known = |who: &str| {
        let bare = who.trim_end_matches(|c: char| c.is_ascii_digit());
        (bare == "client" || who == LOG || transcript.targets.contains_key(bare))
            .then(|| who.to_owned())
            .ok_or(format!("nobody is called `{who}`"))
    };
    let step = |who: &str, act: Act| Ok(vec![Step { line: number, who: known(who)?, act }]);
    let spoken =
        line.text.find(['<', '>']).map(|at| (&line.text[..at], &line.text[at..=at], line.text[at + 1..].trim_start()));
    if let Some((who, direction, text)) = spoken {
        let all = joined(text, &line.more);
        let (who, piece) = match who.split_once(", in pieces of ") {
            Some((who, piece)) => {
                (who, Some(piece.parse().ok().filter(|&piece| piece > 0).ok_or("pieces of how many bytes?")?))
            }
            None => (who, None),
        };
        return match direction {
            ">" if who == LOG => Err("nothing is said to the log".to_owned()),
            ">" => step(who, Act::Send { bytes: text::bytes(&all)?, piece }),
            _ if piece.is_some() => Err("how bytes arrive is not for the transcript to say".to_owned()),
            _ => step(who, Act::Expect(text::pattern(&all)?)),
        };
    }
    if !line.more.is_empty() {
        return Err("only bytes go on over several lines".to_owned());
    }
    if let Some((name, value)) = line.text.strip_prefix("now set ").and_then(|set| set.split_once(" = ")) {
        let act = Act::Set { name: name.to_owned(), value: value.to_owned() };
        return Ok(vec![Step { line: number, who: String::new(), act }]);
    }
    match line.text.split(' ').collect::<Vec<_>>().as_slice() {
        ["wait", span, "s"] => {
            let span = span.parse().ok().and_then(|span| Duration::try_from_secs_f64(span).ok()).ok_or("how long?")?;
            Ok(vec![Step { line: number, who: String::new(), act: Act::Wait(span) }])
        }
        [who, "connects", rest @ ..] => {
            let (mut to, mut from) = (None, None);
            for pair in rest.chunks(2) {
                match pair {
                    ["to", port] => to = Some(port.parse().map_err(|_| "to which port?")?),
                    ["from", address] => from = Some(address.parse().map_err(|_| "from which address?")?),
                    _ => return Err("`connects`, perhaps `to PORT`, perhaps `from ADDRESS`".to_owned()),
                }
            }
            step(who, Act::Connect { to, from })
        }
        [who, "accepts"] => step(who, Act::Accept),
        [who, "half-closes"] => step(who, Act::HalfClose),
        [who, "closes"] => step(who, Act::Close),
        [who, "resets"] => step(who, Act::Reset),
        [who, "sees", "end"] => step(who, Act::SeesEnd),
        [who, "is", "cut"] => step(who, Act::IsCut),
        [who, "sees", "nothing"] => step(who, Act::SeesNothing),
        _ => Err(format!("`{}` means nothing", line.text)),
    }
}

/// A row of a table: a request, its error page, and the end.
fn row(line: usize, status: &str, sent: &str) -> Result<Vec<Step>, String> {
    let page = text::pattern(&format!("\\(page {status} close)"))?;
    let send = Act::Send { bytes: text::bytes(sent)?, piece: None };
    let acts = [Act::Connect { to: None, from: None }, send, Act::Expect(page), Act::SeesEnd, Act::Close];
    Ok(acts.into_iter().map(|act| Step { line, who: format!("client in line {line}"), act }).collect())
}

fn joined(text: &str, more: &[&str]) -> String {
    more.iter().fold(text.to_owned(), |all, line| all + line.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "A title\nproves: CONN-01, H3\nconfig: one\n";

    fn read(text: &str) -> Result<Transcript, Fault> {
        transcript(text, |name| (name == "one").then(|| "Port: {{port}} {{attributes}}\nTarget: {{web}}\n".to_owned()))
    }

    fn fault(text: &str) -> (usize, String) {
        let fault = read(text).expect_err("a fault");
        (fault.line, fault.what)
    }

    #[test]
    fn the_head_says_what_is_proved_and_with_which_configuration() {
        let text = "A title\nproves: CONN-01, H3\n# why\nvirtual only\nconfig: one\n  More:\n    Type: x\nset port = 8080\nweb is silent\n---\nclient closes\n";
        let read = read(text).expect("a transcript");
        assert_eq!(
            (read.title.as_str(), read.proves.as_slice(), read.virtual_only),
            ("A title", &["CONN-01".to_owned(), "H3".to_owned()][..], true)
        );
        assert_eq!(read.template(|_| 9), "Port: 8080 \nTarget: 9\n  More:\n    Type: x");
        assert_eq!(read.targets().collect::<Vec<_>>(), [("web", Behaviour::Silent)]);
    }

    #[test]
    fn indented_lines_go_on() {
        let read = read(&format!("{HEAD}---\nclient> GET\\s\n        / HTTP/1.1\\r\\n\nweb, in pieces of 2> a\n"))
            .expect("a transcript");
        assert!(matches!(&read.steps[0].act, Act::Send { bytes, piece: None } if bytes == b"GET / HTTP/1.1\r\n"));
        assert!(
            matches!(&read.steps[1], Step { line: 7, act: Act::Send { piece: Some(2), .. }, .. }),
            "{:?}",
            read.steps
        );
    }

    #[test]
    fn a_row_of_a_table_is_a_client_of_its_own() {
        let read = read(&format!("{HEAD}---\n400 <- x\n405 <- y\n")).expect("a transcript");
        assert_eq!(read.steps.len(), 10);
        assert_ne!(read.steps[0].who, read.steps[5].who);
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_line() {
        for (body, line, what) in [
            ("client waves", 5, "means nothing"),
            ("nobody> x", 5, "nobody is called `nobody`"),
            ("client> \\(date)", 5, "cannot vary"),
            ("client> \\q", 5, "backslash"),
            ("client> a\n\n\nclient2 connects to x", 8, "which port"),
            ("wait 5 s", 5, "virtual only"),
            ("now set port = 81", 5, "virtual only"),
            ("log< x", 5, "virtual only"),
            ("log> x", 5, "nothing is said to the log"),
            ("client connects from 1.2.3.4:5", 5, "virtual only"),
            ("client closes\n  x", 5, "only bytes go on"),
            ("client> a ", 5, "end of the line"),
            ("client, in pieces of 0> a", 5, "how many"),
            ("client, in pieces of 2< a", 5, "not for the transcript"),
            ("299 <- x", 5, "no page"),
            ("", 1, "nothing happens"),
        ] {
            let (at, told) = fault(&format!("{HEAD}---\n{body}\n"));
            assert!(at == line && told.contains(what), "{body}: {at}: {told}");
        }
    }

    #[test]
    fn a_head_that_is_not_whole_is_refused() {
        for (text, line, what) in [
            ("A title\n", 1, "`---`"),
            ("A title\nconfig: one\n---\nclient closes\n", 1, "proves"),
            ("A title\nproves: X\n---\nclient closes\n", 1, "no configuration"),
            ("A title\nproves: X\nconfig: two\n---\nclient closes\n", 3, "no template `two`"),
            ("A title\nproves: X\nconfig: one\nother refuses\n---\nclient closes\n", 1, "no target `other`"),
            ("A title\nproves: X\nconfig: one\nweb is silent\n---\nclient closes\n", 1, "virtual only"),
            ("A title\nproves: X\nsense\n---\nclient closes\n", 3, "means nothing"),
            ("  A title\n", 1, "go on from"),
        ] {
            let (at, told) = fault(text);
            assert!(at == line && told.contains(what), "{text}: {at}: {told}");
        }
    }
}
