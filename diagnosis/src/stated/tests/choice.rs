//! Which of several times counts, and what is none.

use super::*;

#[test]
fn of_several_times_the_one_that_is_led_up_to_counts() {
    name_on_monday(&[
        ("Sent 9:05. Laptop froze about 10:40.", "2026-11-23T10:40:00Z", "about 10:40", 15),
        ("the 8:30 train was late, crashed 10:40", "2026-11-23T10:40:00Z", "10:40", 10),
        ("- 10:40 froze\n- 11:20 froze again", "2026-11-23T10:40:00Z", "10:40", 10),
        ("8:30 train was late, 10:40 the laptop crashed", "2026-11-23T10:40:00Z", "10:40", 10),
        ("10:40 and 11:20", "2026-11-23T10:40:00Z", "10:40", 10),
        ("at 10:40 and at 11:20", "2026-11-23T10:40:00Z", "at 10:40", 10),
        ("My meeting was at 9:00, it froze at 10:40", "2026-11-23T10:40:00Z", "at 10:40", 10),
        ("My meeting is at 17:00 and it froze at 10:40", "2026-11-23T10:40:00Z", "at 10:40", 10),
        ("It froze at 10:40 and my meeting is at 17:00", "2026-11-23T10:40:00Z", "at 10:40", 10),
        ("Sent: Monday 9:05\n\nfroze 10:40", "2026-11-23T10:40:00Z", "10:40", 10),
        ("froze 10:40\n\nOn Mon, Nov 23, 2026 at 9:05 AM Alice wrote: hello", "2026-11-23T10:40:00Z", "10:40", 10),
    ]);
    name_nothing(MONDAY, &["On Mon, Nov 23, 2026 at 9:05 AM Alice wrote: hello", "Sent: Monday 9:05"]);
}

#[test]
fn a_time_that_is_to_come_is_no_answer() {
    let noon = "2026-11-23T13:10:00Z";
    name_nothing(
        noon,
        &[
            "my meeting is at 14:00",
            "my meeting is at 17:00",
            "my meeting is at 2",
            "Meeting at 17:00!",
            "I need it by 17:00",
            "please call me at 15:30",
            "I am here until 17:00",
            "today at 17:00",
            "this afternoon at 4",
            "tonight at 8",
            "tomorrow at 10:40",
            "10:40 tomorrow",
            "next Monday at 10:40",
            "the meeting is on Friday at 10:40",
            "last week at 10:40",
            "2026-11-24 10:40",
        ],
    );
    name_nothing("2026-11-23T08:00:00Z", &["at 9:15", "I start at 9"]);
    name(&[
        ("It crashed at 14:00", noon, "2026-11-22T14:00:00Z"),
        ("no network since 17:00", noon, "2026-11-22T17:00:00Z"),
        ("worked until 10:40", noon, "2026-11-23T10:40:00Z"),
    ]);
}

#[test]
fn what_is_too_old_is_no_answer() {
    name_nothing(MONDAY, &["2026-11-09 10:40", "1 Nov 10:40", "2025-11-21 10:40", "21.10. um 10:40", "400 hours ago"]);
    name(&[("2026-11-09 16:10", MONDAY, "2026-11-09T16:10:00Z")]);
}

#[test]
fn what_only_looks_like_a_time_is_none() {
    name_nothing(
        MONDAY,
        &[
            "",
            "this morning",
            "yesterday",
            "a while ago",
            "a few minutes ago",
            "version 10.0.2",
            "Ubuntu 24.04",
            "Ubuntu 22.04 froze",
            "at 24.04",
            "Windows 11",
            "since Windows 11",
            "since Windows 10 22H2",
            "v2.10",
            "at v2.10",
            "10.1.2.3:8080",
            "at 10.1.2.3",
            "from 10.11.12.13",
            "ping 192.168.10.40",
            "host:1040",
            "host:10:40",
            "main.rs:10:40",
            "error on line 10:40",
            "00:1a:2b:3c:4d:5e",
            "00:11:22:33:44:55",
            "fe80::10:40",
            "2001:db8:10:40::1",
            "16:9",
            "1:1",
            "at 16:9",
            "a 16:10 display",
            "resolution 1920x1080 16:10",
            "1h20 ago",
            "boots in 1:40",
            "in May 2026 at 10:40",
            "on 3 may at 10",
            "about 3 may have failed",
            "I work 8:00-16:30",
            "ratio 16:10",
            "at 9 GB",
            "at 9GB",
            "at 90 %",
            "at 9 %",
            "at 9%",
            "stuck at 9",
            "at 2.4 GHz",
            "about 10.40 GB",
            "ticket 1040",
            "ticket #10",
            "INC0010040",
            "for 2 hours",
            "takes 3 minutes",
            "took 1:30 minutes",
            "for about 3",
            "uptime 10:40",
            "room 10.40",
            "room 10:40",
            "floor 3",
            "$10.40",
            "10.40 EUR",
            "about 10.40 EUR",
            "at 10.40€",
            "24:61",
            "at 24:00",
            "10:60",
            "13:00 am",
            "at 5 users",
            "about 9 people",
            "at 5 and 6 users",
            "at 9, 10 % or so",
            "about 3 and a half",
            "since 9 days",
            "about 20.",
            "up to about 5",
            "Drucker 3 am Empfang",
            "at one point",
            "at first",
            "10h40m",
            "PC-10:40",
            "x10:40",
            "10:40:5",
            "10:405",
            "2026-11-21",
        ],
    );
}
