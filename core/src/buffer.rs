//! Every byte under a ceiling. A [`Buffer`] holds bytes on their way through; it owns memory only while it
//! holds some, so an idle connection costs none. The memory comes from the shard's [`Buffers`], which reuse
//! pages and keep the account: what an admitted exchange needs at least was paid for at admission, everything
//! else is metered against the ceiling and can be refused.

/// The page that every leg of an exchange is entitled to, in bytes. Holds the heads and small bodies of nearly
/// all requests; the same as nginx's and HAProxy's default buffers.
pub const PAGE: usize = 16 * 1024;

/// The page of whoever waits for a peer that takes nothing, in bytes.
pub const SMALL_PAGE: usize = 4 * 1024;

/// The largest page, in bytes: a request head at its limit of 64 K together with what the balancer adds to it,
/// or a bulk transfer's window.
pub const LARGE_PAGE: usize = 80 * 1024;

/// What TLS adds to a large page's worth of plaintext at most, in bytes: 29 for each of six records (RFC 5288 section 3).
pub(crate) const RECORDS_OVERHEAD: usize = 256;

/// What an admitted exchange is entitled to, in bytes: a page for each direction of each leg.
pub const ADMISSION: usize = 4 * PAGE;

/// What it is entitled to besides for a leg with TLS, in bytes: a page of ciphertext for each direction, and what the session
/// itself may hold of either, which is a record or two.
pub const TLS_ADMISSION: usize = 4 * PAGE;

/// Free pages that are kept for reuse, per size. Beyond these, memory goes back to the allocator.
const SPARE_PAGES_MAX: usize = 256;

/// Room below which the bytes of a buffer are moved to its front before more are read, in bytes.
const TAIL_MIN: usize = PAGE / 4;

/// Who pays for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Paid for when its exchange was admitted; never refused. One [`PAGE`], or smaller, per buffer.
    Admitted,
    /// Paid for, whatever the size of the page: a window was set aside before it was advertised.
    Reserved,
    /// Metered: refused when the ceiling is reached.
    Metered,
    /// Metered, and refused beyond a share of the ceiling: for what is no request, so that it cannot take the memory of
    /// those that are.
    Aside,
}

/// The part of the ceiling that [`Payment::Aside`] may have: one of so many.
const ASIDE_SHARE: usize = 16;

/// A shard's memory for bytes in flight: spare pages and the account.
#[derive(Debug)]
pub struct Buffers {
    /// By size, as [`SIZES`] has them.
    spare: [Vec<Vec<u8>>; SIZES.len()],
    ceiling: usize,
    metered: usize,
    /// Part of `metered`.
    aside: usize,
    admitted: usize,
    lent: usize,
}

impl Buffers {
    /// At most `ceiling` bytes are handed out; half of them are for admitted exchanges.
    pub fn new(ceiling: usize) -> Self {
        Buffers { spare: Default::default(), ceiling, metered: 0, aside: 0, admitted: 0, lent: 0 }
    }

    /// Sets aside what one exchange is entitled to: [`ADMISSION`], and [`TLS_ADMISSION`] for each leg with TLS. `false` when
    /// that is not left; new work is then refused, so that work in progress never stalls.
    #[must_use]
    pub fn admit(&mut self, bytes: usize) -> bool {
        let fits = self.admitted.saturating_add(bytes) <= self.ceiling / 2;
        if fits {
            self.admitted += bytes;
        }
        fits
    }

    /// Gives back what [`Buffers::admit`] set aside.
    pub fn dismiss(&mut self, bytes: usize) {
        debug_assert!(self.admitted >= bytes, "more was dismissed than admitted");
        self.admitted = self.admitted.saturating_sub(bytes);
    }

    /// Bytes handed out, set aside for exchanges, and metered.
    pub fn account(&self) -> Account {
        Account { lent: self.lent, admitted: self.admitted, metered: self.metered }
    }

    fn take(&mut self, size: usize, payment: Payment) -> Option<Page> {
        let is_paid = payment == Payment::Reserved || payment == Payment::Admitted && size <= PAGE;
        let metered = if is_paid { 0 } else { size };
        let aside = if payment == Payment::Aside { size } else { 0 };
        if self.metered + metered > self.ceiling / 2 || self.aside + aside > self.ceiling / ASIDE_SHARE && aside > 0 {
            return None;
        }
        self.metered += metered;
        self.aside += aside;
        let spare = self.spare[place(size)].pop();
        self.lent += size;
        Some(Page { bytes: spare.unwrap_or_else(|| vec![0; size]), metered: metered != 0, aside: aside != 0 })
    }

    fn give(&mut self, page: Page) {
        let size = page.bytes.len();
        self.lent -= size;
        if page.metered {
            self.metered -= size;
        }
        if page.aside {
            self.aside -= size;
        }
        let spares = &mut self.spare[place(size)];
        if spares.len() < SPARE_PAGES_MAX {
            spares.push(page.bytes);
        }
    }
}

/// All sizes of pages.
const SIZES: [usize; 3] = [SMALL_PAGE, PAGE, LARGE_PAGE];

/// The place of a size among them.
fn place(size: usize) -> usize {
    match size {
        SMALL_PAGE => 0,
        PAGE => 1,
        _ => 2,
    }
}

/// What a shard's [`Buffers`] have handed out, in bytes. All three are zero when nothing is in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// In pages that buffers hold now.
    pub lent: usize,
    /// Set aside for admitted exchanges.
    pub admitted: usize,
    /// Metered against the ceiling.
    pub metered: usize,
}

/// Bytes that lie in memory outside of pages, and are metered as pages are.
#[derive(Debug, Default)]
pub struct Outside {
    bytes: usize,
    /// Those of them that are [`Payment::Aside`].
    aside: usize,
}

impl Outside {
    /// So many bytes lie there now. `false` if they are more than before and there is no memory for that: they are to be
    /// given up. Nothing was set aside for them, so they are metered, whatever `payment` says of pages.
    #[must_use]
    pub fn set(&mut self, bytes: usize, payment: Payment, buffers: &mut Buffers) -> bool {
        let aside = if payment == Payment::Aside { bytes } else { 0 };
        let metered = buffers.metered - self.bytes + bytes;
        let all_aside = buffers.aside - self.aside + aside;
        if bytes > self.bytes
            && (metered > buffers.ceiling / 2 || aside > 0 && all_aside > buffers.ceiling / ASIDE_SHARE)
        {
            return false;
        }
        (buffers.metered, buffers.aside) = (metered, all_aside);
        (self.bytes, self.aside) = (bytes, aside);
        true
    }

    /// Nothing lies there any more.
    pub fn release(&mut self, buffers: &mut Buffers) {
        buffers.metered -= core::mem::take(&mut self.bytes);
        buffers.aside -= core::mem::take(&mut self.aside);
    }
}

#[derive(Debug)]
struct Page {
    bytes: Vec<u8>,
    metered: bool,
    aside: bool,
}

/// Bytes on their way: appended at the end, consumed at the front. Without bytes it owns no page.
#[derive(Debug, Default)]
pub struct Buffer {
    page: Option<Page>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// The bytes that were appended and not consumed yet.
    pub fn bytes(&self) -> &[u8] {
        self.page.as_ref().map_or(&[], |page| &page.bytes[self.start..self.end])
    }

    /// How many bytes are held.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether none are held.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops the first `n` bytes, and the page with the last one.
    pub fn consume(&mut self, n: usize, buffers: &mut Buffers) {
        debug_assert!(n <= self.len(), "consumed {n} of {}", self.len());
        self.start += n.min(self.len());
        if self.is_empty() {
            self.release(buffers);
        }
    }

    /// Drops the last `n` bytes.
    pub fn cut(&mut self, n: usize, buffers: &mut Buffers) {
        debug_assert!(n <= self.len(), "cut {n} of {}", self.len());
        self.end -= n.min(self.len());
        if self.is_empty() {
            self.release(buffers);
        }
    }

    /// Its page is no longer paid for by an exchange: it counts as metered from now on, even beyond the ceiling, so
    /// that others are refused sooner.
    pub fn meter(&mut self, buffers: &mut Buffers) {
        if let Some(page) = self.page.as_mut().filter(|page| !page.metered) {
            page.metered = true;
            buffers.metered += page.bytes.len();
        }
    }

    /// Gives the page back if it holds nothing.
    pub fn release_if_empty(&mut self, buffers: &mut Buffers) {
        if self.is_empty() {
            self.release(buffers);
        }
    }

    /// Drops everything.
    pub fn release(&mut self, buffers: &mut Buffers) {
        (self.start, self.end) = (0, 0);
        if let Some(page) = self.page.take() {
            buffers.give(page);
        }
    }

    /// Room behind the bytes, at least one byte of it, within `limit` bytes in all. A page is taken if there is none;
    /// a larger one is taken when `limit` allows and the page is full. `None`: the limit is reached, or memory is
    /// refused.
    pub fn room(&mut self, limit: usize, payment: Payment, buffers: &mut Buffers) -> Option<&mut [u8]> {
        match self.free(limit, payment, buffers) {
            0 => None,
            free => Some(self.tail_mut(free)),
        }
    }

    /// As [`Buffer::room`], for a transfer that is known to be long: begins with a large page if one is to be had.
    pub fn bulk_room(&mut self, limit: usize, payment: Payment, buffers: &mut Buffers) -> Option<&mut [u8]> {
        if self.page.is_none() {
            self.page = buffers.take(LARGE_PAGE, Payment::Metered);
        }
        self.room(limit, payment, buffers)
    }

    /// How many bytes [`Buffer::append`] would surely take now: up to the end of a page, or of the larger page if
    /// `limit` allows one and memory is there for it.
    pub fn free(&mut self, limit: usize, payment: Payment, buffers: &mut Buffers) -> usize {
        if self.len() >= limit {
            return 0;
        }
        if self.page.is_none() {
            self.page = buffers.take(if limit > SMALL_PAGE { PAGE } else { SMALL_PAGE }, payment);
        }
        if self.start > 0 {
            self.tidy();
        }
        match self.page_size() {
            SMALL_PAGE if limit > SMALL_PAGE => self.enlarge(PAGE, payment, buffers),
            _ if self.tail() > 0 => {}
            _ if limit > PAGE => self.enlarge(LARGE_PAGE, payment, buffers),
            _ => self.pack(),
        }
        self.tail().min(limit - self.len())
    }

    /// Moves to the smallest page that takes what is held: nobody takes it for now.
    pub(crate) fn shrink(&mut self, buffers: &mut Buffers) {
        let least = SIZES.into_iter().find(|&size| size >= self.len()).unwrap_or(LARGE_PAGE);
        if self.is_empty() || self.page_size() <= least {
            return;
        }
        let payment = match &self.page {
            Some(page) if page.aside => Payment::Aside,
            Some(page) if page.metered => Payment::Metered,
            // A large page that was reserved stays so, whatever its size.
            _ => Payment::Reserved,
        };
        self.change(least, payment, buffers);
    }

    /// The first `n` bytes behind the end, which [`Buffer::free`] said were there.
    pub(crate) fn tail_mut(&mut self, n: usize) -> &mut [u8] {
        let end = self.end;
        self.page.as_mut().and_then(|page| page.bytes.get_mut(end..end + n)).unwrap_or_default()
    }

    /// `n` bytes of the room that was lent have been filled.
    pub fn filled(&mut self, n: usize) {
        debug_assert!(n <= self.tail(), "filled {n} of {}", self.tail());
        self.end += n.min(self.tail());
    }

    /// Appends all of `bytes`, in a larger page if it must. `false`, with nothing appended, if that is refused.
    #[must_use]
    pub fn append(&mut self, bytes: &[u8], payment: Payment, buffers: &mut Buffers) -> bool {
        if bytes.is_empty() {
            return true;
        }
        if !self.make_room(bytes.len(), payment, buffers) {
            return false;
        }
        self.tail_mut(bytes.len()).copy_from_slice(bytes);
        self.end += bytes.len();
        true
    }

    /// As [`Buffer::append`], for what little may follow: begins on the smallest page that takes it.
    #[must_use]
    pub(crate) fn append_alone(&mut self, bytes: &[u8], payment: Payment, buffers: &mut Buffers) -> bool {
        if self.page.is_none() && (1..=SMALL_PAGE).contains(&bytes.len()) {
            self.page = buffers.take(SMALL_PAGE, payment);
        }
        self.append(bytes, payment, buffers)
    }

    /// Makes room for `n` more bytes, in a larger page if it must: [`Buffer::append`] takes so many then. `false` if that is
    /// refused.
    #[must_use]
    pub fn make_room(&mut self, n: usize, payment: Payment, buffers: &mut Buffers) -> bool {
        let whole = self.len() + n;
        if self.page.is_none() {
            let size = if whole > PAGE { LARGE_PAGE } else { PAGE };
            self.page = buffers.take(size, payment);
        }
        if self.tail() < n {
            self.pack();
        }
        if self.tail() < n && whole <= LARGE_PAGE {
            self.enlarge(if whole > PAGE { LARGE_PAGE } else { PAGE }, payment, buffers);
        }
        let fits = self.tail() >= n && self.page.is_some();
        if !fits {
            self.release_if_empty(buffers);
        }
        fits
    }

    /// Bytes of memory that it owns.
    pub(crate) fn page_size(&self) -> usize {
        self.page.as_ref().map_or(0, |page| page.bytes.len())
    }

    /// Bytes between the end and the end of the page.
    fn tail(&self) -> usize {
        self.page.as_ref().map_or(0, |page| page.bytes.len() - self.end)
    }

    fn tidy(&mut self) {
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        } else if self.tail() < TAIL_MIN && self.start >= self.len() {
            self.pack();
        }
    }

    fn pack(&mut self) {
        let (start, end) = (self.start, self.end);
        if let Some(page) = self.page.as_mut() {
            page.bytes.copy_within(start..end, 0);
            (self.start, self.end) = (0, end - start);
        }
    }

    /// Moves to a page of that size, if it is larger and is to be had.
    fn enlarge(&mut self, size: usize, payment: Payment, buffers: &mut Buffers) {
        let payment = if payment == Payment::Admitted && size > PAGE { Payment::Metered } else { payment };
        if self.page.is_none() || self.page_size() >= size || !self.change(size, payment, buffers) {
            self.pack();
        }
    }

    /// Moves to a page of that size, which must be large enough. `false` if there is none.
    fn change(&mut self, size: usize, payment: Payment, buffers: &mut Buffers) -> bool {
        let Some(mut other) = buffers.take(size, payment) else { return false };
        let held = self.len();
        other.bytes[..held].copy_from_slice(self.bytes());
        if let Some(page) = self.page.replace(other) {
            buffers.give(page);
        }
        (self.start, self.end) = (0, held);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers() -> Buffers {
        Buffers::new(1 << 20)
    }

    #[test]
    fn an_empty_buffer_owns_no_page() {
        let mut buffers = buffers();
        let mut buffer = Buffer::default();
        assert!(buffer.append(b"abc", Payment::Metered, &mut buffers));
        assert_eq!(buffers.account().lent, PAGE);
        buffer.consume(3, &mut buffers);
        assert_eq!(buffers.account(), Account::default());
    }

    #[test]
    fn room_ends_at_the_limit_and_not_before() {
        let mut buffers = buffers();
        let mut buffer = Buffer::default();
        assert!(buffer.append(&[7; 99], Payment::Metered, &mut buffers));
        assert_eq!(buffer.room(100, Payment::Metered, &mut buffers).map(|room| room.len()), Some(1));
        buffer.filled(1);
        assert!(buffer.room(100, Payment::Metered, &mut buffers).is_none());
    }

    #[test]
    fn bytes_survive_growth_and_packing() {
        let mut buffers = buffers();
        let mut buffer = Buffer::default();
        let mut expected = Vec::new();
        for round in 0..200_u32 {
            let piece: Vec<u8> = (0..700).map(|i| (round + i) as u8).collect();
            if buffer.append(&piece, Payment::Metered, &mut buffers) {
                expected.extend_from_slice(&piece);
            }
            let gone = buffer.len().min(650);
            buffer.consume(gone, &mut buffers);
            expected.drain(..gone);
            assert_eq!(buffer.bytes(), expected);
        }
    }

    #[test]
    fn a_large_page_takes_a_whole_head_and_nothing_more() {
        let mut buffers = buffers();
        let mut buffer = Buffer::default();
        assert!(buffer.append(&[1; LARGE_PAGE], Payment::Metered, &mut buffers));
        assert!(!buffer.append(&[1], Payment::Metered, &mut buffers));
        assert_eq!(buffer.len(), LARGE_PAGE);
    }

    #[test]
    fn metered_pages_stop_at_the_ceiling_while_admitted_ones_do_not() {
        let mut buffers = Buffers::new(2 * ADMISSION);
        let mut metered: Vec<Buffer> = (0..5).map(|_| Buffer::default()).collect();
        let taken: Vec<bool> = metered.iter_mut().map(|b| b.append(b"x", Payment::Metered, &mut buffers)).collect();
        assert_eq!(taken, [true, true, true, true, false]);
        assert!(buffers.admit(ADMISSION));
        assert!(!buffers.admit(ADMISSION));
        assert!(Buffer::default().append(b"x", Payment::Admitted, &mut buffers));
        buffers.dismiss(ADMISSION);
        assert!(buffers.admit(ADMISSION));
    }

    #[test]
    fn little_room_is_a_small_page_until_more_is_asked_for() {
        let mut buffers = buffers();
        let mut buffer = Buffer::default();
        assert_eq!(buffer.free(SMALL_PAGE, Payment::Metered, &mut buffers), SMALL_PAGE);
        assert_eq!(buffers.account().lent, SMALL_PAGE);
        assert!(buffer.append(&[7; SMALL_PAGE], Payment::Metered, &mut buffers));
        assert_eq!(buffer.free(SMALL_PAGE, Payment::Metered, &mut buffers), 0);
        assert_eq!(buffer.free(SMALL_PAGE + 1, Payment::Metered, &mut buffers), 1);
        assert_eq!(buffers.account(), Account { lent: PAGE, admitted: 0, metered: PAGE });
        assert!(buffer.append(&[8; PAGE], Payment::Metered, &mut buffers));
        assert_eq!((buffers.account().lent, buffer.len()), (LARGE_PAGE, SMALL_PAGE + PAGE));
        assert!(buffer.bytes().starts_with(&[7; SMALL_PAGE]) && buffer.bytes().ends_with(&[8; PAGE]));
        buffer.release(&mut buffers);
        assert_eq!(buffers.account(), Account::default());
    }

    #[test]
    fn a_buffer_shrinks_to_the_smallest_page_for_what_it_holds_and_keeps_who_pays() {
        for payment in [Payment::Admitted, Payment::Metered, Payment::Aside, Payment::Reserved] {
            for (len, lent) in [
                (1, SMALL_PAGE),
                (SMALL_PAGE, SMALL_PAGE),
                (SMALL_PAGE + 1, PAGE),
                (PAGE, PAGE),
                (PAGE + 1, LARGE_PAGE),
            ] {
                let mut buffers = Buffers::new(64 * LARGE_PAGE);
                let mut buffer = Buffer::default();
                buffer.shrink(&mut buffers);
                let is_paid = payment == Payment::Reserved || payment == Payment::Admitted && len + 9 <= PAGE;
                assert!(buffer.append(&vec![7; len + 9], payment, &mut buffers));
                buffer.consume(9, &mut buffers);
                buffer.shrink(&mut buffers);
                buffer.shrink(&mut buffers);
                assert_eq!(buffer.bytes(), vec![7; len]);
                let metered = if is_paid { 0 } else { lent };
                assert_eq!(buffers.account(), Account { lent, admitted: 0, metered });
                assert_eq!(buffers.aside, if payment == Payment::Aside { lent } else { 0 });
                buffer.release(&mut buffers);
                assert_eq!(buffers.account(), Account::default());
            }
        }
    }

    #[test]
    fn what_is_no_request_has_its_share_of_the_ceiling_and_never_more() {
        let mut buffers = Buffers::new(32 * PAGE);
        let mut aside: Vec<Buffer> = (0..3).map(|_| Buffer::default()).collect();
        let taken: Vec<bool> = aside.iter_mut().map(|b| b.append(b"x", Payment::Aside, &mut buffers)).collect();
        assert_eq!(taken, [true, true, false]);
        aside[0].consume(1, &mut buffers);
        assert!(aside[2].append(b"x", Payment::Aside, &mut buffers));
        let mut requests: Vec<Buffer> = (0..15).map(|_| Buffer::default()).collect();
        let taken =
            requests.iter_mut().filter_map(|b| b.append(b"x", Payment::Metered, &mut buffers).then_some(())).count();
        assert_eq!(taken, 14, "all the rest is there for requests");
        aside.iter_mut().chain(&mut requests).for_each(|buffer| buffer.release(&mut buffers));
        assert_eq!(buffers.account(), Account::default());
    }

    #[test]
    fn what_lies_outside_of_pages_is_metered_up_to_the_ceiling_and_that_of_checks_up_to_their_share() {
        for (payment, most) in
            [(Payment::Metered, 512 * 1024), (Payment::Admitted, 512 * 1024), (Payment::Aside, 64 * 1024)]
        {
            let mut buffers = buffers();
            let mut outside = Outside::default();
            assert!(outside.set(most - 1, payment, &mut buffers) && outside.set(most, payment, &mut buffers));
            assert!(!outside.set(most + 1, payment, &mut buffers));
            assert_eq!(buffers.account(), Account { metered: most, ..Account::default() });
            let mut other = Outside::default();
            assert!(!other.set(1, payment, &mut buffers) && other.set(0, payment, &mut buffers));
            assert!(buffers.take(PAGE, payment).is_none() || payment == Payment::Admitted);
            assert!(outside.set(most - 1, payment, &mut buffers) && other.set(1, payment, &mut buffers));
            other.release(&mut buffers);
            outside.release(&mut buffers);
            outside.release(&mut buffers);
            assert_eq!((buffers.account().metered, buffers.aside), (0, 0));
        }
    }

    #[test]
    fn what_lies_outside_of_pages_may_shrink_where_there_is_no_memory_left() {
        let mut buffers = buffers();
        let (mut outside, mut buffer) = (Outside::default(), Buffer::default());
        assert!(outside.set(512 * 1024, Payment::Metered, &mut buffers));
        assert!(buffer.append(b"abc", Payment::Admitted, &mut buffers));
        buffer.meter(&mut buffers);
        assert!(outside.set(512 * 1024 - 1, Payment::Metered, &mut buffers), "it is beyond the ceiling even so");
        assert!(!outside.set(512 * 1024, Payment::Metered, &mut buffers));
    }
}
