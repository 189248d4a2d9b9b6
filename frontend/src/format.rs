//! Numbers, times and names as people read them.
//!
//! Pure: callers pass the time. Figures keep their exact digits beside the rounded ones, because the
//! page must show what `GET …/metrics` says, to the last digit.

/// A fraction as a percentage with one decimal: `78.4%`.
pub fn percent(fraction: f64) -> String {
    format!("{:.1}%", fraction * 100.0)
}

/// All digits of a figure, spelled as the server spells them in JSON.
pub fn exact(value: f64) -> String {
    serde_json::to_string(&value).unwrap_or_else(|_| value.to_string())
}

/// A score to its last digit, as the interface writes it: where two decimals are as short and as near, `Display` takes
/// the other one.
pub fn score(value: f32) -> String {
    serde_json::to_string(&value).unwrap_or_else(|_| value.to_string())
}

/// A count with separators: `12,345`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 label`, `12 labels`.
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// `2.5e-6`, without a decimal that says nothing.
fn short_exponent(value: f64) -> String {
    format!("{value:.1e}").replace(".0e", "e")
}

/// A number for people: whole ones without decimals, small ones with enough of them.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let size = value.abs();
    if size >= 1000.0 {
        let whole = count(size.round() as u64);
        return if value < 0.0 {
            format!("−{whole}")
        } else {
            whole
        };
    }
    let decimals = match size {
        0.0 => 0,
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ if size >= 0.001 => 4,
        _ if size >= 0.0001 => 6,
        _ => return short_exponent(value),
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A difference of two fractions in percentage points: `▲ 1.2`, `▼ 0.4`, `0.0`.
pub fn delta_points(difference: f64) -> String {
    let points = difference * 100.0;
    if points.abs() < 0.05 {
        "0.0".into()
    } else if points > 0.0 {
        format!("▲ {points:.1}")
    } else {
        format!("▼ {:.1}", points.abs())
    }
}

/// The interval of a fraction behind its percentage: `± 1.1` where that says what it is, both ends as soon as its sides
/// differ by more than the decimal that is shown: `(76.9–79.2)`.
pub fn interval(value: f64, low: f64, high: f64) -> String {
    let tenths = |side: f64| (side * 1000.0).round();
    let (below, above) = (value - low, high - value);
    if below < 0.0 || above < 0.0 || (tenths(below) - tenths(above)).abs() > 1.0 {
        format!("({:.1}–{:.1})", low * 100.0, high * 100.0)
    } else {
        format!("± {:.1}", (high - low) * 50.0)
    }
}

/// Bytes in decimal units: `1.2 GB`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut size = value as f64;
    let mut unit = 0;
    while size >= 999.5 && unit < UNITS.len() - 1 {
        size /= 1000.0;
        unit += 1;
    }
    if unit == 0 || size >= 99.95 {
        format!("{size:.0} {}", UNITS[unit])
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

/// A duration in at most two units: `48 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole % 3600 / 60, whole % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// A rate: `1,240 documents/s`, `0.8 rows/s`.
pub fn rate(per_second: f64, unit: &str) -> String {
    let figure = if per_second >= 10.0 {
        count(per_second.round() as u64)
    } else {
        format!("{per_second:.1}")
    };
    format!("{figure} {unit}/s")
}

/// How long ago, in words: `just now`, `5 minutes ago`, `yesterday`.
pub fn relative(now_ms: f64, then_ms: f64) -> String {
    let seconds = ((now_ms - then_ms) / 1000.0).max(0.0) as u64;
    let words = |value: u64, one: &str, many: &str| format!("{} ago", counted(value, one, many));
    match seconds {
        0..=44 => "just now".into(),
        45..=89 => "a minute ago".into(),
        90..=3_569 => words((seconds + 30) / 60, "minute", "minutes"),
        3_570..=84_599 => words((seconds + 1_800) / 3_600, "hour", "hours"),
        84_600..=172_799 => "yesterday".into(),
        172_800..=2_591_999 => words(seconds / 86_400, "day", "days"),
        2_592_000..=31_535_999 => words(seconds / 2_592_000, "month", "months"),
        _ => words(seconds / 31_536_000, "year", "years"),
    }
}

/// Milliseconds since 1970 of an RFC 3339 time in UTC or with an offset.
pub fn parse_time(text: &str) -> Option<f64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let mut rest = text.get(19..)?;
    let mut fraction = 0.0;
    if let Some(digits) = rest.strip_prefix('.') {
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        fraction = format!("0.{}", &digits[..end]).parse().ok()?;
        rest = &digits[end..];
    }
    let offset_minutes = match rest {
        "Z" | "z" | "" => 0,
        _ => {
            let sign = if rest.starts_with('-') { -1 } else { 1 };
            let hours: i64 = rest.get(1..3)?.parse().ok()?;
            let minutes: i64 = rest.get(4..6)?.parse().ok()?;
            sign * (hours * 60 + minutes)
        }
    };
    // Days from civil, after Howard Hinnant.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    Some(seconds as f64 * 1000.0 + fraction * 1000.0)
}

/// A name cut in its middle so that beginning and end stay readable; short ones come back as they are.
pub fn middle(name: &str, longest: usize) -> String {
    let length = name.chars().count();
    if length <= longest || longest < 5 {
        return name.to_owned();
    }
    let tail = (longest - 1) / 3;
    let head = longest - 1 - tail;
    let start: String = name.chars().take(head).collect();
    let end: String = name.chars().skip(length - tail).collect();
    format!("{}…{}", start.trim_end(), end.trim_start())
}

/// A label's name without its parent's in front: below `travel`, `travel/translate` is `translate`.
pub fn below<'a>(name: &'a str, parent: Option<&str>) -> &'a str {
    const SEPARATORS: [&str; 8] = [" / ", " > ", " - ", "--", "::", "/", ">", "|"];
    let Some(rest) = parent
        .filter(|parent| !parent.is_empty())
        .and_then(|parent| name.strip_prefix(parent))
    else {
        return name;
    };
    SEPARATORS
        .iter()
        .find_map(|separator| rest.strip_prefix(separator))
        .filter(|rest| !rest.trim().is_empty())
        .unwrap_or(name)
}

/// The paths that are not the beginning of another one: a label set without its ancestors.
pub fn deepest(paths: &[Vec<String>]) -> Vec<Vec<String>> {
    let leads_on = |path: &Vec<String>| {
        paths
            .iter()
            .any(|other| other.len() > path.len() && other.starts_with(path))
    };
    paths
        .iter()
        .filter(|path| !leads_on(path))
        .cloned()
        .collect()
}

/// Words of an identifier: `import_corpus` becomes `Import corpus`.
pub fn words(identifier: &str) -> String {
    let text = identifier.replace(['_', '-'], " ");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_one_decimal_and_exact_digits_stay() {
        assert_eq!(percent(0.78449), "78.4%");
        assert_eq!(percent(1.0), "100.0%");
        assert_eq!(exact(0.784_321_987_654_321), "0.784321987654321");
        assert_eq!(exact(1.0), "1.0");
        assert_eq!(exact(1e-7), "1e-7");
    }

    #[test]
    fn scores_are_written_as_the_interface_writes_them() {
        // Half-way between two decimals of eight digits.
        assert_eq!(score(0.220_703_12), "0.22070312");
        assert_eq!(score(0.833_007_8), "0.8330078");
        assert_eq!(score(1.0), "1.0");
    }

    #[test]
    fn counts_are_separated() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(counted(1, "label", "labels"), "1 label");
        assert_eq!(counted(2, "label", "labels"), "2 labels");
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        assert_eq!(number(64.0), "64");
        assert_eq!(number(0.001), "0.001");
        assert_eq!(number(0.0001), "0.0001");
        assert_eq!(number(1e-6), "1e-6");
        assert_eq!(number(2.5e-6), "2.5e-6");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(-1500.0), "−1,500");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(200.0), "200");
        assert_eq!(number(f64::NAN), "–");
    }

    #[test]
    fn deltas_show_direction() {
        assert_eq!(delta_points(0.0124), "▲ 1.2");
        assert_eq!(delta_points(-0.004), "▼ 0.4");
        assert_eq!(delta_points(0.0001), "0.0");
        assert_eq!(interval(0.784, 0.773, 0.795), "± 1.1");
        assert_eq!(interval(0.784, 0.769, 0.792), "(76.9–79.2)");
        assert_eq!(interval(0.784, 0.7734, 0.7955), "± 1.1", "11 and 12 tenths");
        assert_eq!(interval(0.784, 0.774, 0.796), "(77.4–79.6)");
        assert_eq!(interval(0.784, 0.79, 0.80), "(79.0–80.0)", "not around it");
        assert_eq!(interval(1.0, 0.942, 1.0), "(94.2–100.0)");
        assert_eq!(interval(0.5, 0.5, 0.5), "± 0.0");
    }

    #[test]
    fn sizes_durations_and_rates() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1_250_000_000), "1.2 GB");
        assert_eq!(bytes(123_400_000), "123 MB");
        assert_eq!(duration(3.25), "3.2 s");
        assert_eq!(duration(48.2), "48 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(7_500.0), "2 h 5 min");
        assert_eq!(duration(f64::INFINITY), "–");
        assert_eq!(rate(1240.4, "documents"), "1,240 documents/s");
        assert_eq!(rate(0.84, "rows"), "0.8 rows/s");
    }

    #[test]
    fn times_are_parsed_and_told_in_words() {
        assert_eq!(parse_time("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(
            parse_time("2026-11-20T12:00:00.500Z"),
            Some(1_795_176_000_500.0)
        );
        assert_eq!(
            parse_time("2026-11-20T14:00:00+02:00"),
            Some(1_795_176_000_000.0)
        );
        assert_eq!(parse_time("soon"), None);
        assert_eq!(relative(10_000.0, 9_000.0), "just now");
        assert_eq!(relative(600_000.0, 0.0), "10 minutes ago");
        assert_eq!(relative(7_200_000.0, 0.0), "2 hours ago");
        assert_eq!(relative(100_000_000.0, 0.0), "yesterday");
        assert_eq!(relative(0.0, 5_000.0), "just now");
    }

    #[test]
    fn long_names_are_cut_in_the_middle() {
        assert_eq!(middle("short", 20), "short");
        assert_eq!(
            middle("exposure biomarker in cord blood", 16),
            "exposure b…blood"
        );
        let arabic = "تصنيف".repeat(50);
        assert_eq!(middle(&arabic, 40).chars().count(), 40);
    }

    #[test]
    fn names_that_repeat_their_parent_are_shortened() {
        assert_eq!(below("travel/translate", Some("travel")), "translate");
        assert_eq!(below("Bio--marker--blood", Some("Bio--marker")), "blood");
        assert_eq!(below("traveling", Some("travel")), "traveling");
        assert_eq!(below("travel/", Some("travel")), "travel/");
        assert_eq!(below("Music", Some("Culture")), "Music");
        assert_eq!(below("Music", None), "Music");
    }

    #[test]
    fn ancestors_are_left_out() {
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        let paths = [
            path("a"),
            path("a/b"),
            path("c"),
            path("a/b/d"),
            path("a/e"),
        ];
        assert_eq!(deepest(&paths), [path("c"), path("a/b/d"), path("a/e")]);
    }

    #[test]
    fn identifiers_become_words() {
        assert_eq!(words("import_corpus"), "Import corpus");
        assert_eq!(words(""), "");
    }
}
