//! Dates as HTTP and logs write them, from a [`Wall`] and nothing else: the civil calendar is arithmetic.
//!
//! Years end at 9999, since both forms have four digits for them; later moments are written as its last one.

use crate::time::Wall;

/// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 section 5.6.7).
pub type HttpDate = [u8; 29];

/// `1994-11-06T08:49:37.000000Z`, as access logs write moments (guide AL-06).
pub type IsoDate = [u8; 27];

/// The date of the second that was asked for last; a shard asks for the same one many times.
#[derive(Clone, Debug)]
pub struct DateCache {
    second: u64,
    date: HttpDate,
}

impl Default for DateCache {
    fn default() -> Self {
        DateCache { second: 0, date: http_date(Wall::default()) }
    }
}

impl DateCache {
    /// The HTTP date of that moment.
    pub fn imf(&mut self, wall: Wall) -> &HttpDate {
        if self.second != wall.seconds() {
            self.second = wall.seconds();
            self.date = http_date(wall);
        }
        &self.date
    }
}

/// A moment as HTTP writes it.
pub fn http_date(wall: Wall) -> HttpDate {
    let civil = Civil::of(wall);
    let mut date = *b"Day, 00 Mon 0000 00:00:00 GMT";
    date[..3].copy_from_slice(WEEKDAYS[civil.weekday]);
    digits(&mut date[5..7], civil.day);
    date[8..11].copy_from_slice(MONTHS[civil.month - 1]);
    digits(&mut date[12..16], civil.year);
    civil.clock(&mut date[17..25]);
    date
}

/// A moment as logs write it.
pub fn iso_date(wall: Wall) -> IsoDate {
    let civil = Civil::of(wall);
    let mut date = *b"0000-00-00T00:00:00.000000Z";
    digits(&mut date[..4], civil.year);
    digits(&mut date[5..7], civil.month);
    digits(&mut date[8..10], civil.day);
    civil.clock(&mut date[11..19]);
    digits(&mut date[20..26], civil.micros);
    date
}

/// The fields of a moment, UTC.
struct Civil {
    year: usize,
    /// 1 to 12
    month: usize,
    /// 1 to 31
    day: usize,
    /// 0 is Monday.
    weekday: usize,
    /// 0 to 86,399
    second: usize,
    micros: usize,
}

/// The last microsecond of the year 9999.
const LAST_MICROS: u64 = 253_402_300_799_999_999;
/// Days in a cycle of 400 years, after which the calendar repeats.
const CYCLE_DAYS: u64 = 146_097;
/// 1970-01-01, counted from 1600-03-01: the day after the leap day of a year divisible by 400.
const EPOCH_DAYS: u64 = 135_080;

const WEEKDAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// Days before each month of a year that begins in March, so that the leap day comes last.
const DAYS_BEFORE: [u64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];

impl Civil {
    fn of(wall: Wall) -> Civil {
        let micros = wall.micros().min(LAST_MICROS);
        let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = calendar(days);
        // 1970-01-01 was a Thursday.
        let weekday = (days + 3) % 7;
        let [year, month, day, weekday, second, micros] =
            [year, month, day, weekday, second, micros].map(|field| field as usize);
        Civil { year, month, day, weekday, second, micros }
    }

    /// `08:49:37`
    fn clock(&self, out: &mut [u8]) {
        digits(&mut out[..2], self.second / 3600);
        digits(&mut out[3..5], self.second / 60 % 60);
        digits(&mut out[6..8], self.second % 60);
    }
}

/// Year, month and day of a number of days since 1970-01-01.
fn calendar(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH_DAYS;
    let (cycle, in_cycle) = (days / CYCLE_DAYS, days % CYCLE_DAYS);
    // The last day of a cycle, and of four years, is a leap day: it belongs to the year that is ending.
    let century = (in_cycle / 36_524).min(3);
    let in_century = in_cycle - century * 36_524;
    let (four, in_four) = (in_century / 1_461, in_century % 1_461);
    let single = (in_four / 365).min(3);
    let in_year = in_four - single * 365;
    let from_march = DAYS_BEFORE.iter().rposition(|&before| before <= in_year).unwrap_or(0);
    let year = 1600 + cycle * 400 + century * 100 + four * 4 + single + u64::from(from_march >= 10);
    let month = if from_march >= 10 { from_march - 9 } else { from_march + 3 };
    (year, month as u64, in_year - DAYS_BEFORE[from_march] + 1)
}

/// Writes a number right-aligned over digits that are there.
fn digits(out: &mut [u8], mut number: usize) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(seconds: u64) -> String {
        String::from_utf8(http_date(Wall::from_micros(seconds * 1_000_000)).to_vec()).unwrap()
    }

    fn iso(micros: u64) -> String {
        String::from_utf8(iso_date(Wall::from_micros(micros)).to_vec()).unwrap()
    }

    #[test]
    fn known_moments_are_written_as_http_writes_them() {
        assert_eq!(http(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT");
        assert_eq!(http(1_709_251_200), "Fri, 01 Mar 2024 00:00:00 GMT");
    }

    #[test]
    fn a_century_is_no_leap_year_unless_four_hundred_divides_it() {
        assert_eq!(http(4_107_542_399), "Sun, 28 Feb 2100 23:59:59 GMT");
        assert_eq!(http(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
        assert_eq!(http(13_574_563_200), "Tue, 29 Feb 2400 00:00:00 GMT");
    }

    #[test]
    fn every_day_up_to_the_year_9999_follows_the_one_before() {
        let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..2_932_897 {
            assert_eq!(calendar(days), (year, month, day));
            let length = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
    }

    #[test]
    fn logs_get_microseconds_and_a_z() {
        assert_eq!(iso(1_530_570_180_186_641), "2018-07-02T22:23:00.186641Z");
        assert_eq!(iso(1), "1970-01-01T00:00:00.000001Z");
    }

    #[test]
    fn time_stops_at_the_end_of_the_year_9999() {
        assert_eq!(iso(LAST_MICROS), "9999-12-31T23:59:59.999999Z");
        assert_eq!(iso(LAST_MICROS + 1), "9999-12-31T23:59:59.999999Z");
        assert_eq!(iso(u64::MAX), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn the_cache_changes_with_the_second() {
        let mut cache = DateCache::default();
        let mut at = |micros| String::from_utf8(cache.imf(Wall::from_micros(micros)).to_vec()).unwrap();
        assert_eq!(at(999_999), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(at(1_000_000), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(at(1_999_999), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
