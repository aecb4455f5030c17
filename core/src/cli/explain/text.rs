//! The answer for people.

use std::fmt::Write;

use super::Told;
use super::answer::Answer;
use super::judged::Judged;
use crate::desync::Refused;
use crate::rules::Action;

impl Told<'_> {
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let listener = self.listener;
        let _ = match &self.answer {
            Ok(_) => writeln!(text, "listener {} (port {})", listener.logical_id, listener.port),
            Err(refused) => {
                writeln!(text, "refused with {} before any rule is tried: {refused}", refused.status())
            }
        };
        if let Some(judged) = &self.judged {
            put_judged(judged, self.answer.as_ref().err(), &mut text);
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
        if let Some(body) = self.body.as_ref().filter(|body| !body.is_nothing()) {
            let _ = writeln!(text, "body: {body}");
        }
        if let Ok(answer) = &self.answer {
            put_answer(answer, &mut text);
        }
        text
    }
}

/// What was said already of the reason, where it is the one for refusing the request, is not said again.
fn put_judged(judged: &Judged, refused: Option<&Refused>, text: &mut String) {
    let _ = write!(text, "classification: {}", judged.tier);
    if let Some(reason) = judged.reason {
        let _ = write!(text, ", {reason}");
        if refused != Some(&Refused::Desync(reason)) {
            let _ = write!(text, ": {}", reason.describe());
        }
    }
    text.push('\n');
    if let Some(header) = &judged.header {
        let _ = writeln!(text, "  header: \"{header}\"");
    }
    for (at, (mode, fate)) in judged.fates.iter().enumerate() {
        let own = if at == 0 { " (the load balancer's mode)" } else { "" };
        let _ = writeln!(text, "  {mode}{own}: {fate}");
    }
}

fn put_answer(answer: &Answer<'_>, text: &mut String) {
    let _ = write!(text, "{}", answer.explanation);
    match answer.explanation.decision.action {
        Action::Forward(forward) => {
            for weighted in &forward.groups {
                let _ = writeln!(text, "  to {} with weight {}", answer.group_name(weighted.group), weighted.weight);
            }
        }
        Action::Redirect(_) => {
            let _ = writeln!(text, "  to {}", answer.location.as_deref().unwrap_or_default());
        }
        Action::FixedResponse(response) => {
            let kind = response.content_type.as_deref().unwrap_or("no content type");
            let _ = writeln!(text, "  {kind}, {} bytes", response.body.len());
        }
    }
    if let Some(head) = &answer.forwarded {
        text.push_str("the target would receive:\n");
        for line in String::from_utf8_lossy(head).trim_end().lines() {
            let _ = writeln!(text, "  {}", harmless(line));
        }
    }
}

/// What a terminal may be shown: control characters are spelled out, those beyond ASCII too.
fn harmless(line: &str) -> String {
    let spelled = |c: char| c.is_control() && c != '\t';
    line.chars().map(|c| if spelled(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}
