//! Which day a time belongs to, and on whose clock.

use super::*;

#[test]
fn reads_the_day_before_or_behind_a_time() {
    name_on_monday(&[
        ("yesterday 10:40", "2026-11-22T10:40:00Z", "yesterday 10:40", 10),
        ("10:40 yesterday", "2026-11-22T10:40:00Z", "10:40 yesterday", 10),
        ("since yesterday at about 10:40", "2026-11-22T10:40:00Z", "since yesterday at about 10:40", 15),
        ("yesterday 10.40", "2026-11-22T10:40:00Z", "yesterday 10.40", 10),
        ("the day before yesterday at 10:40", "2026-11-21T10:40:00Z", "the day before yesterday at 10:40", 10),
        ("two days ago at 10:40", "2026-11-21T10:40:00Z", "two days ago at 10:40", 10),
        ("froze today at 10:40", "2026-11-23T10:40:00Z", "today at 10:40", 10),
        ("this morning at 9:15", "2026-11-23T09:15:00Z", "this morning at 9:15", 10),
        ("this afternoon at 2:10", "2026-11-23T14:10:00Z", "this afternoon at 2:10", 10),
        ("yesterday evening around 8", "2026-11-22T20:00:00Z", "yesterday evening around 8", 30),
        ("yesterday at 9", "2026-11-22T09:00:00Z", "yesterday at 9", 30),
        ("yesterday at 3", "2026-11-22T15:00:00Z", "yesterday at 3", 30),
        ("last night at 23:10", "2026-11-22T23:10:00Z", "last night at 23:10", 10),
        ("last night around 11", "2026-11-22T23:00:00Z", "last night around 11", 30),
        ("last night around 2", "2026-11-23T02:00:00Z", "last night around 2", 30),
        ("last night at 1:30 am", "2026-11-23T01:30:00Z", "last night at 1:30 am", 10),
        ("last night at midnight", "2026-11-23T00:00:00Z", "last night at midnight", 30),
        ("on Monday at 10:40", "2026-11-23T10:40:00Z", "on Monday at 10:40", 10),
        ("Monday 17:40", "2026-11-16T17:40:00Z", "Monday 17:40", 10),
        ("last Monday 10:40", "2026-11-16T10:40:00Z", "last Monday 10:40", 10),
        ("Friday 10:40", "2026-11-20T10:40:00Z", "Friday 10:40", 10),
        ("Fri, 10:40", "2026-11-20T10:40:00Z", "Fri, 10:40", 10),
        ("at 10:40 on Friday morning", "2026-11-20T10:40:00Z", "at 10:40 on Friday morning", 10),
        ("am Freitag um 10.40 Uhr", "2026-11-20T10:40:00Z", "am Freitag um 10.40 Uhr", 10),
        ("yesterday's crash at 10:40", "2026-11-22T10:40:00Z", "yesterday's crash at 10:40", 10),
        ("Friday's 10:40 call froze", "2026-11-20T10:40:00Z", "Friday's 10:40", 10),
        ("a week ago at 10:40", "2026-11-16T10:40:00Z", "a week ago at 10:40", 10),
        ("on the 20th at 10:40", "2026-11-20T10:40:00Z", "on the 20th at 10:40", 10),
        ("on 20 nov at 10:40", "2026-11-20T10:40:00Z", "on 20 nov at 10:40", 10),
        ("Date: 2026-11-20 Time: 10:40", "2026-11-20T10:40:00Z", "2026-11-20 Time: 10:40", 10),
        ("2026-11-21 10:40", "2026-11-21T10:40:00Z", "2026-11-21 10:40", 10),
        ("21 Nov 10:40", "2026-11-21T10:40:00Z", "21 Nov 10:40", 10),
        ("Nov 21 at 10:40", "2026-11-21T10:40:00Z", "Nov 21 at 10:40", 10),
        ("November 21st, 2026 at 3 pm", "2026-11-21T15:00:00Z", "November 21st, 2026 at 3 pm", 30),
        ("Saturday, 21 November at 10:40", "2026-11-21T10:40:00Z", "Saturday, 21 November at 10:40", 10),
        ("at 10:40 on the 21st of November", "2026-11-21T10:40:00Z", "at 10:40 on the 21st of November", 10),
        ("am 21.11. um 10:40 Uhr", "2026-11-21T10:40:00Z", "am 21.11. um 10:40 Uhr", 10),
        ("21.11.2026 10:40", "2026-11-21T10:40:00Z", "21.11.2026 10:40", 10),
        ("11/21/2026 10:40 AM", "2026-11-21T10:40:00Z", "11/21/2026 10:40 AM", 10),
        ("12/11/2026 10:40", "2026-11-12T10:40:00Z", "12/11/2026 10:40", 10),
        ("11/12 10:40", "2026-11-12T10:40:00Z", "11/12 10:40", 10),
    ]);
}

#[test]
fn reads_the_day_that_its_sentence_begins_with() {
    name_on_monday(&[
        ("Yesterday my laptop froze at 10:40", "2026-11-22T10:40:00Z", "Yesterday my laptop froze at 10:40", 10),
        (
            "On Friday the whole accounting department was here and then Outlook froze at 10:40",
            "2026-11-20T10:40:00Z",
            "at 10:40",
            10,
        ),
        ("It worked yesterday. Froze at 10:40", "2026-11-23T10:40:00Z", "at 10:40", 10),
        ("It worked yesterday but froze at 10:40", "2026-11-23T10:40:00Z", "at 10:40", 10),
        ("I sat there from Sun to sun, it froze at 10:40", "2026-11-23T10:40:00Z", "at 10:40", 10),
    ]);
}

#[test]
fn a_zone_that_is_written_counts() {
    let cases = [
        ("2026-11-21T10:40:00Z", "2026-11-21T10:40:00Z"),
        ("error at 2026-11-21T10:40:00.123+01:00 in the log", "2026-11-21T09:40:00Z"),
        ("2026-11-21 10:40:00-08:00", "2026-11-21T18:40:00Z"),
        ("2026-11-21T10:40-0800", "2026-11-21T18:40:00Z"),
        ("10:40 UTC", "2026-11-23T10:40:00Z"),
        ("10:40 UTC+2", "2026-11-23T08:40:00Z"),
    ];
    for offset in [0, 5 * HOUR + 1800, -8 * HOUR] {
        name_there(cases.map(|(text, moment)| (text, MONDAY, offset, moment)));
    }
}

#[test]
fn an_hour_is_the_last_one_that_was() {
    name(&[
        ("around 3", "2026-11-23T16:00:00Z", "2026-11-23T15:00:00Z"),
        ("around 3", "2026-11-23T10:00:00Z", "2026-11-23T03:00:00Z"),
        ("around 9", "2026-11-23T08:00:00Z", "2026-11-22T21:00:00Z"),
        ("around 9", "2026-11-23T08:50:00Z", "2026-11-23T08:50:00Z"),
        ("at 12", "2026-11-23T13:00:00Z", "2026-11-23T12:00:00Z"),
        ("half past ten", "2026-11-23T23:00:00Z", "2026-11-23T22:30:00Z"),
        ("9:15", "2026-11-23T08:00:00Z", "2026-11-22T09:15:00Z"),
        ("9:15", "2026-11-23T09:10:00Z", "2026-11-23T09:10:00Z"),
        ("9:15", "2026-11-23T16:00:00Z", "2026-11-23T09:15:00Z"),
        ("3:10", "2026-11-23T16:00:00Z", "2026-11-23T15:10:00Z"),
        ("03:10", "2026-11-23T16:00:00Z", "2026-11-23T03:10:00Z"),
        ("9:15", "2026-11-23T00:30:00Z", "2026-11-22T21:15:00Z"),
        ("23:50", "2026-11-23T00:10:00Z", "2026-11-22T23:50:00Z"),
        ("0:05", "2026-11-23T00:10:00Z", "2026-11-23T00:05:00Z"),
        ("10 pm", "2026-11-23T08:00:00Z", "2026-11-22T22:00:00Z"),
        ("midnight", "2026-11-23T00:10:00Z", "2026-11-23T00:00:00Z"),
        ("tonight around 11", "2026-11-23T01:00:00Z", "2026-11-22T23:00:00Z"),
        ("tonight at 1:20", "2026-11-23T02:00:00Z", "2026-11-23T01:20:00Z"),
        ("last night at 3", "2026-11-23T02:00:00Z", "2026-11-22T03:00:00Z"),
        ("31 Dec 23:50", "2027-01-01T08:00:00Z", "2026-12-31T23:50:00Z"),
        ("an hour ago", "2026-11-23T00:30:00Z", "2026-11-22T23:30:00Z"),
    ]);
}

#[test]
fn a_day_is_one_of_the_people_there() {
    name_there([
        ("10:40", "2026-11-23T06:00:00Z", 5 * HOUR + 1800, "2026-11-23T05:10:00Z"),
        ("23:50", "2026-11-22T18:50:00Z", 5 * HOUR + 1800, "2026-11-22T18:20:00Z"),
        ("yesterday 10:40", "2026-11-22T19:00:00Z", 5 * HOUR + 1800, "2026-11-22T05:10:00Z"),
        ("10:40", "2026-11-24T00:30:00Z", -8 * HOUR, "2026-11-23T18:40:00Z"),
        ("yesterday 10:40", "2026-11-24T00:30:00Z", -8 * HOUR, "2026-11-22T18:40:00Z"),
        ("on Monday at 10:40", "2026-11-24T00:30:00Z", -8 * HOUR, "2026-11-23T18:40:00Z"),
        ("2026-11-21 20:40", "2026-11-24T00:30:00Z", -8 * HOUR, "2026-11-22T04:40:00Z"),
        ("last night at 23:10", "2026-11-23T08:00:00Z", HOUR, "2026-11-22T22:10:00Z"),
    ]);
}
