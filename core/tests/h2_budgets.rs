//! What a peer may cost (RFC 9113 section 10.5): each budget on both sides of its edge, floods of 20,000 frames, and honest peers
//! that come near none of it.

mod h2_support;

use h2_support::*;
use sluicegate::http::h2::budget::{self, Allowance, Budget, CONTROL_MAX, TINY_DATA};
use sluicegate::http::h2::frame::{ACK, END_HEADERS, END_STREAM, FrameType, PADDED, PRIORITY};
use sluicegate::http::h2::{Breach, Connection, ErrorCode, Event, Fault, Kind, Terms};

/// More than anybody needs to be sure.
const FLOOD: u32 = 20_000;

/// A server without a limit of requests, so that only budgets end its connections.
fn server() -> End {
    let mut server = End::server_with(Terms { requests_max: u32::MAX, ..Terms::server() });
    server.sees(&settings_ack());
    server.take();
    server
}

/// How many times `frames` can be sent until the budget is overdrawn. What the server says is read all the time.
fn lasts(server: &mut End, frames: impl Fn(u32) -> Vec<u8>) -> (u32, Budget) {
    for n in 0..FLOOD {
        if let (_, Some(error)) = server.feed(&frames(n)) {
            let Breach::Flood(budget) = error.why else { panic!("{error} after {n}") };
            assert_eq!(error.code, ErrorCode::EnhanceYourCalm);
            return (n, budget);
        }
        server.take();
    }
    panic!("it lasts for ever")
}

/// A stream whose body may come.
fn with_stream() -> End {
    let mut server = server();
    server.sees(&post(1));
    server
}

/// The n-th frame of a flood.
type Flood<'a> = &'a dyn Fn(u32) -> Vec<u8>;

#[test]
fn each_budget_lasts_as_long_as_it_says() {
    let frames: [(Allowance, Budget, Flood<'_>); 7] = [
        (budget::PINGS, Budget::Pings, &|_| ping()),
        (budget::PINGS, Budget::Pings, &|_| frame(FrameType::Ping, ACK, 0, b"unwanted")),
        (budget::PRIORITIES, Budget::Priorities, &|n| priority(n | 1, 0)),
        (budget::UNKNOWN, Budget::Unknown, &|n| frame(FrameType::Unknown(n as u8 | 0x10), 0, n, b"x")),
        (budget::WINDOW_UPDATES, Budget::WindowUpdates, &|n| window_update(n % 2, 1)),
        (budget::EMPTY_DATA, Budget::EmptyData, &|_| data(1, b"", false)),
        (budget::EMPTY_DATA, Budget::EmptyData, &|_| frame(FrameType::Data, PADDED, 1, &[2, 0, 0])),
    ];
    for (allowance, budget, frames) in frames {
        assert_eq!(lasts(&mut with_stream(), frames), (u32::from(allowance.max), budget));
    }
    // One was sent at the beginning.
    let settings_left = u32::from(budget::SETTINGS.max) - 1;
    assert_eq!(lasts(&mut with_stream(), |_| settings(&[])), (settings_left, Budget::Settings));
    assert_eq!(lasts(&mut with_stream(), |_| settings_ack()), (settings_left, Budget::Settings));
    let strays = u32::from(budget::STRAYS.max);
    assert_eq!(lasts(&mut with_stream(), |_| goaway(0, ErrorCode::NoError)), (strays, Budget::Strays));
    let mut gone = with_stream();
    gone.sees(&reset(1, ErrorCode::Cancel));
    assert_eq!(lasts(&mut gone, |_| reset(1, ErrorCode::Cancel)), (strays, Budget::Strays));
}

/// How many requests a client that cancels each has let through.
fn let_through(server: &mut End, frames: impl Fn(u32) -> Vec<u8>) -> usize {
    let mut begun = 0;
    for n in 0..FLOOD {
        let (events, error) = server.feed(&frames(2 * n + 1));
        begun += events.iter().filter(|event| matches!(event, Event::Head { kind: Kind::Head, .. })).count();
        server.take();
        if let Some(error) = error {
            assert_eq!(error.why, Breach::Flood(Budget::Resets));
            return begun;
        }
    }
    panic!("it lasts for ever")
}

#[test]
fn rapid_resets_get_a_hundred_requests_through_however_they_are_caused() {
    let by: [&dyn Fn(u32) -> Vec<u8>; 8] = [
        &|n| [get(n), reset(n, ErrorCode::Cancel)].concat(),
        &|n| [post(n), reset(n, ErrorCode::NoError)].concat(),
        &|n| [get(n), window_update(n, 0)].concat(),
        &|n| [get(n), window_update(n, (1 << 31) - 1)].concat(),
        &|n| [get(n), get(n)].concat(),
        &|n| [get(n), data(n, b"x", false)].concat(),
        &|n| [post(n), priority(n, n)].concat(),
        &|n| [post(n), headers(n, &[("x", "y")], false)].concat(),
    ];
    for (which, frames) in by.into_iter().enumerate() {
        assert_eq!(let_through(&mut server(), frames), 101, "{which}");
    }
    // Not even one begins.
    let itself = |n: u32| {
        let payload = [&n.to_be_bytes()[..], &[15], &block(&GET)].concat();
        frame(FrameType::Headers, END_HEADERS | PRIORITY | END_STREAM, n, &payload)
    };
    assert_eq!(let_through(&mut server(), itself), 0);
    assert_eq!(lasts(&mut server(), |n| itself(2 * n + 1)), (100, Budget::Resets));
}

#[test]
fn faults_that_the_owner_finds_count_and_its_own_wishes_do_not() {
    let mut server = server();
    for n in 0..10_000 {
        server.sees(&get(2 * n + 1));
        let code = [ErrorCode::NoError, ErrorCode::Cancel, ErrorCode::InternalError, ErrorCode::RefusedStream];
        server.side.reset(id(2 * n + 1), code[n as usize % 4]);
        server.take();
    }
    for n in 10_000.. {
        let (_, error) = server.feed(&get(2 * n + 1));
        if let Some(error) = error {
            assert_eq!((n, error.why), (10_101, Breach::Flood(Budget::Resets)));
            break;
        }
        server.side.reset(id(2 * n + 1), ErrorCode::ProtocolError);
        server.take();
    }
}

#[test]
fn requests_beyond_the_limit_count_once_the_client_knows_it() {
    let flood = |server: &mut End| {
        (0..128).for_each(|n| assert_eq!(server.sees(&get(2 * n + 1)).len(), 1));
        lasts(server, |n| get(257 + 2 * n))
    };
    assert_eq!(flood(&mut server()), (100, Budget::Resets));
    // Before, it may have opened many; but not for ever.
    assert_eq!(flood(&mut End::server()), (u32::from(budget::STRAYS.max), Budget::Strays));
}

#[test]
fn what_was_answered_may_be_cancelled_for_ever() {
    let mut server = server();
    for n in 0..FLOOD {
        let stream = 2 * n + 1;
        server.sees(&get(stream));
        server.head(id(stream), &[(":status", "103")], false);
        server.head(id(stream), &[(":status", "200")], false);
        server.sees(&reset(stream, ErrorCode::Cancel));
        server.take();
    }
    // An interim answer is none.
    let mut server = self::server();
    for n in 0..=100 {
        let stream = 2 * n + 1;
        server.sees(&get(stream));
        server.head(id(stream), &[(":status", "103")], false);
        server.take();
        let (_, error) = server.feed(&reset(stream, ErrorCode::Cancel));
        assert_eq!(error.is_some(), n == 100);
    }
}

#[test]
fn one_of_five_requests_may_be_cancelled_for_ever_and_one_of_four_not() {
    let cancels = |one_of: u32| {
        let mut server = server();
        (0..FLOOD).all(|n| {
            let stream = 2 * n + 1;
            server.sees(&get(stream));
            if n % one_of == 0 {
                return server.feed(&reset(stream, ErrorCode::Cancel)).1.is_none();
            }
            server.head(id(stream), &[(":status", "204")], true);
            server.take();
            true
        })
    };
    assert!(cancels(5));
    assert!(!cancels(4));
}

#[test]
fn time_fills_every_budget() {
    let all: [(Allowance, Flood<'_>); 8] = [
        (budget::PINGS, &|_| ping()),
        (budget::SETTINGS, &|_| settings(&[])),
        (budget::PRIORITIES, &|_| priority(3, 0)),
        (budget::UNKNOWN, &|_| frame(FrameType::Unknown(99), 0, 0, b"")),
        (budget::WINDOW_UPDATES, &|_| window_update(0, 1)),
        (budget::EMPTY_DATA, &|_| data(1, b"", false)),
        (budget::STRAYS, &|_| goaway(0, ErrorCode::NoError)),
        (budget::RESETS, &|n| [get(2 * n + 3), reset(2 * n + 3, ErrorCode::Cancel)].concat()),
    ];
    for (allowance, frames) in all {
        let a_second = u32::from(allowance.second / allowance.cost);
        let mut server = with_stream();
        for n in 0..FLOOD {
            server.sees(&frames(n));
            server.take();
            if n % a_second == 0 {
                server.side.forgive(1);
            }
        }
        let (left, _) = lasts(&mut server, |n| frames(FLOOD + n));
        assert!(left > 1, "it was filled all the time");
        assert!(left <= u32::from(allowance.max / allowance.cost), "but not above its rim");
    }
}

#[test]
fn control_frames_that_nobody_reads_are_bounded() {
    let mut server = with_stream();
    let mut n = 0;
    let error = loop {
        server.side.forgive(1000);
        if let (_, Some(error)) = server.feed(&ping()) {
            break error;
        }
        n += 1;
        assert!(server.side.control().len() <= CONTROL_MAX + 17);
    };
    assert_eq!((error.why, error.code), (Breach::ControlUnread, ErrorCode::EnhanceYourCalm));
    // One more than fits, since it is looked at before each frame.
    assert_eq!(n, CONTROL_MAX / 17 + 1);
}

#[test]
fn windows_of_a_few_bytes_are_bounded() {
    let mut server = server();
    server.sees(&[settings(&[(4, 0)]), get(1)].concat());
    server.head(id(1), &[(":status", "200")], false);
    let max = u32::from(budget::TINY_DATAS.max);
    for n in 0.. {
        let (_, error) = server.feed(&window_update(1, TINY_DATA as u32 - 1));
        if let Some(error) = error {
            assert_eq!((n, error.why), (max + 1, Breach::Flood(Budget::TinyData)));
            break;
        }
        let room = server.side.room(id(1));
        server.data(id(1), &vec![b'x'; room], false);
        server.take();
    }
}

#[test]
fn small_frames_that_the_owner_wants_are_its_own_business() {
    let mut server = server();
    server.sees(&[get(1), window_update(0, 1 << 30), window_update(1, 1 << 30)].concat());
    server.head(id(1), &[(":status", "200")], false);
    for _ in 0..FLOOD {
        server.data(id(1), b"x", false);
        server.sees(b"");
    }
    // And so are windows that are large enough.
    let mut server = self::server();
    server.sees(&[settings(&[(4, 0)]), get(1), window_update(0, 1 << 30)].concat());
    server.head(id(1), &[(":status", "200")], false);
    for _ in 0..FLOOD {
        server.sees(&window_update(1, TINY_DATA as u32));
        let room = server.side.room(id(1));
        server.data(id(1), &vec![b'x'; room], false);
        server.take();
    }
}

#[test]
fn interim_answers_are_bounded() {
    let mut client = End::asking_client();
    let interim = || headers(1, &[(":status", "103")], false);
    assert_eq!(lasts(&mut client, |_| interim()), (u32::from(budget::INTERIMS.max), Budget::Interims));
    let mut client = End::settled_client();
    for n in 0..1000 {
        let stream = 2 * n + 1;
        client.side.open();
        client.head(id(stream), &GET, true);
        for _ in 0..budget::INTERIMS.begun {
            client.sees(&headers(stream, &[(":status", "103")], false));
        }
        client.sees(&headers(stream, &[(":status", "200")], true));
        client.take();
    }
}

#[test]
fn what_crosses_our_own_resets_is_nobodys_fault_unless_it_does_not_end() {
    let mut client = End::settled_client();
    let mut cancelled = std::collections::VecDeque::new();
    for n in 0..FLOOD {
        let stream = client.side.open().unwrap();
        client.head(stream, &GET, true);
        client.side.reset(stream, ErrorCode::Cancel);
        cancelled.push_back(2 * n + 1);
        client.take();
        if cancelled.len() > 200 {
            let late = cancelled.pop_front().unwrap();
            client.sees(&[headers(late, &[(":status", "200")], false), reset(late, ErrorCode::Cancel)].concat());
        }
    }
    let last = cancelled.pop_back().unwrap();
    let strays = u32::from(budget::STRAYS.max);
    assert_eq!(lasts(&mut client, |_| headers(last, &[("x", "y")], false)), (8 + strays, Budget::Strays));
}

#[test]
fn bodies_of_requests_that_were_ignored_are_bounded() {
    let mut server = server();
    server.side.shut_down();
    server.side.shut_down();
    assert_eq!(server.sees(&post(1)), []);
    let strays = u32::from(budget::STRAYS.max);
    assert_eq!(lasts(&mut server, |_| data(1, b"x", false)), (strays - 1, Budget::Strays));
}

#[test]
fn a_target_that_answers_garbage_loses_its_connection_in_the_end() {
    let mut client = End::settled_client();
    for n in 0..=100 {
        let stream = 2 * n + 1;
        client.side.open();
        client.head(id(stream), &GET, true);
        client.take();
        let (_, error) = client.feed(&data(stream, b"no head", true));
        assert_eq!(error.map(|error| error.why), (n == 100).then_some(Breach::Flood(Budget::Resets)));
    }
    // While its own resets are its own business.
    let mut client = End::settled_client();
    for n in 0..10_000 {
        client.side.open();
        client.head(id(2 * n + 1), &GET, true);
        client.sees(&reset(2 * n + 1, ErrorCode::RefusedStream));
        client.take();
    }
}

// Honest peers.

#[test]
fn a_browser_may_cancel_sixty_images_at_once_and_again_a_little_later() {
    let mut server = server();
    let mut stream = 1;
    for _page in 0..100 {
        for _ in 0..60 {
            server.sees(&[get(stream), priority(stream, 0), window_update(stream, 1 << 20)].concat());
            stream += 2;
        }
        for cancelled in (stream - 120..stream).step_by(2) {
            server.sees(&reset(cancelled, ErrorCode::Cancel));
        }
        server.take();
        server.side.forgive(15);
    }
}

#[test]
fn a_load_generator_with_a_hundred_streams_goes_on_for_ever() {
    let mut server = server();
    let mut credit = 0;
    let requests: Vec<u8> = (0..100).flat_map(|_| get(1)).collect();
    let one = get(1).len();
    for round in 0..1_000u32 {
        let mut requests = requests.clone();
        for (n, request) in requests.chunks_mut(one).enumerate() {
            request[5..9].copy_from_slice(&(round * 200 + n as u32 * 2 + 1).to_be_bytes());
        }
        assert_eq!(server.sees(&requests).len(), 100);
        for n in 0..100 {
            let stream = id(round * 200 + n * 2 + 1);
            server.head(stream, &[(":status", "200")], false);
            server.data(stream, b"hello", true);
            credit += 5;
        }
        server.out.clear();
        if credit > 30_000 {
            server.sees(&window_update(0, credit));
            credit = 0;
        }
    }
    assert_eq!(server.side.streams(), 0);
}

#[test]
fn a_grpc_caller_may_ping_every_ten_seconds_and_cancel_a_call_each_second() {
    let mut server = server();
    for second in 0..FLOOD {
        let stream = 2 * second + 1;
        server.sees(&[post(stream), data(stream, b"hello", false)].concat());
        if second % 10 == 0 {
            server.sees(&ping());
        }
        if let Some(long_ago) = stream.checked_sub(20) {
            server.sees(&reset(long_ago, ErrorCode::Cancel));
        }
        server.take();
        server.side.forgive(1);
    }
}

#[test]
fn whoever_receives_may_measure_and_open_windows_with_each_frame() {
    let mut server = server();
    server.sees(&get(1));
    server.head(id(1), &[(":status", "200")], false);
    for _ in 0..FLOOD {
        server.data(id(1), &[0; 1000], false);
        server.sees(&[ping(), window_update(0, 1000), window_update(1, 1000)].concat());
        server.take();
    }
}

#[test]
fn whoever_gets_many_small_messages_in_a_frame_may_open_its_window_after_each() {
    let lasts = |updates: usize| {
        let mut server = server();
        server.sees(&[get(1), window_update(0, 1 << 30), window_update(1, 1 << 30)].concat());
        server.head(id(1), &[(":status", "200")], false);
        let updates = window_update(1, 1).repeat(updates);
        (0..2 * u32::from(budget::WINDOW_UPDATES.max)).all(|_| {
            server.data(id(1), &[0; 80], false);
            server.take();
            server.feed(&updates).1.is_none()
        })
    };
    let forgiven = 80 / 8 + usize::from(budget::WINDOW_UPDATES.sent);
    assert!(lasts(forgiven));
    assert!(!lasts(forgiven + 1));
    // Also after a whole frame of them.
    let mut server = server();
    server.sees(&[get(1), window_update(0, 1 << 30), window_update(1, 1 << 30)].concat());
    server.head(id(1), &[(":status", "200")], false);
    for _ in 0..10 {
        server.data(id(1), &[0; 16_384], false);
        server.sees(&window_update(1, 8).repeat(16_384 / 8));
        server.take();
    }
}

#[test]
fn a_conversation_byte_by_byte_goes_on_for_ever() {
    let mut server = with_stream();
    server.head(id(1), &[(":status", "200")], false);
    for _ in 0..FLOOD {
        server.sees(&data(1, b"x", false));
        server.side.consumed(id(1), 1);
        server.data(id(1), b"x", false);
        if server.take().len() > 10 {
            server.sees(&[window_update(0, 8192), window_update(1, 8192)].concat());
        }
    }
}

#[test]
fn what_one_connection_drew_is_no_matter_to_another() {
    let mut server = server();
    lasts(&mut server, |_| ping());
    assert_eq!(self::server().sees(&ping()), []);
    let mut fresh = End::new(Connection::server(Terms::server()));
    assert_eq!(fresh.sees(b""), []);
}

#[test]
fn heads_that_are_too_large_draw_on_what_heads_may_grow_to() {
    // Each of 42 KiB of which 36 are beyond what is usual.
    let large = |n: u32| frame(FrameType::Headers, END_HEADERS | END_STREAM, 2 * n + 1, &[0x82; 1001]);
    let beyond = (1001 * 42 - 4096 - 2 * 1001) / 1024;
    let most = u32::from(budget::EXPANSION.max) / beyond;
    assert_eq!(lasts(&mut server(), large), (most, Budget::Expansion));
    // With time it comes back.
    let mut server = server();
    for n in 0..1000 {
        assert!(matches!(server.sees(&large(n))[..], [Event::Reset { fault: Some(Fault::TooManyFields), .. }]));
        server.take();
        server.side.forgive(1);
    }
    // One that is as large as is read at all leaves no room for a second.
    let huge =
        |n: u32| frame(FrameType::Headers, END_HEADERS | END_STREAM, 2 * n + 1, &[0x82; 8 * 65_536 / 42][..8192]);
    let size = 8192 * 42;
    assert_eq!(lasts(&mut self::server(), huge).1, Budget::Expansion);
    assert_eq!(lasts(&mut self::server(), huge).0, 768 / ((size - 4096 - 2 * 8192) / 1024));
    // Trailers count like requests.
    let mut ends = self::server();
    let trailers = |n: u32| [post(2 * n + 1), large(n)].concat();
    assert_eq!(lasts(&mut ends, trailers), (most, Budget::Expansion));
}

/// Heads that are a few bytes compressed and 60 KiB decompressed: a dozen pass, more end the connection. As many of 8 KiB,
/// which large cookies make, pass for ever where answers follow.
#[test]
fn heads_that_grow_when_decompressed_are_counted_until_their_requests_end() {
    use sluicegate::http::h2::{Breach, Connection, ErrorCode, Event, StreamId, Terms};
    /// So many requests, each with `copies` of a field of 3,900 bytes that was sent once.
    fn run(copies: usize, requests: u32, answered: bool) -> Option<Breach> {
        let mut server = Connection::server(Terms::server());
        let mut input = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        let mut output = Vec::new();
        for request in 0..requests {
            let mut block = vec![0x82, 0x87, 0x84, 0x01, 1, b'a'];
            if request == 0 {
                // A literal that goes into the table, of 127 + 3773 bytes.
                block.extend(*b"\x40\x01x\x7f\xbd\x1d");
                block.extend([b'c'; 3_900]);
            }
            block.extend(std::iter::repeat_n(0xbe, copies - usize::from(request == 0)));
            input.extend((block.len() as u32).to_be_bytes()[1..].iter().chain(&[1, 5]));
            input.extend((2 * request + 1).to_be_bytes());
            input.extend(block);
            let mut taken = 0;
            loop {
                let received = match server.receive(&input[taken..]) {
                    Ok(received) => received,
                    Err(error) => {
                        assert_eq!(error.code, ErrorCode::EnhanceYourCalm);
                        return Some(error.why);
                    }
                };
                taken += received.used;
                match received.event {
                    Some(Event::Head { stream, .. }) if answered => {
                        server.write_head(stream, [(&b":status"[..], &b"200"[..])].into_iter(), true, &mut output);
                    }
                    None if received.used == 0 => break,
                    _ => {}
                }
            }
            assert_eq!(server.streams() == 0, answered, "{}", StreamId::new(2 * request + 1).value());
            input.clear();
            output.clear();
            server.control_sent(server.control().len());
        }
        None
    }
    assert_eq!(run(16, 12, false), None);
    assert_eq!(run(16, 100, false), Some(Breach::Flood(Budget::Expansion)));
    assert_eq!(run(2, 128, false), None);
    assert_eq!(run(2, 1000, true), None);
}

#[test]
fn trailers_of_requests_draw_on_what_requests_may_grow_to() {
    let entry = [&[0x40, 1, b'n', 0x7f, 0x80, 0x1d][..], &[b'v'; 3_839]].concat();
    let trailers = |n| [post(2 * n + 1), frame(FrameType::Headers, END_HEADERS | END_STREAM, 2 * n + 1, &[0xbe; 15])];
    let mut server = server();
    let first = [block(&GET), entry].concat();
    server.sees(&frame(FrameType::Headers, END_HEADERS | END_STREAM, 1, &first));
    let lasts = lasts(&mut server, |n| trailers(n + 1).concat());
    assert_eq!(lasts, (u32::from(budget::EXPANSION.max) / 52, Budget::Expansion));
}
