//! What a client did to HTTP/2 that ended its connection or a stream, as logs and counters tell it: there is no request that it
//! could be told with.

use super::journal::Log;
use super::plan::{dns_name, note};
use super::wire::Front;
use super::{Effect, Shard, WireId};
use crate::exchange::Leg;
use crate::exchange::record::Record;
use crate::http::Asked;
use crate::http::h2::{ConnectionError, ErrorCode};
use crate::observe::Cause;

impl Shard {
    /// The client broke a rule that the whole connection stands on, or used up a budget.
    pub(super) fn record_breach(&mut self, id: WireId, error: &ConnectionError) {
        self.metrics.http2_abuse_count += u64::from(error.code == ErrorCode::EnhanceYourCalm);
        self.record_unserved(id, Cause::of_client(error.why));
    }

    /// Writes a line of the access log, if one is kept, for a client whose request cannot be told.
    pub(super) fn record_unserved(&mut self, id: WireId, cause: Cause) {
        let Some(mut notes) = self.new_notes(id) else { return };
        let Shard { wires, config, journals, notes: spare, effects, now, options, .. } = self;
        let Some(front @ Front { endpoints, port, secured, .. }) = wires.get(id.0).and_then(|wire| wire.front()) else {
            return;
        };
        let balancer = front.served_by(config).1;
        let scheme = if secured.is_some() { "https" } else { "http" };
        let mut noted = Some(core::mem::take(&mut notes));
        note(&mut noted, |draft| draft.unreadable(scheme, dns_name(balancer), port.0));
        let nothing = Leg::default();
        let mut record = Record::new(*now, &nothing, 0, noted);
        record.asked = Asked::Http2 { post: false };
        record.caused(cause);
        let tls = secured.as_ref().map(|secured| secured.logged());
        let mut used = None;
        let line =
            |out: &mut Vec<u8>| used = record.finish(*now, endpoints.peer, &nothing, tls, options.name_causes, out);
        if journals.of_mut(Log::Access).line(line) {
            effects.push(Effect::Journal(Log::Access));
        }
        spare.extend(used);
    }
}
