//! Times of day, spans since, ranges.

use super::*;

#[test]
fn reads_a_time_as_it_is_written() {
    name_on_monday(&[
        ("Laptop froze about 10:40", "2026-11-23T10:40:00Z", "about 10:40", 15),
        ("10:40", "2026-11-23T10:40:00Z", "10:40", 10),
        ("it froze 10:40.", "2026-11-23T10:40:00Z", "10:40", 10),
        ("Froze at 10.40 and again later", "2026-11-23T10:40:00Z", "at 10.40", 10),
        ("At 10.40 Outlook went away.", "2026-11-23T10:40:00Z", "At 10.40", 10),
        ("plus rien depuis 10h40", "2026-11-23T10:40:00Z", "10h40", 10),
        ("Der Rechner stand gegen 10:40 Uhr still", "2026-11-23T10:40:00Z", "gegen 10:40 Uhr", 15),
        ("Absturz 10.40 Uhr", "2026-11-23T10:40:00Z", "10.40 Uhr", 10),
        ("um 10 Uhr 40 abgestürzt", "2026-11-23T10:40:00Z", "um 10 Uhr 40", 10),
        ("seit halb 11 geht nichts mehr", "2026-11-23T10:30:00Z", "seit halb 11", 10),
        ("kl. 10.40 frøs den", "2026-11-23T10:40:00Z", "kl. 10.40", 10),
        ("ca. 10:40", "2026-11-23T10:40:00Z", "ca. 10:40", 15),
        ("froze (~10:40)", "2026-11-23T10:40:00Z", "~10:40", 15),
        ("crash @ 10:40", "2026-11-23T10:40:00Z", "@ 10:40", 10),
        ("10:40:12 the screen went black", "2026-11-23T10:40:12Z", "10:40:12", 10),
        ("10:40 am", "2026-11-23T10:40:00Z", "10:40 am", 10),
        ("10:40AM", "2026-11-23T10:40:00Z", "10:40AM", 10),
        ("at 10:40 a.m. it died", "2026-11-23T10:40:00Z", "at 10:40 a.m.", 10),
        ("about 10:40ish", "2026-11-23T10:40:00Z", "about 10:40ish", 15),
        ("around 10:40-ish it stopped", "2026-11-23T10:40:00Z", "around 10:40-ish", 15),
        ("3 pm", "2026-11-23T15:00:00Z", "3 pm", 30),
        ("since 3pm", "2026-11-23T15:00:00Z", "since 3pm", 30),
        ("around 9", "2026-11-23T09:00:00Z", "around 9", 30),
        ("around 3", "2026-11-23T15:00:00Z", "around 3", 30),
        ("crashed at three, then again", "2026-11-23T15:00:00Z", "at three", 30),
        ("at 9 o'clock", "2026-11-23T09:00:00Z", "at 9 o'clock", 30),
        ("nine o’clock", "2026-11-23T09:00:00Z", "nine o’clock", 30),
        ("at 9, when I opened Excel", "2026-11-23T09:00:00Z", "at 9", 30),
        ("froze at 9 in the morning", "2026-11-23T09:00:00Z", "at 9 in the morning", 30),
        ("at noon", "2026-11-23T12:00:00Z", "at noon", 30),
        ("at midnight", "2026-11-23T00:00:00Z", "at midnight", 30),
        ("half past ten", "2026-11-23T10:30:00Z", "half past ten", 10),
        ("at half past two", "2026-11-23T14:30:00Z", "at half past two", 10),
        ("quarter to 11", "2026-11-23T10:45:00Z", "quarter to 11", 10),
        ("a quarter past nine", "2026-11-23T09:15:00Z", "a quarter past nine", 10),
        ("at quarter to one", "2026-11-23T12:45:00Z", "at quarter to one", 10),
        ("about ten to eleven", "2026-11-23T10:50:00Z", "about ten to eleven", 15),
        ("at twenty-five past nine", "2026-11-23T09:25:00Z", "at twenty-five past nine", 10),
        ("about 5 past two, then at 9", "2026-11-23T14:05:00Z", "about 5 past two", 15),
        ("12 noon", "2026-11-23T12:00:00Z", "12 noon", 30),
        ("12:00 midnight", "2026-11-23T00:00:00Z", "12:00 midnight", 30),
        ("around 9 o clock", "2026-11-23T09:00:00Z", "around 9 o clock", 30),
        ("at approx. 14:05", "2026-11-23T14:05:00Z", "at approx. 14:05", 15),
        ("10:40,11:20", "2026-11-23T10:40:00Z", "10:40", 10),
        ("at 10 past 9", "2026-11-23T09:10:00Z", "at 10 past 9", 10),
    ]);
}

#[test]
fn reads_how_long_ago_it_was() {
    name_on_monday(&[
        ("an hour ago", "2026-11-23T15:00:00Z", "an hour ago", 20),
        ("Froze about an hour ago.", "2026-11-23T15:00:00Z", "about an hour ago", 20),
        ("half an hour ago", "2026-11-23T15:30:00Z", "half an hour ago", 20),
        ("20 minutes ago", "2026-11-23T15:40:00Z", "20 minutes ago", 10),
        ("about 20 min ago", "2026-11-23T15:40:00Z", "about 20 min ago", 15),
        ("2 hours ago", "2026-11-23T14:00:00Z", "2 hours ago", 20),
        ("2h ago", "2026-11-23T14:00:00Z", "2h ago", 20),
        ("two hours ago", "2026-11-23T14:00:00Z", "two hours ago", 20),
        ("a couple of hours ago", "2026-11-23T14:00:00Z", "a couple of hours ago", 20),
        ("1.5 hours ago", "2026-11-23T14:30:00Z", "1.5 hours ago", 20),
        ("one and a half hours ago", "2026-11-23T14:30:00Z", "one and a half hours ago", 20),
        ("an hour and a half ago", "2026-11-23T14:30:00Z", "an hour and a half ago", 20),
        ("an hour and 20 minutes ago", "2026-11-23T14:40:00Z", "an hour and 20 minutes ago", 20),
        ("an hour and half ago", "2026-11-23T14:30:00Z", "an hour and half ago", 20),
        ("1 hr 20 min ago", "2026-11-23T14:40:00Z", "1 hr 20 min ago", 20),
        ("thirty-five minutes ago", "2026-11-23T15:25:00Z", "thirty-five minutes ago", 20),
        ("twenty-two and a half hours ago", "2026-11-22T17:30:00Z", "twenty-two and a half hours ago", 30),
        ("about an hour or so ago", "2026-11-23T15:00:00Z", "about an hour or so ago", 20),
        ("5 hours ago", "2026-11-23T11:00:00Z", "5 hours ago", 30),
    ]);
}

#[test]
fn a_range_is_its_middle() {
    name_on_monday(&[
        ("between 10:20 and 10:50", "2026-11-23T10:35:00Z", "between 10:20 and 10:50", 15),
        ("from 10:20 to 10:50", "2026-11-23T10:35:00Z", "from 10:20 to 10:50", 15),
        ("10:20-10:50", "2026-11-23T10:35:00Z", "10:20-10:50", 15),
        ("froze 10:20 – 10:50 today", "2026-11-23T10:35:00Z", "10:20 – 10:50 today", 15),
        ("yesterday between 9 and 10", "2026-11-22T09:30:00Z", "yesterday between 9 and 10", 30),
        ("2-3 pm", "2026-11-23T14:30:00Z", "2-3 pm", 30),
        ("from 11 to 1 pm", "2026-11-23T12:00:00Z", "from 11 to 1 pm", 60),
        ("between 8 and 11:30", "2026-11-23T09:45:00Z", "between 8 and 11:30", 60),
        ("zwischen 10.20 und 10.50 Uhr", "2026-11-23T10:35:00Z", "zwischen 10.20 und 10.50 Uhr", 15),
        ("between 15:40 and 16:20", "2026-11-23T15:50:00Z", "between 15:40 and 16:20", 10),
        ("last night from 23:50 to 0:10", "2026-11-23T00:00:00Z", "last night from 23:50 to 0:10", 10),
        ("2026-11-21 10:20-10:50", "2026-11-21T10:35:00Z", "2026-11-21 10:20-10:50", 15),
    ]);
    name_nothing(MONDAY, &["we are open from 9:00 to 17:00", "upgraded from 20.04 to 22.04", "from 9 to 10 users"]);
}
