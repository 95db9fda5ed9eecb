//! Points in time as HAR files write them (RFC 3339).

/// Nanoseconds since 1970-01-01 UTC.
pub(crate) fn rfc3339(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let number = |range: core::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits
            .bytes()
            .all(|it| it.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || !matches!(bytes.get(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let (fraction, zone) = match text.get(19..)?.strip_prefix('.') {
        Some(rest) => {
            let len = rest.bytes().take_while(u8::is_ascii_digit).count();
            let digits = format!("{:0<9}", &rest[..len.min(9)]);
            (digits.parse::<i128>().ok()?, &rest[len..])
        }
        None => (0, text.get(19..)?),
    };
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] | [] => 0,
        [sign @ (b'+' | b'-'), rest @ ..] if rest.len() >= 4 => {
            let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = (digits.get(..2)?, digits.get(2..4)?);
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let days = days_before(year, month) + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second;
    Some(i128::from(seconds) * 1_000_000_000 + fraction)
}

/// Days from 1970-01-01 to the first of a month, in the Gregorian calendar.
fn days_before(year: i64, month: i64) -> i64 {
    // Years that begin with March have the leap day at their end.
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 - 719_468
}

/// A point in time with milliseconds, in UTC.
pub(crate) fn to_rfc3339(nanoseconds: i128) -> String {
    let millis = nanoseconds.div_euclid(1_000_000);
    let days = i64::try_from(millis.div_euclid(86_400_000)).unwrap_or(0);
    let rest = millis.rem_euclid(86_400_000);
    // The inverse of `days_before`, by eras of 400 years.
    let day = days + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year + era * 400, month + 3),
        _ => (year + era * 400 + 1, month - 9),
    };
    let (seconds, millis) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds, written) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
            (
                "2000-02-29T12:00:00.000Z",
                951_825_600,
                "2000-02-29T12:00:00.000Z",
            ),
            (
                "2026-11-28T08:00:00+01:00",
                1_795_849_200,
                "2026-11-28T07:00:00.000Z",
            ),
            (
                "2026-11-28T08:00:00-0130",
                1_795_858_200,
                "2026-11-28T09:30:00.000Z",
            ),
        ] {
            let time = rfc3339(text).unwrap();
            assert_eq!(time, seconds * 1_000_000_000, "{text}");
            assert_eq!(to_rfc3339(time), written);
        }
        assert_eq!(rfc3339("1970-01-01T00:00:00.25Z"), Some(250_000_000));
        for days in (-100_000..100_000).step_by(37) {
            let time = days * 86_400_000_000_000 + 1_000_000;
            assert_eq!(rfc3339(&to_rfc3339(time)), Some(time));
        }
        for bad in [
            "",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-11-28T08:00:00x",
            "20é6-11-28T08:00:00Z",
        ] {
            assert_eq!(rfc3339(bad), None, "{bad}");
        }
    }
}
